#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A terminal sends SIGINT to all of its group, and a wrapper (timeout, make, a script's trap) often passes it on: one press, two signals. */
#define ONE_PRESS_MS 500

static int event_fd = -1;
static atomic_bool requested, by_user;
static _Atomic int64_t pressed; /* clock_ms() of the signal that stopped the run */

void cancel_init(void)
{
	if (event_fd < 0)
		event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void cancel_stop(void)
{
	uint64_t one = 1;
	ssize_t n;

	atomic_store(&requested, true);
	if (event_fd < 0)
		return;
	n = write(event_fd, &one, sizeof(one)); /* never drained: it stays readable for all */
	(void)n;
}

void cancel_now(void)
{
	atomic_store(&by_user, true);
	cancel_stop();
}

bool cancel_by_user(void)
{
	return atomic_load(&by_user);
}

void cancel_reset(void)
{
	uint64_t value;
	ssize_t n;

	atomic_store(&requested, false);
	atomic_store(&by_user, false);
	if (event_fd < 0)
		return;
	n = read(event_fd, &value, sizeof(value));
	(void)n;
}

static void on_signal(int signum)
{
	int saved = errno;

	if (!atomic_load(&by_user))
		atomic_store(&pressed, clock_ms());
	else if (signum == SIGINT && clock_ms() - atomic_load(&pressed) >= ONE_PRESS_MS)
		_exit(130);
	cancel_now();
	errno = saved;
}

void cancel_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool cancel_requested(void)
{
	return atomic_load(&requested);
}

int cancel_fd(void)
{
	return event_fd;
}

int cancel_check(struct error **err)
{
	return cancel_requested() ? error_set(err, ERROR_CANCELLED, "interrupted") : 0;
}

/* poll(2) takes an int of milliseconds */
static int remaining(int64_t deadline)
{
	int64_t left;

	if (deadline == CLOCK_NEVER)
		return -1;
	left = deadline - clock_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int cancel_poll(int fd, short events, int64_t deadline, struct error **err)
{
	struct pollfd fds[2] = {{.fd = event_fd, .events = POLLIN}, {.fd = fd, .events = events}};

	for (;;) {
		int n;

		if (cancel_check(err) < 0)
			return -1;
		n = poll(fds, 2, remaining(deadline));
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "poll");
		if (n > 0 && fds[1].revents != 0)
			return 1;
		if (n == 0 && remaining(deadline) == 0)
			return 0;
	}
}

int cancel_write(int fd, const void *p, size_t n, struct error **err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t r;

		if (cancel_poll(fd, POLLOUT, CLOCK_NEVER, err) < 0)
			return -1;
		r = write(fd, at, n < PIPE_BUF ? n : PIPE_BUF); /* a pipe that is ready takes as much without blocking */
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return 1;
		if (r > 0) {
			at += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

int cancel_sleep(int64_t ms, struct error **err)
{
	return cancel_poll(-1, 0, clock_deadline(ms), err) < 0 ? -1 : 0;
}
