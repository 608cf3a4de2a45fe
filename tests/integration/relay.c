#include "tests/integration/relay.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	int listener;
	uint16_t to_port;
	pthread_t thread;
	atomic_bool swallow, stopped, struck;
	atomic_uint connections, running, silences_ended;
	atomic_uint_fast64_t passed, most;
	pthread_mutex_t lock; /* of what follows */
	bool armed;
	struct relay_fault fault;
	uint64_t at;
};

enum { CLIENT, SERVER };

struct pass {
	struct relay *relay;
	int fds[2];
	uint64_t passed;
	bool met;		  /* the fault */
	struct relay_fault fault; /* which */
	int64_t silent_until;	  /* clock_ms() */
	unsigned silences_ended;  /* when it fell silent */
	int64_t next[2];	  /* clock_ms() of the next piece from either side */
};

static int loopback(uint16_t port, int (*how)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (how(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	return fd;
}

/* Whether the connection has met a fault of that kind that concerns what comes from that side. */
static bool has(const struct pass *p, enum relay_kind kind, int from)
{
	return p->met && p->fault.kind == kind && (p->fault.ways & (from == CLIENT ? RELAY_UP : RELAY_DOWN)) != 0;
}

static bool is_silent(const struct pass *p, int from)
{
	return p->relay->swallow || (has(p, RELAY_SILENCE, from) && clock_ms() < p->silent_until) || clock_ms() < p->next[from];
}

static bool is_for_ever(const struct pass *p)
{
	return p->met && p->fault.kind == RELAY_SILENCE && p->silent_until == CLOCK_NEVER;
}

/* Bytes that may pass before the fault; 0: this connection meets it now. */
static uint64_t room(struct pass *p)
{
	struct relay *r = p->relay;
	uint64_t left = UINT64_MAX;

	pthread_mutex_lock(&r->lock);
	if (r->armed && !p->met) {
		left = r->at > p->passed ? r->at - p->passed : 0;
		p->fault = r->fault;
		r->armed = left > 0;
	}
	pthread_mutex_unlock(&r->lock);
	return left;
}

static void meet(struct pass *p)
{
	p->met = true;
	p->silent_until = p->fault.ms == 0 ? CLOCK_NEVER : clock_deadline(p->fault.ms);
	p->silences_ended = p->relay->silences_ended;
	p->relay->struck = true;
}

/* Into the dark goes what is for a client that is not heard any more. */
static bool deliver(struct pass *p, int to, const char *chunk, size_t n)
{
	return send(p->fds[to], chunk, n, MSG_NOSIGNAL) == (ssize_t)n || is_for_ever(p);
}

static bool copy(struct pass *p, int from)
{
	char chunk[16384];
	uint64_t left = room(p);
	ssize_t n;

	if (left == 0) {
		meet(p);
		return p->fault.kind != RELAY_RESET && p->fault.kind != RELAY_CLOSE;
	}
	n = recv(p->fds[from], chunk, has(p, RELAY_DRIP, from) ? 1 : MIN(sizeof(chunk), left), 0);
	if (n <= 0 || !deliver(p, 1 - from, chunk, (size_t)n))
		return false;
	p->passed += (uint64_t)n;
	p->relay->passed = p->passed;
	p->relay->most = MAX(p->relay->most, p->passed); /* nearly: others may move at the same time */
	if (has(p, RELAY_DELAY, from))
		p->next[from] = clock_deadline(p->fault.ms);
	return true;
}

/* Without the ceremony of FIN. */
static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static bool turn(struct pass *p)
{
	struct pollfd polled[2];
	bool open = !is_for_ever(p) || p->silences_ended == p->relay->silences_ended;

	for (int i = 0; i < 2; i++)
		polled[i] = (struct pollfd){.fd = is_silent(p, i) ? -1 : p->fds[i], .events = POLLIN};
	if (poll(polled, 2, has(p, RELAY_DELAY, CLIENT) || has(p, RELAY_DELAY, SERVER) ? 1 : 10) <= 0)
		return open;
	for (int i = 0; i < 2 && open; i++)
		open = (polled[i].revents & POLLIN) != 0 ? copy(p, i) : (polled[i].revents & (POLLERR | POLLHUP)) == 0;
	return open;
}

static void *pass(void *arg)
{
	struct pass *p = arg;

	p->fds[SERVER] = loopback(p->relay->to_port, connect);
	while (!p->relay->stopped && turn(p))
		;
	for (int i = 0; i < 2; i++) {
		if (is_for_ever(p) || (p->met && p->fault.kind == RELAY_RESET))
			reset(p->fds[i]);
		close(p->fds[i]);
	}
	atomic_fetch_sub(&p->relay->running, 1);
	free(p);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct relay *r = arg;
	struct pollfd ready = {.fd = r->listener, .events = POLLIN};

	while (!r->stopped) {
		struct pass *p;
		pthread_t thread;

		if (poll(&ready, 1, 10) <= 0)
			continue;
		p = xnew(struct pass);
		p->relay = r;
		p->fds[CLIENT] = accept(r->listener, NULL, NULL);
		atomic_fetch_add(&r->connections, 1);
		atomic_fetch_add(&r->running, 1);
		if (p->fds[CLIENT] < 0 || pthread_create(&thread, NULL, pass, p) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

struct relay *relay_start(uint16_t to_port, uint16_t *ret_port)
{
	struct relay *r = xnew(struct relay);
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	r->to_port = to_port;
	pthread_mutex_init(&r->lock, NULL);
	r->listener = loopback(0, bind);
	if (listen(r->listener, 100) < 0 || getsockname(r->listener, (struct sockaddr *)&a, &len) < 0 ||
	    pthread_create(&r->thread, NULL, accept_all, r) != 0)
		abort();
	*ret_port = ntohs(a.sin_port);
	return r;
}

void relay_swallow(struct relay *r, bool on)
{
	r->swallow = on;
}

void relay_arm(struct relay *r, const struct relay_fault *fault, uint64_t at)
{
	pthread_mutex_lock(&r->lock);
	r->armed = fault != NULL;
	if (fault != NULL)
		r->fault = *fault;
	r->at = at;
	r->struck = false;
	pthread_mutex_unlock(&r->lock);
}

bool relay_struck(struct relay *r)
{
	return r->struck;
}

void relay_end_silence(struct relay *r)
{
	atomic_fetch_add(&r->silences_ended, 1);
}

uint64_t relay_passed(struct relay *r)
{
	return r->passed;
}

uint64_t relay_most(struct relay *r)
{
	return r->most;
}

unsigned relay_connections(struct relay *r)
{
	return r->connections;
}

void relay_stop(struct relay *r)
{
	r->stopped = true;
	pthread_join(r->thread, NULL);
	while (r->running > 0)
		usleep(1000);
	close(r->listener);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
