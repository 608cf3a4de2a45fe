#include "core/net/backoff.h"
#include "core/base/alloc.h"
#include <time.h>

enum { RETRY_AFTER_CAP_MS = 60000 };

struct schedule {
	int tries;
	int64_t first_ms, cap_ms; /* doubling in between */
};
static const struct schedule reads = {5, 500, 8000};
static const struct schedule writes = {4, 1000, 15000};
static const struct schedule limited = {10, 1000, RETRY_AFTER_CAP_MS};

int64_t backoff_retry_after(const char *value, int64_t wall_ms)
{
	/* The three forms of RFC 9110, 5.6.7. */
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
	size_t digits = strspn(value, "0123456789");

	if (digits > 0 && value[digits] == '\0')
		return digits > 9 ? RETRY_AFTER_CAP_MS : (int64_t)strtol(value, NULL, 10) * 1000;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(value, forms[i], &tm);

		if (end != NULL && *end == '\0') {
			int64_t left = (int64_t)timegm(&tm) * 1000 - wall_ms;

			return left > 0 ? left : 0;
		}
	}
	return -1;
}

static int64_t retry_after(const struct http_response *r, int64_t wall_ms)
{
	const char *value = http_header(r, "retry-after");

	return value != NULL ? backoff_retry_after(value, wall_ms) : -1;
}

bool backoff_rate_limited(const struct http_response *r, int64_t wall_ms)
{
	if (r->outcome != HTTP_ANSWERED)
		return false;
	if (r->status == 429 || r->status == 498)
		return true;
	return (r->status == 413 || r->status == 503) && retry_after(r, wall_ms) > 0;
}

enum throttle_news backoff_news(const struct http_response *r, int64_t wall_ms, int64_t *ret_asked_ms)
{
	*ret_asked_ms = retry_after(r, wall_ms);
	if (r->outcome != HTTP_ANSWERED)
		return THROTTLE_NOTHING;
	if (backoff_rate_limited(r, wall_ms))
		return THROTTLE_LIMITED;
	return r->status == 503 ? THROTTLE_BUSY : THROTTLE_GOOD;
}

/* HAProxy's own page: no server of the service saw the request. */
static bool is_no_server(const struct http_response *r)
{
	return r->outcome == HTTP_ANSWERED && r->status == 503 && strstr(buf_str(&r->body), "No server is available") != NULL;
}

static bool is_trouble(const struct http_response *r)
{
	static const int statuses[] = {500, 502, 503, 504};

	if (r->outcome != HTTP_ANSWERED)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (r->status == statuses[i])
			return true;
	return false;
}

bool backoff_maybe_applied(const struct http_response *r)
{
	return r->outcome != HTTP_NOT_SENT && is_trouble(r) && !is_no_server(r);
}

bool backoff_wanted(enum retry_class class, const struct http_response *r, int64_t wall_ms)
{
	if (r->hopeless)
		return false;
	switch (class) {
	case RETRY_NONE:
		return false;
	case RETRY_A:
	case RETRY_B:
		return is_trouble(r) || backoff_rate_limited(r, wall_ms);
	case RETRY_C:
		break;
	}
	/* A 503 with Retry-After is not taken for "not applied": it may come from behind the front end. */
	return r->outcome == HTTP_NOT_SENT || is_no_server(r) || (backoff_rate_limited(r, wall_ms) && r->status != 503);
}

int64_t backoff_wait(enum retry_class class, const char *method, const struct http_response *r, int tries, int64_t wall_ms,
		     double random)
{
	bool is_limited = backoff_rate_limited(r, wall_ms);
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	const struct schedule *s = is_limited ? &limited : is_read ? &reads : &writes;
	int64_t asked = is_limited ? retry_after(r, wall_ms) : -1, wait = s->first_ms;

	if (!backoff_wanted(class, r, wall_ms) || tries >= s->tries)
		return -1;
	for (int i = 1; i < tries && wait < s->cap_ms; i++)
		wait *= 2;
	if (wait > s->cap_ms)
		wait = s->cap_ms;
	if (asked >= 0) /* never before it was asked for; the jitter spreads those who wait for the same moment */
		return asked > RETRY_AFTER_CAP_MS ? RETRY_AFTER_CAP_MS
						  : asked + (int64_t)(random * 0.2 * (double)(asked < 1000 ? 1000 : asked));
	return wait + (int64_t)((random - 0.5) * 0.4 * (double)wait);
}
