#include "core/base/clock.h"
#include "core/base/alloc.h"

static int64_t now(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return now(CLOCK_REALTIME);
}

char *clock_rfc3339(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32] = "";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return xasprintf("%s.%03dZ", text, (int)(wall_ms % 1000));
}

int64_t clock_deadline(int64_t ms_from_now)
{
	return clock_ms() + ms_from_now;
}
