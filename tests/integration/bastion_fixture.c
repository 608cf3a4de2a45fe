#include "tests/integration/bastion_fixture.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void bastion_free_ptr(struct bastion **b)
{
	bastion_free(*b);
}

struct bastion *bastion_to(const struct sshd *d)
{
	struct ssh *s = NULL;
	struct bastion *b = NULL;

	assert_success(sshd_connect(d, &s, &test_error));
	assert_success(bastion_new(s, &b, &test_error));
	return b;
}

int dial(struct bastion *b, uint16_t port)
{
	int fd = -1;

	assert_success(bastion_dial(b, "127.0.0.1", port, clock_deadline(20000), &fd, &test_error));
	return fd;
}

int send_all(int fd, const void *p, size_t n, struct error **err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t r = send(fd, at, n, MSG_NOSIGNAL);

		if (r < 0)
			return error_set(err, ERROR_INTERNAL, "send: %s", strerror(errno));
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

/* To the end of the stream, or until n bytes are there. */
int receive(int fd, void *p, size_t n, size_t *ret, struct error **err)
{
	*ret = 0;
	while (*ret < n) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t r = poll(&ready, 1, 20000) > 0 ? recv(fd, (char *)p + *ret, n - *ret, 0) : -1;

		if (r < 0)
			return error_set(err, ERROR_INTERNAL, "recv: %s", strerror(errno));
		if (r == 0)
			break;
		*ret += (size_t)r;
	}
	return 0;
}

void assert_echo(int fd, const char *text)
{
	char back[64];
	size_t n = 0;

	assert_success(send_all(fd, text, strlen(text), &test_error));
	assert_success(receive(fd, back, strlen(text), &n, &test_error));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(back, text, n);
}

bool ends_within(int fd, int ms)
{
	int64_t deadline = clock_deadline(ms);
	char chunk[4096];

	while (clock_ms() < deadline) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 10) > 0 && recv(fd, chunk, sizeof(chunk), 0) <= 0)
			return true;
	}
	return false;
}

int one_echo(size_t i, void *context, struct error **err)
{
	const struct many *m = context;
	CLEANUP_FREE unsigned char *sent = xcalloc(m->bytes, 1), *got = xcalloc(m->bytes, 1);
	size_t n = 0;
	char last;
	int fd = -1, r;

	peer_fill(sent, m->bytes, i * 1000);
	if (bastion_dial(m->bastion, "127.0.0.1", m->port, clock_deadline(30000), &fd, err) < 0)
		return -1;
	r = send_all(fd, sent, m->bytes, err);
	shutdown(fd, SHUT_WR);
	if (r == 0)
		r = receive(fd, got, m->bytes, &n, err);
	if (r == 0 && (n != m->bytes || memcmp(sent, got, n) != 0))
		r = error_set(err, ERROR_INTERNAL, "connection %zu: %zu bytes of %zu, or others, came back", i, n, m->bytes);
	if (r == 0 && (receive(fd, &last, 1, &n, err) < 0 || n != 0))
		r = error_set(err, ERROR_INTERNAL, "connection %zu did not end", i);
	close(fd);
	return r;
}
