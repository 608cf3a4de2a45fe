#include "tests/integration/relay.h"
#include "core/base/alloc.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	int listener;
	uint16_t to_port;
	pthread_t thread;
	atomic_bool swallow, stopped;
	atomic_uint connections, running;
	atomic_uint_fast64_t limit, passed;
};

struct pass {
	struct relay *relay;
	int client;
	uint64_t limit, passed;
};

static int loopback(uint16_t port, int (*how)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (how(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	return fd;
}

static bool copy(struct pass *p, int from, int to)
{
	char chunk[16384];
	uint64_t room = p->limit == 0 ? sizeof(chunk) : p->limit - p->passed;
	ssize_t n = room == 0 ? 0 : recv(from, chunk, room < sizeof(chunk) ? (size_t)room : sizeof(chunk), 0);

	if (n <= 0 || send(to, chunk, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	p->passed += (uint64_t)n;
	p->relay->passed = p->passed;
	return p->passed != p->limit;
}

/* Without the ceremony of FIN. */
static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void *pass(void *arg)
{
	struct pass *p = arg;
	int fds[2] = {p->client, loopback(p->relay->to_port, connect)};
	bool open = true;

	while (open && !p->relay->stopped) {
		short events = p->relay->swallow ? 0 : POLLIN;
		struct pollfd polled[2] = {{.fd = fds[0], .events = events}, {.fd = fds[1], .events = events}};

		if (poll(polled, 2, 10) <= 0)
			continue;
		for (int i = 0; i < 2 && open; i++)
			open = (polled[i].revents & POLLIN) != 0 ? copy(p, fds[i], fds[1 - i]) : (polled[i].revents & (POLLERR | POLLHUP)) == 0;
	}
	for (int i = 0; i < 2; i++) {
		if (p->limit != 0)
			reset(fds[i]);
		close(fds[i]);
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
		p->limit = r->limit;
		p->client = accept(r->listener, NULL, NULL);
		atomic_fetch_add(&r->connections, 1);
		atomic_fetch_add(&r->running, 1);
		if (p->client < 0 || pthread_create(&thread, NULL, pass, p) != 0)
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

void relay_cut(struct relay *r, uint64_t limit)
{
	r->limit = limit;
}

uint64_t relay_passed(struct relay *r)
{
	return r->passed;
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
	free(r);
}
