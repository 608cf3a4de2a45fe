#include "core/base/clock.h"
#include "core/base/alloc.h"
#include <inttypes.h>
#include <stdlib.h>

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

bool clock_span(const char *text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 60 * 60 * 1000}};
	char *end;
	long n = strtol(text, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*text >= '0' && *text <= '9' && n <= 1000000 && end[0] == units[i].unit && end[1] == '\0') {
			*ret_ms = n * units[i].ms;
			return true;
		}
	return false;
}

bool clock_parse(const char *text, int64_t *ret_wall_ms)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end == NULL || (*end != 'Z' && *end != '.'))
		return false;
	*ret_wall_ms = (int64_t)timegm(&tm) * 1000;
	return true;
}

char *clock_age(int64_t ms)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'d', 24 * 60 * 60}, {'h', 60 * 60}, {'m', 60}};
	int64_t seconds = ms > 0 ? ms / 1000 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (seconds >= 2 * units[i].seconds)
			return xasprintf("%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
	return xasprintf("%" PRId64 "s", seconds);
}
