#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/net/retry.h"
#include "tests/integration/http_paths.h"
#include "tests/unit/test.h"
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static struct http *client;

static struct http *new_client(const struct http_options *options)
{
	struct http *h = NULL;

	assert_success(http_new(options, &h, &test_error));
	return h;
}

static int setup(void **state UNUSED)
{
	http_paths_start();
	client = new_client(&(struct http_options){.no_proxy = true});
	return 0;
}

static int teardown(void **state UNUSED)
{
	http_free(client);
	http_paths_stop();
	return 0;
}

static int perform(const char *method, const char *path, const char *body, struct http_response *ret)
{
	CLEANUP_FREE char *url = server_url(server, path);
	struct http_request r = {
		.method = method, .url = url, .body = body, .body_len = body != NULL ? strlen(body) : 0, .timeout_ms = 5000};

	return http_perform(client, &r, ret, &test_error);
}

static void expect(const char *method, const char *path, const char *body, int status, const char *answer)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	assert_success(perform(method, path, body, &r));
	assert_int_equal(r.outcome, HTTP_ANSWERED);
	assert_int_equal(r.status, status);
	if (answer != NULL)
		assert_string_equal(buf_str(&r.body), answer);
}

static void expect_failure(const char *method, const char *path, const char *body, enum http_outcome outcome,
			   enum error_kind kind, const char *part)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	assert_int_equal(perform(method, path, body, &r), -1);
	assert_int_equal(error_kind(test_error), kind);
	assert_failure(-1, part);
	assert_int_equal(r.outcome, outcome);
}

/* ---- plain use ---- */

static void test_methods_and_bodies(void **state UNUSED)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH"};

	expect("GET", "/echo", NULL, 200, "GET body=");
	expect(NULL, "/echo", NULL, 200, "GET body=");
	expect("DELETE", "/echo", NULL, 200, "DELETE body=");
	expect("DELETE", "/echo", "why", 200, "DELETE body=why");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		CLEANUP_FREE char *empty = xasprintf("%s body=", methods[i]), *full = xasprintf("%s body=x y", methods[i]);

		expect(methods[i], "/echo", "x y", 200, full); /* no Expect, no Content-Type that nobody asked for */
		expect(methods[i], "/echo", NULL, 200, empty);
	}
	expect("GET", "/none", NULL, 404, "no such path");
	assert_int_equal(server_connections(server), 1); /* all over one */
}

static void test_headers_of_the_last_hop(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	assert_success(perform("HEAD", "/odd-headers", NULL, &r));
	assert_null(http_header(&r, "link")); /* of the interim answer */
	assert_string_equal(http_header(&r, "empty"), "");
	assert_string_equal(http_header(&r, "folded"), "one two");
	assert_string_equal(http_header(&r, "escape"), " [31mred");
	assert_true(r.seconds >= 0);
}

static int refuse_bytes(const void *p UNUSED, size_t n UNUSED, void *context UNUSED, struct error **err)
{
	return error_set(err, ERROR_INTERNAL, "the disk is full");
}

static void test_streamed_answers(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/echo"), *missing = server_url(server, "/none");
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct http_request request = {.url = url, .write = http_collect, .write_context = &got};

	assert_success(http_perform(client, &request, &r, &test_error));
	assert_string_equal(buf_str(&got), "GET body=");
	assert_int_equal(r.body.len, 0);
	http_response_free(&r);
	request.url = missing; /* the body of a failure is no part of the stream */
	assert_success(http_perform(client, &request, &r, &test_error));
	assert_string_equal(buf_str(&got), "GET body=");
	assert_string_equal(buf_str(&r.body), "no such path");
	http_response_free(&r);
	request = (struct http_request){.url = url, .write = refuse_bytes};
	assert_failure(http_perform(client, &request, &r, &test_error), "the disk is full");
}

struct source {
	size_t left;
	size_t ends_early;
};

static int produce(void *p, size_t n, size_t *ret_n, void *context, struct error **err UNUSED)
{
	struct source *s = context;

	if (n > s->left)
		n = s->left;
	memset(p, 'z', n);
	s->left -= n;
	*ret_n = n;
	return 0;
}

static void test_streamed_requests(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/echo");
	struct source s = {.left = 2000000};
	struct http_request request = {.method = "PUT", .url = url, .body_len = 2000000, .read = produce, .read_context = &s};

	assert_success(http_perform(client, &request, &r, &test_error));
	assert_int_equal(r.body.len, strlen("PUT body=") + 2000000);
	http_response_free(&r);
	s.left = 100;
	assert_failure(http_perform(client, &request, &r, &test_error), "the body ended 1999900 bytes early");
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
}

static void test_basic_login(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/echo");
	struct http_request request = {.url = url, .user = "davit", .password = "a:b"};

	assert_success(http_perform(client, &request, &r, &test_error));
	assert_string_equal(buf_str(&r.body), "GET body= Authorization=Basic ZGF2aXQ6YTpi");
}

static void test_files_are_a_mirror(void **state UNUSED)
{
	char path[] = "/tmp/davit-http-XXXXXX";
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = xasprintf("file://%s", path), *there = NULL,
			  *missing = xasprintf("file:///tmp/davit-there-is-no-such-file");
	struct http_request request = {.url = url};
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	there = xasprintf("file://%s", path);
	request.url = there;
	assert_success(http_perform(client, &request, &r, &test_error));
	assert_int_equal(r.status, 200);
	assert_string_equal(buf_str(&r.body), "hello");
	http_response_free(&r);
	request.method = "PUT";
	assert_failure(http_perform(client, &request, &r, &test_error), "files can only be read");
	http_response_free(&r);
	request = (struct http_request){.url = missing};
	assert_success(retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, &test_error));
	assert_int_equal(r.status, 404);
	unlink(path);
}

/* ---- connections that die ---- */

static void assert_sent_once(const char *method, const char *body)
{
	unsigned before = server_count(server, method, "/die");
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	http_free(client); /* a connection of its own, so that the next request is its second */
	client = new_client(&(struct http_options){.no_proxy = true});
	expect("GET", "/die", NULL, 200, "first");
	assert_int_equal(perform(method, "/die", body, &r), -1);
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
	assert_int_equal(error_kind(test_error), ERROR_NETWORK);
	error_clear(&test_error);
	assert_int_equal(server_count(server, method, "/die"), before + 1);
}

static void test_no_write_is_sent_twice(void **state UNUSED)
{
	assert_sent_once("POST", "{\"server\":{}}");
	assert_sent_once("POST", NULL);
	assert_sent_once("POST", "");
	assert_sent_once("PUT", "x");
	assert_sent_once("PUT", NULL);
	assert_sent_once("PATCH", "x");
	assert_sent_once("DELETE", NULL);
	assert_sent_once("DELETE", "x");
}

static void test_no_stream_is_sent_twice(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/die");
	struct source s = {.left = 50};
	struct http_request request = {.method = "PATCH", .url = url, .body_len = 50, .read = produce, .read_context = &s};

	expect("GET", "/die", NULL, 200, "first");
	assert_int_equal(retry_perform(client, &request, RETRY_B, CLOCK_NEVER, &r, &test_error), -1);
	error_clear(&test_error);
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
	assert_true(r.maybe_applied);
	assert_int_equal(server_count(server, "PATCH", "/die"), 1);
}

static void test_a_read_may_be_sent_again(void **state UNUSED)
{
	expect("GET", "/die", NULL, 200, "first");
	expect("GET", "/die", NULL, 200, "first");
	assert_int_equal(server_connections(server), 2);
}

static void test_connections_that_break(void **state UNUSED)
{
	expect_failure("POST", "/reset", "x", HTTP_AMBIGUOUS, ERROR_NETWORK, "the connection broke");
	expect_failure("POST", "/cut", "x", HTTP_AMBIGUOUS, ERROR_NETWORK, "the answer broke off");
	expect_failure("GET", "/cut-chunked", NULL, HTTP_AMBIGUOUS, ERROR_NETWORK, "the answer broke off");
	assert_int_equal(server_count(server, "POST", "/"), 2);
}

static void test_what_was_never_sent(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(other, "/echo");
	struct http_request refused = {.method = "POST", .url = url, .body = "x", .body_len = 1};
	struct http_request no_name = {.method = "POST", .url = "http://user:secret@davit-no-such-host.invalid/?password=secret"};
	struct http_request no_tls = {.url = NULL};
	CLEANUP_FREE char *tls_url = xasprintf("https://127.0.0.1:%u/", server_port(server));

	server_stop(other);
	assert_failure(http_perform(client, &refused, &r, &test_error), "no connection: is the address right");
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	http_response_free(&r);
	assert_int_equal(http_perform(client, &no_name, &r, &test_error), -1);
	assert_non_null(strstr(error_message(test_error),
			       "http://davit-no-such-host.invalid/?password=***: the host name cannot be resolved"));
	assert_null(strstr(error_message(test_error), "secret@"));
	error_clear(&test_error);
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	http_response_free(&r);
	no_tls.url = tls_url; /* a plain port */
	no_tls.timeout_ms = 3000;
	assert_int_equal(http_perform(client, &no_tls, &r, &test_error), -1);
	error_clear(&test_error);
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	other = server_start(http_paths_handle, NULL, NULL, NULL);
}

/* ---- slow and silent peers ---- */

static void expect_timeout(const char *path, int64_t timeout_ms, int64_t stall_ms, const char *part)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, path);
	struct http_request request = {.url = url, .timeout_ms = timeout_ms, .stall_ms = stall_ms};
	int64_t start = clock_ms();

	assert_int_equal(http_perform(client, &request, &r, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_TIMEOUT);
	assert_failure(-1, part);
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
	assert_in_range(clock_ms() - start, 250, AT_ONCE_MS);
}

static void test_slow_is_not_stalled(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/drip");
	struct http_request request = {.url = url, .stall_ms = 400};

	assert_success(http_perform(client, &request, &r, &test_error));
	assert_string_equal(buf_str(&r.body), "............");
	expect_timeout("/stall", 20000, 300, "no byte moved for 300 ms");
	expect_timeout("/silent", 20000, 300, "no byte moved for 300 ms");
	expect_timeout("/drip", 300, 0, "no complete answer within 0.3 s");
	expect_timeout("/silent", 300, 0, "no complete answer within 0.3 s");
}

static int cancel_soon(void *context UNUSED, struct error **err UNUSED)
{
	poll(NULL, 0, 150);
	cancel_now();
	return 0;
}

static void expect_cancelled(const char *path, enum retry_class class)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, path);
	struct http_request request = {.method = "POST", .url = url, .body = "x", .body_len = 1};
	struct parallel_thread *thread = parallel_start(cancel_soon, NULL);
	int64_t start = clock_ms();

	assert_int_equal(retry_perform(client, &request, class, CLOCK_NEVER, &r, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CANCELLED);
	error_clear(&test_error);
	assert_int_equal(r.outcome, HTTP_AMBIGUOUS);
	assert_in_range(clock_ms() - start, 140, AT_ONCE_MS);
	assert_success(parallel_join(thread, &test_error));
	cancel_reset();
}

static void test_cancellation_ends_everything(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	unsigned before;

	expect_cancelled("/silent", RETRY_NONE);
	expect_cancelled("/stall", RETRY_B);
	expect_cancelled("/broken", RETRY_B); /* while it waits for the next try */
	cancel_now();
	before = server_count(server, "GET", "/echo");
	assert_failure(perform("GET", "/echo", NULL, &r), "interrupted");
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	assert_int_equal(server_count(server, "GET", "/echo"), before);
	cancel_reset();
	expect("GET", "/echo", NULL, 200, "GET body="); /* nothing was broken by it */
}

/* ---- too much, and nonsense ---- */

static void expect_too_large(const char *path, const char *part)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, path);
	struct http_request request = {.url = url, .answer_max = 1000, .timeout_ms = 60000};
	int64_t start = clock_ms();

	assert_failure(retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, &test_error), part);
	assert_int_equal(r.tries, 1);
	assert_true(r.body.len <= 1000);
	assert_in_range(clock_ms() - start, 0, AT_ONCE_MS);
}

static void test_answers_have_a_largest_size(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	expect_too_large("/huge/announced", "larger than the 1000 bytes");
	expect_too_large("/huge/chunked", "larger than the 1000 bytes");
	assert_int_equal(perform("GET", "/huge/headers", NULL, &r), -1);
	error_clear(&test_error);
}

static void test_nonsense_is_an_error(void **state UNUSED)
{
	expect_failure("GET", "/garbage", NULL, HTTP_AMBIGUOUS, ERROR_NETWORK, "the answer is not HTTP");
	expect_failure("POST", "/garbage", "x", HTTP_AMBIGUOUS, ERROR_NETWORK, "the answer is not HTTP");
	expect_failure("GET", "/no-colon", NULL, HTTP_AMBIGUOUS, ERROR_NETWORK, "the answer is not HTTP");
	expect_failure("GET", "/bad-length", NULL, HTTP_AMBIGUOUS, ERROR_NETWORK, "/bad-length");
	expect("GET", "/odd-headers", NULL, 200, "ok");
}

static void test_bad_urls(void **state UNUSED)
{
	static const char *const urls[] = {
		"", "nonsense", "ftp://127.0.0.1/", "http://[::1", "http://h:99999/", "gopher://127.0.0.1:70/_x"};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request request = {.url = urls[i], .timeout_ms = 2000};

		assert_int_equal(http_perform(client, &request, &r, &test_error), -1);
		assert_int_equal(r.outcome, HTTP_NOT_SENT);
		error_clear(&test_error);
	}
}

/* ---- redirections ---- */

static void follow(const char *method, const char *path, bool follow_them, int status, const char *answer)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, path);
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {.method = method, .url = url, .headers = &headers, .follow = follow_them};

	if (strcmp(method, "GET") != 0) {
		request.body = "b";
		request.body_len = 1;
	}
	strv_add(&headers, "Authorization: Bearer t");
	strv_add(&headers, "X-Auth-Token: t");
	strv_add(&headers, "X-Subject-Token: t");
	strv_add(&headers, "Cookie: t");
	strv_add(&headers, "X-Plain: p");
	assert_success(http_perform(client, &request, &r, &test_error));
	assert_int_equal(r.status, status);
	assert_string_equal(buf_str(&r.body), answer);
}

static void test_redirections_keep_credentials_at_home(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *away = server_url(server, "/redirect/away"), *loop = server_url(server, "/redirect/loop");
	CLEANUP_FREE char *file = server_url(server, "/redirect/file");
	struct http_request login = {.url = away, .user = "u", .password = "p", .follow = true};
	struct http_request round = {.url = loop, .follow = true}, local = {.url = file, .follow = true};

	follow("GET", "/redirect/here", false, 302, "moved");
	follow("GET", "/redirect/here", true, 200,
	       "GET body= Authorization=Bearer t X-Auth-Token=t X-Subject-Token=t Cookie=t X-Plain=p");
	follow("GET", "/redirect/away", true, 200, "GET body= X-Plain=p");
	follow("GET", "/redirect/there-and-back", true, 200,
	       "GET body= X-Plain=p"); /* who was away may have chosen the way back */
	follow("POST", "/redirect/here", true, 302, "moved");
	follow("POST", "/redirect/307", true, 200,
	       "POST body=b Authorization=Bearer t X-Auth-Token=t X-Subject-Token=t Cookie=t X-Plain=p");
	assert_success(http_perform(client, &login, &r, &test_error));
	assert_string_equal(buf_str(&r.body), "GET body=");
	http_response_free(&r);
	assert_failure(http_perform(client, &round, &r, &test_error), "more than 10 redirections");
	http_response_free(&r);
	assert_failure(http_perform(client, &local, &r, &test_error), "not following to file:");
	assert_int_equal(server_count(server, "GET", "/redirect/loop"), 11);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_methods_and_bodies),
		TEST(test_headers_of_the_last_hop),
		TEST(test_streamed_answers),
		TEST(test_streamed_requests),
		TEST(test_basic_login),
		TEST(test_files_are_a_mirror),
		TEST(test_no_write_is_sent_twice),
		TEST(test_no_stream_is_sent_twice),
		TEST(test_a_read_may_be_sent_again),
		TEST(test_connections_that_break),
		TEST(test_what_was_never_sent),
		TEST(test_slow_is_not_stalled),
		TEST(test_cancellation_ends_everything),
		TEST(test_answers_have_a_largest_size),
		TEST(test_nonsense_is_an_error),
		TEST(test_bad_urls),
		TEST(test_redirections_keep_credentials_at_home),
	};

	cancel_init();
	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
