/* core/base/cancel.h in no time, for tests on the cloud in memory. */
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <poll.h>

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

int cancel_sleep(int64_t ms UNUSED, struct error **err UNUSED)
{
	return 0;
}
