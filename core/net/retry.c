#include "core/net/retry.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/net/backoff.h"
#include "core/net/limiter.h"
#include "core/net/mask.h"

/* Counts what the caller's writer has got: after its first byte nothing is repeated. */
struct tap {
	http_write *write;
	void *context;
	bool used;
};

static int tap_write(const void *p, size_t n, void *context, struct error **err)
{
	struct tap *t = context;

	t->used = t->used || n > 0;
	return t->write(p, n, t->context, err);
}

static double random_unit(void)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return (double)r / UINT32_MAX;
}

static const char *method_of(const struct http_request *r)
{
	return r->method != NULL ? r->method : "GET";
}

/* One attempt, with room at the service. */
static int attempt(struct http *h, struct http_request *request, const char *service, int64_t deadline, struct http_response *ret,
		   struct error **err)
{
	int64_t timeout = request->timeout_ms, left, asked;
	enum throttle_news news;
	int r;

	if (limiter_enter(http_limiter(h), service, deadline, err) < 0)
		return -1;
	left = deadline == CLOCK_NEVER ? INT64_MAX : deadline - clock_ms();
	if (timeout == 0)
		timeout = HTTP_TIMEOUT_MS;
	request->timeout_ms = left < 1 ? 1 : left < timeout ? left : timeout;
	r = http_perform(h, request, ret, err);
	news = backoff_news(ret, clock_wall_ms(), &asked);
	limiter_leave(http_limiter(h), service, news, asked);
	return r;
}

static void log_repeat(const struct http_request *request, const struct http_response *r, const struct error *error, int tries,
		       int64_t wait)
{
	CLEANUP_FREE char *url = mask_url(request->url);

	if (error != NULL)
		log_verbose("%s; try %d in %.1f s", error_message(error), tries + 1, (double)wait / 1000);
	else
		log_verbose("%s %s: HTTP %d; try %d in %.1f s", method_of(request), url, r->status, tries + 1,
			    (double)wait / 1000);
}

int retry_perform(struct http *h, const struct http_request *request, enum retry_class class, int64_t deadline,
		  struct http_response *ret, struct error **err)
{
	struct tap tap = {.write = request->write, .context = request->write_context};
	CLEANUP_FREE char *origin = NULL;
	bool maybe_applied = false;

	*ret = HTTP_RESPONSE_INIT;
	ret->outcome = HTTP_NOT_SENT;
	if (http_origin(request->url, &origin, err) < 0) {
		ret->hopeless = true;
		return -1;
	}
	for (int tries = 1;; tries++) {
		struct http_request once = *request;
		CLEANUP_ERROR struct error *error = NULL;
		int64_t wait;
		int r;

		if (tap.write != NULL) {
			once.write = tap_write;
			once.write_context = &tap;
		}
		r = attempt(h, &once, request->service != NULL ? request->service : origin, deadline, ret, &error);
		maybe_applied = maybe_applied || backoff_maybe_applied(ret);
		ret->maybe_applied = maybe_applied;
		ret->tries = (unsigned)tries;
		wait = backoff_wait(class, method_of(request), ret, tries, clock_wall_ms(), random_unit());
		if (error_is(error, ERROR_CANCELLED) || request->read != NULL || tap.used)
			wait = -1;
		if (wait < 0 || (deadline != CLOCK_NEVER && clock_ms() + wait >= deadline))
			return r < 0 ? error_move(err, steal_ptr(error)) : 0;
		log_repeat(request, ret, error, tries, wait);
		http_response_free(ret);
		ret->outcome = maybe_applied ? HTTP_AMBIGUOUS : HTTP_NOT_SENT;
		ret->maybe_applied = maybe_applied;
		if (cancel_sleep(wait, err) < 0)
			return -1;
	}
}
