#include "core/net/throttle.h"

enum { SILENCE_MS = 1000, SILENCE_DOUBLED_MAX = 3, ASKED_MAX_MS = 60000 };

void throttle_init(struct throttle *t, unsigned width, unsigned max)
{
	*t = (struct throttle){.width = width, .max = max};
}

int64_t throttle_wait(const struct throttle *t, int64_t now_ms)
{
	if (now_ms < t->closed_until_ms)
		return t->closed_until_ms - now_ms;
	return t->in_flight < t->width ? 0 : -1;
}

void throttle_begin(struct throttle *t)
{
	t->in_flight++;
}

static void grow(struct throttle *t)
{
	t->strikes = 0;
	if (t->width >= t->max || ++t->credit < 2 * t->width)
		return;
	t->credit = 0;
	t->width++;
}

static void halve(struct throttle *t)
{
	t->credit = 0;
	t->width = t->width > 1 ? t->width / 2 : 1;
	t->same = t->in_flight;
	t->strikes++;
}

static void close_until(struct throttle *t, int64_t until_ms)
{
	if (until_ms > t->closed_until_ms)
		t->closed_until_ms = until_ms;
}

static int64_t silence(const struct throttle *t, int64_t asked_ms)
{
	unsigned doubled = t->strikes < 1 ? 0 : t->strikes - 1;

	if (asked_ms >= 0)
		return asked_ms < ASKED_MAX_MS ? asked_ms : ASKED_MAX_MS;
	return (int64_t)SILENCE_MS << (doubled < SILENCE_DOUBLED_MAX ? doubled : SILENCE_DOUBLED_MAX);
}

void throttle_end(struct throttle *t, enum throttle_news news, int64_t asked_ms, int64_t now_ms)
{
	bool same_burst = t->same > 0;

	t->in_flight--;
	if (same_burst)
		t->same--;
	if (news == THROTTLE_GOOD)
		grow(t);
	else if (news != THROTTLE_NOTHING && !same_burst)
		halve(t);
	if (news == THROTTLE_LIMITED)
		close_until(t, now_ms + silence(t, asked_ms));
}
