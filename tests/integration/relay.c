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
};

struct pass {
	struct relay *relay;
	int client;
};

static int loopback(uint16_t port, int (*how)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (how(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	return fd;
}

static bool copy(int from, int to)
{
	char chunk[16384];
	ssize_t n = recv(from, chunk, sizeof(chunk), 0);

	return n > 0 && send(to, chunk, (size_t)n, MSG_NOSIGNAL) == n;
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
			open = (polled[i].revents & POLLIN) != 0 ? copy(fds[i], fds[1 - i]) : (polled[i].revents & (POLLERR | POLLHUP)) == 0;
	}
	close(fds[0]);
	close(fds[1]);
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
