/* The lines of an answer's head, and what is made of them: Retry-After, rate limits, whether and when a request is repeated. */
#include "core/base/alloc.h"
#include "core/net/backoff.h"
#include "core/net/http_headers.h"
#include "core/net/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct strv *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		for (const unsigned char *p = (const unsigned char *)headers->v[i]; *p != '\0'; p++)
			if (*p < ' ' || *p == 0x7f)
				abort();
}

static void check_waits(struct http_response *r, int status)
{
	int64_t asked = -1, wait;
	enum throttle_news news;

	r->status = status;
	news = backoff_news(r, 784111777000, &asked);
	if (asked < -1 || ((news == THROTTLE_LIMITED) != backoff_rate_limited(r, 784111777000)))
		abort();
	for (int tries = 1; tries <= 10; tries++) {
		wait = backoff_wait(RETRY_A, "GET", r, tries, 784111777000, 1);
		if (wait < -1 || wait > 72000 || (wait >= 0 && !backoff_wanted(RETRY_A, r, 784111777000)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 413, 429, 498, 503};
	struct http_response r = {.outcome = HTTP_ANSWERED};
	CLEANUP_BUF struct buf shown = BUF_INIT;
	const char *p = (const char *)data, *end = p + size;

	while (p < end) {
		const char *line = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((line != NULL ? line : end) - p);

		http_headers_keep(&r.headers, p, n);
		p += n + 1;
	}
	check_lines(&r.headers);
	mask_headers(&shown, &r.headers);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		check_waits(&r, statuses[i]);
	http_response_free(&r);
	return 0;
}
