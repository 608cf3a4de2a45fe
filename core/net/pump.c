#include "core/net/pump.h"
#include "core/base/cancel.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024 };

/* One direction. */
struct flow {
	int from, to;
	char chunk[CHUNK];
	size_t at, len;
	bool ended;
};

static bool is_full(const struct flow *f)
{
	return f->at < f->len;
}

/* What read(2) and send(2) say when there is nothing to do, which is no failure. */
static bool waits(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool take(struct flow *f)
{
	ssize_t n = read(f->from, f->chunk, sizeof(f->chunk));

	if (n == 0) {
		f->ended = true;
		shutdown(f->to, SHUT_WR);
	} else if (n > 0) {
		f->at = 0;
		f->len = (size_t)n;
	}
	return n >= 0 || waits(n);
}

static bool give(struct flow *f)
{
	ssize_t n = send(f->to, f->chunk + f->at, f->len - f->at, MSG_NOSIGNAL);

	if (n > 0)
		f->at += (size_t)n;
	return n >= 0 || waits(n);
}

/* False where a side is broken. */
static bool move(struct flow *f, const struct pollfd *from, const struct pollfd *to)
{
	if (is_full(f))
		return (to->revents & (POLLOUT | POLLERR | POLLHUP)) == 0 || give(f);
	if (!f->ended && (from->revents & (POLLIN | POLLERR | POLLHUP)) != 0)
		return take(f) && (!is_full(f) || give(f));
	return (from->revents & POLLERR) == 0;
}

static short events_of(const struct flow *in, const struct flow *out)
{
	return (short)((!in->ended && !is_full(in) ? POLLIN : 0) | (is_full(out) ? POLLOUT : 0));
}

/* poll(2) tells of a hang-up whether it is asked or not: a side from which nothing is wanted is not asked. */
static void watch(struct pollfd *fd, const struct flow *in, const struct flow *out)
{
	short events = events_of(in, out);

	*fd = (struct pollfd){.fd = events != 0 ? in->from : -1, .events = events};
}

int pump(int a, int b, struct error **err)
{
	struct flow there = {.from = a, .to = b}, back = {.from = b, .to = a};
	struct pollfd fds[3] = {{.fd = cancel_fd(), .events = POLLIN}};

	fcntl(a, F_SETFL, fcntl(a, F_GETFL) | O_NONBLOCK);
	fcntl(b, F_SETFL, fcntl(b, F_GETFL) | O_NONBLOCK);
	while (!there.ended || !back.ended) {
		watch(&fds[1], &there, &back);
		watch(&fds[2], &back, &there);
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return error_errno(err, errno, "poll");
		if (cancel_check(err) < 0)
			return -1;
		if (!move(&there, &fds[1], &fds[2]) || !move(&back, &fds[2], &fds[1]))
			break;
	}
	return 0;
}
