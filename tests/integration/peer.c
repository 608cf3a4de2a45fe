#include "tests/integration/peer.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	enum peer_habit habit;
	int listener, stop_fd;
	pthread_t thread;
	atomic_uint connections;
};

struct connection {
	struct peer *peer;
	int fd;
};

/* Wait for fd or for the end of the peer. */
static bool ready(const struct peer *p, int fd, short events)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = p->stop_fd, .events = POLLIN}};

	return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static bool send_all(const struct peer *p, int fd, const unsigned char *at, size_t n)
{
	while (n > 0) {
		ssize_t r = ready(p, fd, POLLOUT) ? send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;

		if (r < 0)
			return false;
		at += r;
		n -= (size_t)r;
	}
	return true;
}

void peer_fill(unsigned char *p, size_t n, uint64_t at)
{
	for (size_t i = 0; i < n; i++, at++)
		p[i] = (unsigned char)(at * 2654435761u >> 13);
}

static void echo(const struct peer *p, int fd)
{
	unsigned char chunk[65536];
	ssize_t n;

	while (ready(p, fd, POLLIN) && (n = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
		if (!send_all(p, fd, chunk, (size_t)n))
			return;
	}
}

static void sum(const struct peer *p, int fd)
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX_LEN + 1];
	unsigned char chunk[65536];
	ssize_t n = -1;

	while (ready(p, fd, POLLIN) && (n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		digest_update(d, chunk, (size_t)n);
	digest_final(d, hex);
	if (n == 0)
		send_all(p, fd, (const unsigned char *)hex, DIGEST_HEX_LEN);
}

static void give(const struct peer *p, int fd, uint64_t n)
{
	unsigned char chunk[65536];

	for (uint64_t at = 0; at < n; at += sizeof(chunk)) {
		size_t part = n - at < sizeof(chunk) ? n - at : sizeof(chunk);

		peer_fill(chunk, part, at);
		if (!send_all(p, fd, chunk, part))
			return;
	}
}

static void sink(const struct peer *p, int fd)
{
	char chunk[65536];

	while (ready(p, fd, POLLIN) && recv(fd, chunk, sizeof(chunk), 0) > 0)
		;
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	struct peer *p = c->peer;

	switch (p->habit) {
	case PEER_ECHO:
		echo(p, c->fd);
		break;
	case PEER_SUM:
		sum(p, c->fd);
		break;
	case PEER_GIVE:
		give(p, c->fd, PEER_GIVEN);
		break;
	case PEER_FLOOD:
		give(p, c->fd, UINT64_MAX);
		break;
	case PEER_SINK:
		sink(p, c->fd);
		break;
	}
	close(c->fd);
	free(c);
	atomic_fetch_sub(&p->connections, 1);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct peer *p = arg;

	while (ready(p, p->listener, POLLIN)) {
		struct connection *c = xnew(struct connection);
		pthread_t thread;

		c->peer = p;
		c->fd = accept(p->listener, NULL, NULL);
		atomic_fetch_add(&p->connections, 1);
		if (c->fd < 0 || pthread_create(&thread, NULL, serve, c) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

static int listen_on_loopback(int backlog, uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, backlog) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	*ret_port = ntohs(a.sin_port);
	return fd;
}

struct peer *peer_start(enum peer_habit habit, uint16_t *ret_port)
{
	struct peer *p = xnew(struct peer);

	p->habit = habit;
	p->listener = listen_on_loopback(1000, ret_port);
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	atomic_init(&p->connections, 0);
	if (pthread_create(&p->thread, NULL, accept_all, p) != 0)
		abort();
	return p;
}

unsigned peer_connections(struct peer *p)
{
	return atomic_load(&p->connections);
}

void peer_stop(struct peer *p)
{
	(void)eventfd_write(p->stop_fd, 1);
	pthread_join(p->thread, NULL);
	while (peer_connections(p) > 0)
		usleep(1000);
	close(p->listener);
	close(p->stop_fd);
	free(p);
}

enum { FILLERS = 8 };

struct silent_port {
	int listener;
	uint16_t port;
	int fillers[FILLERS];
};

static int begin_connect(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)!connect(fd, (struct sockaddr *)&a, sizeof(a));
	return fd;
}

/* Linux drops the SYNs that a full backlog has no room for. */
struct silent_port *silent_port_new(uint16_t *ret_port)
{
	struct silent_port *p = xnew(struct silent_port);

	p->listener = listen_on_loopback(0, &p->port);
	for (int i = 0; i < FILLERS; i++)
		p->fillers[i] = begin_connect(p->port);
	usleep(50000);
	*ret_port = p->port;
	return p;
}

static void close_fillers(struct silent_port *p)
{
	for (int i = 0; i < FILLERS; i++) {
		if (p->fillers[i] >= 0)
			close(p->fillers[i]);
		p->fillers[i] = -1;
	}
}

void silent_port_open(struct silent_port *p)
{
	struct pollfd fd = {.fd = p->listener, .events = POLLIN};

	close_fillers(p);
	if (listen(p->listener, 100) < 0)
		abort();
	while (poll(&fd, 1, 50) > 0)
		close(accept(p->listener, NULL, NULL));
}

void silent_port_free(struct silent_port *p)
{
	close_fillers(p);
	close(p->listener);
	free(p);
}
