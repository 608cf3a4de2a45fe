/* What is asked again, by which class, and how many at once. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/net/limiter.h"
#include "core/net/retry.h"
#include "tests/integration/http_paths.h"
#include "tests/unit/test.h"

static struct http *client;

static int setup(void **state UNUSED)
{
	http_paths_start();
	return http_new(&(struct http_options){.no_proxy = true}, &client, NULL);
}

static int teardown(void **state UNUSED)
{
	http_free(client);
	http_paths_stop();
	return 0;
}

static int repeat(const char *method, const char *path, enum retry_class class, int64_t deadline, struct http_response *ret)
{
	CLEANUP_FREE char *url = server_url(server, path);
	struct http_request request = {.method = method, .url = url, .body = "b", .body_len = strcmp(method, "GET") == 0 ? 0 : 1};

	return retry_perform(client, &request, class, deadline, ret, &test_error);
}

static void expect_repeat(const char *method, const char *path, enum retry_class class, int status, unsigned tries,
			  bool maybe_applied)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	atomic_store(&flaky, 0);
	assert_success(repeat(method, path, class, CLOCK_NEVER, &r));
	assert_int_equal(r.status, status);
	assert_int_equal(r.tries, tries);
	assert_int_equal(r.maybe_applied, maybe_applied);
}

static void test_classes_repeat(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	int64_t start = clock_ms();

	expect_repeat("POST", "/flaky/429", RETRY_C, 200, 2, false);
	assert_true(clock_ms() - start >= 1000); /* not before it was asked for */
	expect_repeat("POST", "/flaky/429", RETRY_NONE, 429, 1, false);
	expect_repeat("GET", "/flaky/503", RETRY_A, 200, 2, true);
	expect_repeat("POST", "/flaky/503", RETRY_C, 503, 1, true);
	expect_repeat("POST", "/flaky/no-server", RETRY_C, 200, 2, false);
	expect_repeat("POST", "/flaky/cut", RETRY_B, 200, 2, true);
	expect_repeat("POST", "/flaky/empty", RETRY_B, 200, 2, true);
	atomic_store(&flaky, 0);
	assert_int_equal(repeat("POST", "/flaky/empty", RETRY_C, CLOCK_NEVER, &r), -1);
	error_clear(&test_error);
	assert_int_equal(r.tries, 1);
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
	assert_true(r.maybe_applied);
}

static void test_no_repeat_past_the_deadline(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	int64_t start = clock_ms();

	assert_success(repeat("GET", "/broken", RETRY_A, clock_deadline(900), &r));
	assert_int_equal(r.status, 502);
	assert_in_range(r.tries, 1, 2); /* the third would have been at about 1.5 s */
	http_response_free(&r);
	assert_int_equal(repeat("GET", "/silent", RETRY_A, clock_deadline(400), &r), -1);
	assert_int_equal(error_kind(test_error), ERROR_TIMEOUT);
	error_clear(&test_error);
	assert_in_range(clock_ms() - start, 400, AT_ONCE_MS);
}

static void test_a_begun_stream_is_not_repeated(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/flaky/cut"), *late = server_url(server, "/flaky/503");
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct http_request request = {.url = url, .write = http_collect, .write_context = &got};

	assert_int_equal(retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, &test_error), -1);
	error_clear(&test_error);
	assert_string_equal(buf_str(&got), "only this");
	http_response_free(&r);
	buf_truncate(&got, 0);
	atomic_store(&flaky, 0);
	request.url = late; /* nothing has been written yet */
	assert_success(retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, &test_error));
	assert_string_equal(buf_str(&got), "worked");
}

static int one_slow(size_t i UNUSED, void *context, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request request = {.url = context};

	return retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, err);
}

static void test_few_at_once(void **state UNUSED)
{
	CLEANUP_FREE char *url = server_url(server, "/slow");
	uint64_t before = http_requests_total();

	assert_success(parallel_for(40, 0, one_slow, url, NULL, &test_error));
	assert_int_equal(server_most_at_once(server), LIMITER_MAX);
	assert_true(server_connections(server) <= LIMITER_MAX);
	assert_int_equal(http_requests_total() - before, 40);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_classes_repeat),
		TEST(test_no_repeat_past_the_deadline),
		TEST(test_a_begun_stream_is_not_repeated),
		TEST(test_few_at_once),
	};

	cancel_init();
	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
