#include "core/net/dial.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SHORT_ATTEMPT_MS = 700, /* of dial_wait() */
	LONG_ATTEMPT_MS = 3000,
	PAUSE_MS = 200,
};

/*
 * getaddrinfo(3) can neither be cancelled nor given a deadline, so that a name is looked up by a thread of its own, which
 * is left to itself when nobody waits for it any more: the last of the two frees.
 */
struct lookup {
	atomic_int users;
	char *host;
	char port[8];
	struct addrinfo *found;
	int result;
	atomic_bool done; /* found and result are there */
	int done_fd;
};

static void lookup_put(struct lookup *l)
{
	if (atomic_fetch_sub(&l->users, 1) > 1)
		return;
	if (l->found != NULL)
		freeaddrinfo(l->found);
	close(l->done_fd);
	free(l->host);
	free(l);
}

static void *lookup_run(void *arg)
{
	static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct lookup *l = arg;

	l->result = getaddrinfo(l->host, l->port, &hints, &l->found);
	atomic_store(&l->done, true);
	(void)eventfd_write(l->done_fd, 1);
	lookup_put(l);
	return NULL;
}

static struct lookup *lookup_new(const char *host, uint16_t port)
{
	struct lookup *l = xnew(struct lookup);

	atomic_init(&l->users, 1);
	atomic_init(&l->done, false);
	l->host = xstrdup(host);
	snprintf(l->port, sizeof(l->port), "%u", port);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l;
}

static int lookup_start(struct lookup *l, struct error **err)
{
	pthread_t thread;
	int r;

	atomic_fetch_add(&l->users, 1);
	r = pthread_create(&thread, NULL, lookup_run, l);
	if (r != 0) {
		lookup_put(l);
		return error_errno(err, r, "cannot start a thread to look %s up", l->host);
	}
	pthread_detach(thread);
	return 0;
}

static int lookup_wait(struct lookup *l, int64_t deadline, struct error **err)
{
	int r = cancel_poll(l->done_fd, POLLIN, deadline, err);

	if (r < 0)
		return -1;
	if (!atomic_load(&l->done))
		return error_set(err, ERROR_TIMEOUT, "cannot look up %s: no answer from the name server in time", l->host);
	if (l->result == EAI_NONAME || l->result == EAI_NODATA)
		return error_set(err, ERROR_NOT_FOUND, "cannot look up %s: no such name", l->host);
	if (l->result != 0)
		return error_set(err, ERROR_NETWORK, "cannot look up %s: %s", l->host, gai_strerror(l->result));
	return 0;
}

/* An address is read here; a name goes through a thread. */
static int resolve(struct lookup *l, int64_t deadline, struct error **err)
{
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

	if (l->done_fd < 0)
		return error_errno(err, errno, "cannot look up %s: eventfd", l->host);
	if (getaddrinfo(l->host, l->port, &hints, &l->found) == 0)
		return 0;
	l->found = NULL;
	if (lookup_start(l, err) < 0)
		return -1;
	return lookup_wait(l, deadline, err);
}

static int refuse(const struct lookup *l, int errnum, struct error **err)
{
	return error_set(err, errnum == ETIMEDOUT ? ERROR_TIMEOUT : ERROR_NETWORK, "cannot connect to %s port %s: %s", l->host,
			 l->port, strerror(errnum));
}

static int finish_connect(int fd, const struct lookup *l, int64_t deadline, struct error **err)
{
	socklen_t len = sizeof(int);
	int errnum = 0, r = cancel_poll(fd, POLLOUT, deadline, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return refuse(l, ETIMEDOUT, err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	return errnum == 0 ? 0 : refuse(l, errnum, err);
}

static int try_address(const struct addrinfo *a, const struct lookup *l, int64_t deadline, int *ret_fd, struct error **err)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, r = 0;

	if (fd < 0)
		return refuse(l, errno, err);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? finish_connect(fd, l, deadline, err) : refuse(l, errno, err);
	if (r < 0) {
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

/* Each address gets its share of the time that is left, so that a silent first one leaves some for the others. */
static int64_t share(const struct addrinfo *a, int64_t deadline)
{
	int64_t now = clock_ms(), n = 0;

	if (deadline == CLOCK_NEVER || deadline <= now)
		return deadline;
	for (; a != NULL; a = a->ai_next)
		n++;
	return now + (deadline - now) / n;
}

static int dial_found(const struct lookup *l, int64_t deadline, int *ret_fd, struct error **err)
{
	for (const struct addrinfo *a = l->found; a != NULL; a = a->ai_next) {
		if (try_address(a, l, share(a, deadline), ret_fd, err) == 0) {
			if (err != NULL)
				error_clear(err); /* of the addresses before */
			return 0;
		}
		if (cancel_requested())
			return -1;
	}
	return -1;
}

int dial_tcp(const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err)
{
	struct lookup *l = lookup_new(host, port);
	int r = cancel_check(err);

	if (r == 0)
		r = resolve(l, deadline, err);
	if (r == 0)
		r = dial_found(l, deadline, ret_fd, err);
	lookup_put(l);
	return r;
}

static bool waited_out(const struct error *error)
{
	return error_is(error, ERROR_NETWORK) || error_is(error, ERROR_TIMEOUT);
}

/* A host that comes up answers the next SYN: short attempts send one more often; now and then a long one is for slow networks. */
static int64_t attempt_end(unsigned attempt, int64_t deadline)
{
	int64_t end = clock_deadline(attempt % 4 == 3 ? LONG_ATTEMPT_MS : SHORT_ATTEMPT_MS);

	return end < deadline ? end : deadline;
}

int dial_wait(const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err)
{
	for (unsigned attempt = 0;; attempt++) {
		struct error *error = NULL;

		if (dial_tcp(host, port, attempt_end(attempt, deadline), ret_fd, &error) == 0)
			return 0;
		if (!waited_out(error))
			return error_move(err, error);
		if (clock_ms() + PAUSE_MS >= deadline) {
			error_set(err, ERROR_TIMEOUT, "%s port %u did not open in time: %s", host, port, error_message(error));
			error_free(error);
			return -1;
		}
		error_free(error);
		if (cancel_sleep(PAUSE_MS, err) < 0)
			return -1;
	}
}
