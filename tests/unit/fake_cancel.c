/* core/base/cancel.h in next to no time, for tests on the cloud in memory. */
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <poll.h>
#include <time.h>

void cancel_init(void)
{
}

void cancel_signals(void)
{
}

void cancel_now(void)
{
}

void cancel_reset(void)
{
}

bool cancel_requested(void)
{
	return false;
}

int cancel_fd(void)
{
	return -1;
}

int cancel_check(struct error **err UNUSED)
{
	return 0;
}

int cancel_poll(int fd, short events, int64_t deadline UNUSED, struct error **err UNUSED)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 1);
}

/* What is waited for is often done by another thread, which needs the processor. */
int cancel_sleep(int64_t ms UNUSED, struct error **err UNUSED)
{
	nanosleep(&(struct timespec){.tv_nsec = 200 * 1000}, NULL);
	return 0;
}
