/* backoff: whether a request is repeated, and after how long.  Pure: tables and arithmetic for retry_perform(). */
#pragma once
#include "core/net/retry.h"
#include "core/net/throttle.h"

/* The other side asks for less: 429, Swift's 498, and 413 or 503 where Retry-After is more than 0 (cinder says 413 with
 * Retry-After: 0 for a quota). */
bool backoff_rate_limited(const struct http_response *r, int64_t wall_ms);
/* What r tells of how busy the service is; *ret_asked_ms: its Retry-After, -1 where there is none that can be read. */
enum throttle_news backoff_news(const struct http_response *r, int64_t wall_ms, int64_t *ret_asked_ms);
/* Seconds or an HTTP date (RFC 9110, 10.2.3) as milliseconds from wall_ms on, 0 for the past; -1 where it is neither. */
int64_t backoff_retry_after(const char *value, int64_t wall_ms);
/* Whether this class wants a repeat after what came back, whatever the number of tries. */
bool backoff_wanted(enum retry_class class, const struct http_response *r, int64_t wall_ms);
/* The service may have done what was asked although it did not say so: a broken connection, 500, 502, 503, 504. */
bool backoff_maybe_applied(const struct http_response *r);
/* Milliseconds to wait before try number tries + 1 (tries >= 1 were made), or -1: enough.  random: 0 … 1 for the jitter. */
int64_t backoff_wait(enum retry_class class, const char *method, const struct http_response *r, int tries, int64_t wall_ms,
		     double random);
