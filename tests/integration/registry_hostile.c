/*
 * A web server of one file that misbehaves as the path says:
 *   /whole      the file, ranges served
 *   /drop       the connection breaks in the middle of every answer that is longer than an eighth of the file; ranges served
 *   /once       breaks once in the middle, and knows no ranges
 *   /confused   breaks once in the middle; then answers a range that was not asked for
 *   /wrong      other bytes of that length
 *   /mixed      breaks once in the middle; the rest is of other bytes; then the file
 *   /busy       503 twice (Retry-After: 0), then the file
 *   /404, /403  that status with a few words
 */
#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "tests/integration/registry_fixture.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct hostile {
	const char *file;
	size_t len;
	int fd;
	uint16_t port;
	atomic_bool stop;
	struct parallel_thread *thread;
	pthread_mutex_t lock;
	struct strv requests;
	int visits; /* of this path */
	hostile_answer *own;
	void *context;
};

void hostile_put(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t w = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		at += (size_t)w;
	}
}

void hostile_put_head(int fd, const char *status, size_t length, const char *more)
{
	CLEANUP_FREE char *head =
		xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status, length, more);

	hostile_put(fd, head, strlen(head));
}

/* The file from `from`, of which only `n` bytes are sent. */
static void put_part(const struct hostile *h, int fd, size_t from, size_t n, bool ranges)
{
	CLEANUP_FREE char *range = xasprintf("Content-Range: bytes %zu-%zu/%zu\r\n", from, h->len - 1, h->len);

	if (ranges && from >= h->len) {
		hostile_put_head(fd, "416 Range Not Satisfiable", 0, "");
		return;
	}
	hostile_put_head(fd, ranges && from > 0 ? "206 Partial Content" : "200 OK", h->len - from,
			 ranges && from > 0 ? range : "");
	hostile_put(fd, h->file + from, n < h->len - from ? n : h->len - from);
}

static void put_other(const struct hostile *h, int fd, size_t from)
{
	CLEANUP_FREE char *range = xasprintf("Content-Range: bytes %zu-%zu/%zu\r\n", from, h->len - 1, h->len);
	CLEANUP_FREE char *other = xcalloc(h->len, 1);

	hostile_put_head(fd, from > 0 ? "206 Partial Content" : "200 OK", h->len - from, from > 0 ? range : "");
	hostile_put(fd, other, h->len - from);
}

static void answer(struct hostile *h, int fd, const char *path, size_t from)
{
	size_t half = h->len / 2;

	if (strcmp(path, "/whole") == 0)
		put_part(h, fd, from, h->len, true);
	else if (strcmp(path, "/drop") == 0)
		put_part(h, fd, from, h->len / 8, true);
	else if (strcmp(path, "/once") == 0)
		put_part(h, fd, 0, h->visits == 1 ? half : h->len, false);
	else if (strcmp(path, "/confused") == 0)
		put_part(h, fd, from == 0 ? 0 : from + 7, h->visits == 1 ? half : h->len, true);
	else if (strcmp(path, "/wrong") == 0)
		put_other(h, fd, 0);
	else if (strcmp(path, "/mixed") == 0 && h->visits == 2)
		put_other(h, fd, from);
	else if (strcmp(path, "/mixed") == 0)
		put_part(h, fd, from, h->visits == 1 ? half : h->len, true);
	else if (strcmp(path, "/busy") == 0 && h->visits <= 2)
		hostile_put_head(fd, "503 Service Unavailable", 0, "Retry-After: 0\r\n");
	else if (strcmp(path, "/busy") == 0)
		put_part(h, fd, from, h->len, true);
	else if (strcmp(path, "/403") == 0)
		hostile_put_head(fd, "403 Forbidden", 0, "");
	else {
		hostile_put_head(fd, "404 Not Found", 9, "");
		hostile_put(fd, "not here\n", 9);
	}
}

static void serve(struct hostile *h, int fd)
{
	char head[8192] = "", path[256] = "";
	size_t n = 0, from = 0;
	const char *range;
	ssize_t r;

	while (n < sizeof(head) - 1 && strstr(head, "\r\n\r\n") == NULL && (r = recv(fd, head + n, sizeof(head) - 1 - n, 0)) > 0)
		head[n += (size_t)r] = '\0';
	if (sscanf(head, "%*s %255s", path) != 1)
		return;
	range = strstr(head, "\r\nRange: bytes=");
	if (range != NULL)
		from = strtoul(range + 15, NULL, 10);
	pthread_mutex_lock(&h->lock);
	strv_add(&h->requests, head);
	pthread_mutex_unlock(&h->lock);
	h->visits++;
	if (h->own != NULL)
		h->own(fd, path, head, h->context);
	else
		answer(h, fd, path, from);
	shutdown(fd, SHUT_WR); /* and not RST, which may overtake the bytes */
	while (recv(fd, head, sizeof(head), 0) > 0)
		;
}

static int loop(void *context, struct error **err UNUSED)
{
	struct hostile *h = context;
	struct pollfd p = {.fd = h->fd, .events = POLLIN};

	while (!atomic_load(&h->stop)) {
		int fd;

		if (poll(&p, 1, 50) <= 0)
			continue;
		fd = accept(h->fd, NULL, NULL);
		if (fd < 0)
			continue;
		serve(h, fd);
		close(fd);
	}
	return 0;
}

static struct hostile *start(const struct hostile *as)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	struct hostile *h = xnew(struct hostile);

	*h = *as;
	pthread_mutex_init(&h->lock, NULL);
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(h->fd, 16), 0);
	assert_int_equal(getsockname(h->fd, (struct sockaddr *)&a, &n), 0);
	h->port = ntohs(a.sin_port);
	h->thread = parallel_start(loop, h);
	return h;
}

struct hostile *hostile_start(const void *file, size_t len)
{
	return start(&(struct hostile){.file = file, .len = len});
}

struct hostile *hostile_start_with(hostile_answer *own, void *context)
{
	return start(&(struct hostile){.own = own, .context = context});
}

char *hostile_url(const struct hostile *h, const char *path)
{
	return xasprintf("http://127.0.0.1:%u%s", h->port, path);
}

size_t hostile_requests(struct hostile *h)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->requests.n;
	pthread_mutex_unlock(&h->lock);
	return n;
}

const char *hostile_request(struct hostile *h, size_t n)
{
	const char *s;

	pthread_mutex_lock(&h->lock);
	s = n < h->requests.n ? h->requests.v[n] : "";
	pthread_mutex_unlock(&h->lock);
	return s;
}

void hostile_stop(struct hostile *h)
{
	atomic_store(&h->stop, true);
	assert_int_equal(parallel_join(h->thread, NULL), 0);
	close(h->fd);
	strv_free(&h->requests);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
