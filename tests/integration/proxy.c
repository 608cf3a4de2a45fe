#include "tests/integration/proxy.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 64 };

struct proxy {
	int listener, stop;
	uint16_t port;
	char *basic; /* what Proxy-Authorization has to be */
	pthread_t thread, peers[PEERS_MAX];
	size_t n_peers;
	pthread_mutex_t lock; /* of the counts */
	unsigned connects, gets, refusals;
};

struct peer {
	struct proxy *proxy;
	int fd;
};

static void count(struct proxy *p, unsigned *what)
{
	pthread_mutex_lock(&p->lock);
	(*what)++;
	pthread_mutex_unlock(&p->lock);
}

/* Both ways until one ends, or the proxy stops. */
static void pump(const struct proxy *p, int a, int b)
{
	struct pollfd fds[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}, {.fd = p->stop, .events = POLLIN}};
	char bytes[16384];

	while (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[2].revents == 0)
		for (int i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents != 0 ? recv(fds[i].fd, bytes, sizeof(bytes), 0) : 1;

			if (n <= 0)
				return;
			if (fds[i].revents != 0 && send(fds[1 - i].fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
				return;
		}
}

static int connect_to(unsigned port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool is_welcome(struct proxy *p, const char *head)
{
	if (p->basic == NULL || strstr(head, p->basic) != NULL)
		return true;
	count(p, &p->refusals);
	return false;
}

/* "GET http://host:port/path HTTP/1.1" becomes "GET /path HTTP/1.1". */
static void pass_on(struct proxy *p, int fd, const char *head, size_t len)
{
	const char *url = strchr(head, ' ') + 1, *path = strstr(url, "://");
	unsigned port = 0;
	int to;

	path = path != NULL ? strchr(path + 3, '/') : NULL;
	if (path == NULL || sscanf(url, "http://%*[^:]:%u", &port) != 1 || (to = connect_to(port)) < 0) {
		say(fd, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	count(p, &p->gets);
	(void)!send(to, head, (size_t)(url - head), MSG_NOSIGNAL);
	(void)!send(to, path, len - (size_t)(path - head), MSG_NOSIGNAL);
	pump(p, fd, to);
	close(to);
}

static void tunnel(struct proxy *p, int fd, const char *head)
{
	unsigned port = 0;
	int to = sscanf(head, "CONNECT %*[^:]:%u", &port) == 1 ? connect_to(port) : -1;

	if (to < 0) {
		say(fd, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	count(p, &p->connects);
	say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
	pump(p, fd, to);
	close(to);
}

static void *serve(void *arg)
{
	struct peer *peer = arg;
	struct proxy *p = peer->proxy;
	CLEANUP_BUF struct buf in = BUF_INIT;
	char bytes[4096];
	ssize_t n;

	while (strstr(buf_str(&in), "\r\n\r\n") == NULL && (n = recv(peer->fd, bytes, sizeof(bytes), 0)) > 0)
		buf_add_mem(&in, bytes, (size_t)n);
	if (strstr(buf_str(&in), "\r\n\r\n") == NULL)
		n = 0;
	else if (!is_welcome(p, in.data))
		say(peer->fd, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
			      "Content-Length: 0\r\nConnection: close\r\n\r\n");
	else if (strncmp(in.data, "CONNECT ", 8) == 0)
		tunnel(p, peer->fd, in.data);
	else
		pass_on(p, peer->fd, in.data, in.len);
	close(peer->fd);
	free(peer);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct proxy *p = arg;
	struct pollfd fds[] = {{.fd = p->listener, .events = POLLIN}, {.fd = p->stop, .events = POLLIN}};

	while (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[1].revents == 0 && p->n_peers < PEERS_MAX) {
		struct peer *peer = xnew(struct peer);

		*peer = (struct peer){p, accept4(p->listener, NULL, NULL, SOCK_CLOEXEC)};
		pthread_create(&p->peers[p->n_peers++], NULL, serve, peer);
	}
	return NULL;
}

struct proxy *proxy_start(const char *password)
{
	struct proxy *p = xnew(struct proxy);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CLEANUP_FREE char *encoded = password != NULL ? base64_encode(password, strlen(password)) : NULL;
	socklen_t len = sizeof(a);

	p->basic = encoded != NULL ? xasprintf("Proxy-Authorization: Basic %s\r\n", encoded) : NULL;
	p->stop = eventfd(0, EFD_CLOEXEC);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_mutex_init(&p->lock, NULL);
	if (bind(p->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(p->listener, 64) < 0 ||
	    getsockname(p->listener, (struct sockaddr *)&a, &len) < 0)
		abort();
	p->port = ntohs(a.sin_port);
	pthread_create(&p->thread, NULL, accept_all, p);
	return p;
}

void proxy_stop(struct proxy *p)
{
	(void)eventfd_write(p->stop, 1);
	pthread_join(p->thread, NULL);
	for (size_t i = 0; i < p->n_peers; i++)
		pthread_join(p->peers[i], NULL);
	close(p->listener);
	close(p->stop);
	pthread_mutex_destroy(&p->lock);
	free(p->basic);
	free(p);
}

char *proxy_url(const struct proxy *p, const char *user_info)
{
	return xasprintf("http://%s%s127.0.0.1:%u", user_info != NULL ? user_info : "", user_info != NULL ? "@" : "", p->port);
}

unsigned proxy_count(struct proxy *p, const char *method)
{
	unsigned n;

	pthread_mutex_lock(&p->lock);
	n = strcmp(method, "CONNECT") == 0 ? p->connects : p->gets;
	pthread_mutex_unlock(&p->lock);
	return n;
}

unsigned proxy_refusals(struct proxy *p)
{
	unsigned n;

	pthread_mutex_lock(&p->lock);
	n = p->refusals;
	pthread_mutex_unlock(&p->lock);
	return n;
}
