#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/net/backoff.h"
#include "core/net/limiter.h"
#include "core/net/mask.h"
#include "tests/unit/test.h"

static struct http_response answer(int status, const char *retry_after, const char *body)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = status};

	if (retry_after != NULL)
		strv_addf(&r.headers, "retry-after: %s", retry_after);
	buf_add(&r.body, body);
	return r;
}

static void test_retry_after_reads_seconds_and_dates(void **state UNUSED)
{
	const int64_t at = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT: the example of RFC 9110 */

	assert_int_equal(backoff_retry_after("120", at), 120000);
	assert_int_equal(backoff_retry_after("0", at), 0);
	assert_int_equal(backoff_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", at), 10000);
	assert_int_equal(backoff_retry_after("Sunday, 06-Nov-94 08:49:39 GMT", at), 2000);
	assert_int_equal(backoff_retry_after("Sun Nov  6 08:49:38 1994", at), 1000);
	assert_int_equal(backoff_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", at), 0);
	assert_int_equal(backoff_retry_after("soon", at), -1);
	assert_int_equal(backoff_retry_after("-5", at), -1);
	assert_int_equal(backoff_retry_after("", at), -1);
	assert_true(backoff_retry_after("99999999999999999999", at) >= 60000);
}

static void test_classes_decide(void **state UNUSED)
{
	static const struct {
		int status;
		const char *retry_after, *body;
		enum http_outcome outcome;
		bool none, a, b, c;
	} cases[] = {
		{200, NULL, "", HTTP_ANSWERED, false, false, false, false},
		{404, NULL, "", HTTP_ANSWERED, false, false, false, false},
		{409, NULL, "", HTTP_ANSWERED, false, false, false, false},
		{413, "0", "quota", HTTP_ANSWERED, false, false, false, false},
		{413, "3", "rate", HTTP_ANSWERED, false, true, true, true},
		{429, NULL, "", HTTP_ANSWERED, false, true, true, true},
		{498, NULL, "", HTTP_ANSWERED, false, true, true, true},
		{500, NULL, "", HTTP_ANSWERED, false, true, true, false},
		{501, NULL, "", HTTP_ANSWERED, false, false, false, false},
		{502, NULL, "", HTTP_ANSWERED, false, true, true, false},
		{503, NULL, "", HTTP_ANSWERED, false, true, true, false},
		{503, "1", "", HTTP_ANSWERED, false, true, true, false},
		{503, NULL, "No server is available to handle this request.", HTTP_ANSWERED, false, true, true, true},
		{504, NULL, "", HTTP_ANSWERED, false, true, true, false},
		{0, NULL, "", HTTP_NOT_SENT, false, true, true, true},
		{0, NULL, "", HTTP_AMBIGUOUS, false, true, true, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_response r = answer(cases[i].status, cases[i].retry_after, cases[i].body);

		r.outcome = cases[i].outcome;
		assert_int_equal(backoff_wanted(RETRY_NONE, &r, 0), cases[i].none);
		assert_int_equal(backoff_wanted(RETRY_A, &r, 0), cases[i].a);
		assert_int_equal(backoff_wanted(RETRY_B, &r, 0), cases[i].b);
		assert_int_equal(backoff_wanted(RETRY_C, &r, 0), cases[i].c);
		r.hopeless = true;
		assert_false(backoff_wanted(RETRY_A, &r, 0));
		http_response_free(&r);
	}
}

static void test_waits_double_up_to_a_cap_and_end(void **state UNUSED)
{
	struct http_response r = answer(502, NULL, "");
	static const int64_t reads[] = {500, 1000, 2000, 4000}, writes[] = {1000, 2000, 4000};

	for (int i = 0; i < 4; i++)
		assert_int_equal(backoff_wait(RETRY_A, "GET", &r, i + 1, 0, 0.5), reads[i]);
	assert_int_equal(backoff_wait(RETRY_A, "GET", &r, 5, 0, 0.5), -1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(backoff_wait(RETRY_B, "POST", &r, i + 1, 0, 0.5), writes[i]);
	assert_int_equal(backoff_wait(RETRY_B, "POST", &r, 4, 0, 0.5), -1);
	assert_int_equal(backoff_wait(RETRY_A, "GET", &r, 1, 0, 0), 400);
	assert_int_equal(backoff_wait(RETRY_A, "GET", &r, 1, 0, 1), 600);
	http_response_free(&r);
}

static void test_rate_limits_are_honoured(void **state UNUSED)
{
	struct http_response plain = answer(429, NULL, ""), five = answer(429, "5", ""), long_one = answer(429, "3600", "");

	assert_int_equal(backoff_wait(RETRY_C, "POST", &plain, 1, 0, 0.5), 1000);
	assert_int_equal(backoff_wait(RETRY_C, "POST", &plain, 9, 0, 0.5), 60000);
	assert_int_equal(backoff_wait(RETRY_C, "POST", &plain, 10, 0, 0.5), -1);
	assert_int_equal(backoff_wait(RETRY_C, "POST", &five, 1, 0, 0), 5000);
	assert_true(backoff_wait(RETRY_C, "POST", &five, 1, 0, 1) <= 6000);
	assert_int_equal(backoff_wait(RETRY_C, "POST", &long_one, 1, 0, 1), 60000);
	http_response_free(&plain);
	http_response_free(&five);
	http_response_free(&long_one);
}

static void test_limiter_halves_and_recovers(void **state UNUSED)
{
	struct limiter *l = limiter_new();

	for (unsigned i = 0; i < LIMITER_MAX; i++)
		assert_success(limiter_enter(l, "a", CLOCK_NEVER, &test_error));
	assert_failure(limiter_enter(l, "a", clock_ms() + 30, &test_error), "no room for another request");
	assert_success(limiter_enter(l, "b", CLOCK_NEVER, &test_error)); /* another service has its own room */
	for (unsigned i = 0; i < LIMITER_MAX; i++)
		limiter_leave(l, "a", THROTTLE_BUSY, -1); /* one burst halves once */
	assert_int_equal(limiter_width(l, "a"), LIMITER_MAX / 2);
	for (unsigned i = 0; i < 2 * (LIMITER_MAX / 2); i++) {
		assert_success(limiter_enter(l, "a", CLOCK_NEVER, &test_error));
		limiter_leave(l, "a", THROTTLE_GOOD, -1);
	}
	assert_int_equal(limiter_width(l, "a"), LIMITER_MAX / 2 + 1);
	limiter_free(l);
}

static void test_limiter_ends_on_cancellation(void **state UNUSED)
{
	struct limiter *l = limiter_new();

	for (unsigned i = 0; i < LIMITER_MAX; i++)
		assert_success(limiter_enter(l, "a", CLOCK_NEVER, &test_error));
	cancel_now();
	assert_failure(limiter_enter(l, "a", CLOCK_NEVER, &test_error), "interrupted");
	cancel_reset();
	limiter_free(l);
}

static void assert_masked(const char *url, const char *expected)
{
	CLEANUP_FREE char *got = mask_url(url);

	assert_string_equal(got, expected);
}

static void test_urls_lose_their_secrets(void **state UNUSED)
{
	assert_masked("https://host/v3", "https://host/v3");
	assert_masked("https://user:pa@ss@host:5000/v3?x=1", "https://host:5000/v3?x=1");
	assert_masked("https://h/o?X-Amz-Signature=abc&name=b&temp_url_sig=z#f",
		      "https://h/o?X-Amz-Signature=***&name=b&temp_url_sig=***#f");
	assert_masked("https://h/a@b?to=a@b", "https://h/a@b?to=a@b");
	assert_masked("?", "?");
	assert_masked("", "");
}

static void test_headers_are_hashed(void **state UNUSED)
{
	CLEANUP_STRV struct strv headers = STRV_INIT;
	CLEANUP_BUF struct buf b = BUF_INIT;

	strv_add(&headers, "X-Auth-Token: ");
	strv_add(&headers, "set-cookie: session=1");
	strv_add(&headers, "Accept: application/json");
	strv_add(&headers, "location: https://u:p@h/?token=t");
	mask_headers(&b, &headers);
	assert_string_equal(
		buf_str(&b),
		"X-Auth-Token: {SHA256}e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, set-cookie: ***, "
		"Accept: application/json, location: https://h/?token=***");
}

static void assert_body(const char *url, const char *body, enum mask_body what, const char *expected)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	mask_body(&b, url, body, strlen(body), what);
	assert_string_equal(buf_str(&b), expected);
}

static void test_bodies_lose_their_secrets(void **state UNUSED)
{
	assert_body(
		"https://h/servers",
		"{\"server\":{\"name\":\"a\",\"user_data\":\"x\",\"adminPass\":7,\"list\":[{\"password\":\"p\"}]}}", MASK_ANSWER,
		"{\"server\":{\"name\":\"a\",\"user_data\":\"***\",\"adminPass\":\"***\",\"list\":[{\"password\":\"***\"}]}}");
	assert_body("https://h/v3/auth/tokens", "{\"auth\":1}", MASK_REQUEST, "(10 bytes, not shown)");
	assert_body("https://h/v3/users/u/application_credentials", "{\"secret\":1}", MASK_ERROR, "(12 bytes, not shown)");
	assert_body("https://h/servers/1", "{\"OS-EXT-SRV-ATTR:user_data\":\"x\",\"secret\":[\"a\",{\"b\":\"c\"}],\"token\":{\"id\":7}}",
		    MASK_ANSWER, "{\"OS-EXT-SRV-ATTR:user_data\":\"***\",\"secret\":[\"***\",{\"b\":\"c\"}],\"token\":{\"id\":7}}");
	assert_body("https://h/x", "{\"note\":\"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\",\"list\":[\"-----BEGIN PRIVATE KEY-----\"]}",
		    MASK_ANSWER, "{\"note\":\"***\",\"list\":[\"***\"]}");
	assert_body("https://h/x", "-----BEGIN RSA PRIVATE KEY-----", MASK_ERROR, "(31 bytes)");
	assert_body("https://h/blob", "binary", MASK_ANSWER, "(6 bytes)");
	assert_body("https://h/blob", "<html>\n\x1b[31m", MASK_ERROR, "<html>  [31m");
	assert_body("https://h/blob", "", MASK_ERROR, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after_reads_seconds_and_dates),
		cmocka_unit_test(test_classes_decide),
		cmocka_unit_test(test_waits_double_up_to_a_cap_and_end),
		cmocka_unit_test(test_rate_limits_are_honoured),
		cmocka_unit_test(test_limiter_halves_and_recovers),
		cmocka_unit_test(test_limiter_ends_on_cancellation),
		cmocka_unit_test(test_urls_lose_their_secrets),
		cmocka_unit_test(test_headers_are_hashed),
		cmocka_unit_test(test_bodies_lose_their_secrets),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
