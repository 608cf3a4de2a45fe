#include "core/net/throttle.h"
#include "core/base/alloc.h"
#include "core/net/backoff.h"
#include "tests/unit/test.h"

static void begin(struct throttle *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(throttle_wait(t, 0), 0);
		throttle_begin(t);
	}
}

static void test_a_burst_halves_once(void **state UNUSED)
{
	struct throttle t;

	throttle_init(&t, 8, 8);
	begin(&t, 8);
	assert_int_equal(throttle_wait(&t, 0), -1);
	for (unsigned i = 0; i < 8; i++)
		throttle_end(&t, THROTTLE_BUSY, -1, 0);
	assert_int_equal(t.width, 4);
	begin(&t, 4);
	for (unsigned i = 0; i < 4; i++)
		throttle_end(&t, THROTTLE_BUSY, -1, 0);
	assert_int_equal(t.width, 2);
	for (unsigned i = 0; i < 5; i++) {
		begin(&t, 1);
		throttle_end(&t, THROTTLE_BUSY, -1, 0);
	}
	assert_int_equal(t.width, 1); /* never none */
}

static void test_good_answers_widen_it_again(void **state UNUSED)
{
	struct throttle t;

	throttle_init(&t, 2, 4);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(t.width, i < 4 ? 2 : i < 10 ? 3 : 4); /* after 2 × 2, then 2 × 3 more; no further than its most */
		begin(&t, 1);
		throttle_end(&t, THROTTLE_GOOD, -1, 0);
	}
	throttle_init(&t, 2, 4);
	for (unsigned i = 0; i < 100; i++) {
		begin(&t, 1);
		throttle_end(&t, THROTTLE_NOTHING, -1, 0); /* a broken connection is no good answer */
	}
	assert_int_equal(t.width, 2);
}

static void refuse(struct throttle *t, int64_t asked_ms, int64_t now_ms)
{
	assert_int_equal(throttle_wait(t, now_ms), 0);
	throttle_begin(t);
	throttle_end(t, THROTTLE_LIMITED, asked_ms, now_ms);
}

static void test_silence_is_kept_by_all(void **state UNUSED)
{
	struct throttle t;

	throttle_init(&t, 8, 8);
	refuse(&t, 5000, 100);
	assert_int_equal(throttle_wait(&t, 100), 5000);
	assert_int_equal(throttle_wait(&t, 5099), 1);
	assert_int_equal(throttle_wait(&t, 5100), 0);
	refuse(&t, 3600 * 1000, 10000);
	assert_int_equal(throttle_wait(&t, 10000), 60000);
	throttle_init(&t, 8, 8);
	for (int64_t now = 0, wait = 1000; now < 60000; now += wait, wait = wait < 8000 ? 2 * wait : 8000) {
		refuse(&t, -1, now); /* without a Retry-After */
		assert_int_equal(throttle_wait(&t, now), wait);
	}
}

/* ---- a storm: many requests to a service that admits a few each second, played with a clock of its own ---- */

enum { LATENCY_MS = 50, REQUESTS_MAX = 400 };

struct service {
	unsigned each_second;
	const char *(*retry_after)(int64_t now_ms); /* NULL: it says nothing */
	int status;
	int64_t second;
	unsigned admitted, asked;
};

struct player {
	enum { QUEUED, IN_FLIGHT, SLEEPING, DONE, FAILED } state;
	int64_t until_ms;
	int tries;
};

static bool admit(struct service *s, int64_t now_ms)
{
	if (now_ms / 1000 != s->second) {
		s->second = now_ms / 1000;
		s->admitted = 0;
	}
	s->asked++;
	return s->admitted++ < s->each_second;
}

/* What comes back at now_ms, and what retry_perform() would make of it. */
static void end(struct player *p, struct throttle *t, struct service *s, int64_t now_ms)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = admit(s, now_ms) ? 200 : s->status};
	enum throttle_news news;
	int64_t asked, wait;

	if (r.status != 200 && s->retry_after != NULL)
		strv_addf(&r.headers, "retry-after: %s", s->retry_after(now_ms));
	news = backoff_news(&r, 0, &asked);
	throttle_end(t, news, asked, now_ms);
	wait = backoff_wait(RETRY_C, "POST", &r, p->tries, 0, 0.5);
	p->state = r.status == 200 ? DONE : wait < 0 ? FAILED : SLEEPING;
	p->until_ms = now_ms + wait;
	http_response_free(&r);
}

/* Milliseconds until all have ended. */
static int64_t play(struct player *players, unsigned n, unsigned width, struct service *s)
{
	struct throttle t;
	unsigned left = n;
	int64_t now = 0;

	throttle_init(&t, width, 8);
	for (; left > 0; now++) {
		left = 0;
		for (unsigned i = 0; i < n; i++) {
			struct player *p = &players[i];

			if (p->state == IN_FLIGHT && p->until_ms <= now)
				end(p, &t, s, now);
			if (p->state == SLEEPING && p->until_ms <= now)
				p->state = QUEUED;
			if (p->state == QUEUED && throttle_wait(&t, now) == 0) {
				throttle_begin(&t);
				*p = (struct player){IN_FLIGHT, now + LATENCY_MS, p->tries + 1};
			}
			left += p->state != DONE && p->state != FAILED;
		}
		assert_true(now < 3600 * 1000);
	}
	return now;
}

static void storm(struct service s, unsigned n, unsigned most_asked, int64_t most_ms)
{
	struct player players[REQUESTS_MAX] = {0};
	int64_t took = play(players, n, 8, &s);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(players[i].state, DONE);
	if (s.asked > most_asked || took > most_ms)
		fail_msg("%u requests were sent for %u that were wanted, in %lld ms", s.asked, n, (long long)took);
}

static const char *in_a_second(int64_t now_ms UNUSED)
{
	return "1";
}

static const char *in_ten(int64_t now_ms UNUSED)
{
	return "10";
}

static const char *by_date(int64_t now_ms UNUSED)
{
	return "Thu, 01 Jan 1970 00:00:02 GMT"; /* the wall clock of the players stands at 0 */
}

static void test_storms_end_without_hammering(void **state UNUSED)
{
	/* at best N / rate seconds, and N requests */
	storm((struct service){.each_second = 10, .status = 429, .retry_after = in_a_second}, 100, 140, 12000);
	storm((struct service){.each_second = 2, .status = 429, .retry_after = in_a_second}, 100, 210, 58000);
	storm((struct service){.each_second = 10, .status = 429}, 400, 560, 55000);
	storm((struct service){.each_second = 10, .status = 498}, 100, 140, 12000);
	storm((struct service){.each_second = 10, .status = 413, .retry_after = in_a_second}, 100, 140, 12000);
	storm((struct service){.each_second = 20, .status = 429, .retry_after = in_ten}, 200, 240, 90000);
	storm((struct service){.each_second = 20, .status = 429, .retry_after = by_date}, 200, 240, 25000);
}

static void test_a_quota_is_no_rate_limit(void **state UNUSED)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = 413};
	int64_t asked;

	strv_add(&r.headers, "retry-after: 0"); /* cinder */
	assert_int_equal(backoff_news(&r, 0, &asked), THROTTLE_GOOD);
	assert_int_equal(backoff_wait(RETRY_A, "GET", &r, 1, 0, 0.5), -1);
	r.status = 503;
	assert_int_equal(backoff_news(&r, 0, &asked), THROTTLE_BUSY);
	r.outcome = HTTP_AMBIGUOUS;
	assert_int_equal(backoff_news(&r, 0, &asked), THROTTLE_NOTHING);
	http_response_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_halves_once),
		cmocka_unit_test(test_good_answers_widen_it_again),
		cmocka_unit_test(test_silence_is_kept_by_all),
		cmocka_unit_test(test_storms_end_without_hammering),
		cmocka_unit_test(test_a_quota_is_no_rate_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
