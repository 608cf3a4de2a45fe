#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/net/limiter.h"
#include "core/net/retry.h"
#include "tests/integration/server.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct server *server, *other; /* two origins with one handler */
static struct http *client;
static atomic_uint flaky; /* requests to /flaky so far */

/* ---- what the paths do ---- */

static bool echo(struct server_peer *p, const struct server_request *r)
{
	static const char *const names[] = {"Authorization", "X-Auth-Token", "X-Subject-Token", "Cookie",
					    "Expect",	     "X-Plain",	     "Content-Type"};
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_addf(&b, "%s body=%s", r->method, r->body);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP_FREE char *value = server_header(r, names[i]);

		if (value != NULL)
			buf_addf(&b, " %s=%s", names[i], value);
	}
	server_reply(p, 200, "X-Multi: a\r\nx-multi: b\r\n", buf_str(&b));
	return true;
}

/* The second request of a connection ends it without a byte. */
static bool die(struct server_peer *p, const struct server_request *r)
{
	if (r->nth > 1)
		return false;
	server_reply(p, 200, "", "first");
	return true;
}

static bool reset_after_request(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reset(p);
	return false;
}

static bool cut(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nonly this");
	return false;
}

static bool cut_chunked(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	return false;
}

static bool drip(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
	for (int i = 0; i < 12; i++) {
		server_pause(p, 60);
		server_send(p, ".");
	}
	return true;
}

static bool stall(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhalf");
	server_pause(p, 20000);
	return false;
}

static bool silent(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 20000);
	return false;
}

static bool fail_then_work(struct server_peer *p, const char *headers, int status, const char *body, unsigned failures)
{
	if (atomic_fetch_add(&flaky, 1) < failures)
		server_reply(p, status, headers, body);
	else
		server_reply(p, 200, "", "worked");
	return true;
}

static bool flaky_429(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(p, "Retry-After: 1\r\n", 429, "slower", 1);
}

static bool flaky_503(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(p, "", 503, "busy", 1);
}

static bool flaky_no_server(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(
		p, "", 503,
		"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
		1);
}

static bool flaky_cut(struct server_peer *p, const struct server_request *r)
{
	return atomic_fetch_add(&flaky, 1) < 1 ? cut(p, r) : echo(p, r);
}

static bool flaky_empty(struct server_peer *p, const struct server_request *r)
{
	return atomic_fetch_add(&flaky, 1) < 1 ? false : echo(p, r);
}

static bool broken(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 502, "Content-Type: text/html\r\n", "<h1>Bad Gateway</h1>");
	return true;
}

static bool redirect(struct server_peer *p, int status, const char *location)
{
	CLEANUP_FREE char *header = xasprintf("Location: %s\r\n", location);

	server_reply(p, status, header, "moved");
	return true;
}

static bool redirect_here(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 302, "/echo");
}

static bool redirect_307(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 307, "../echo");
}

static bool redirect_away(struct server_peer *p, const struct server_request *r UNUSED)
{
	CLEANUP_FREE char *url = server_url(other, "/echo");

	return redirect(p, 302, url);
}

static bool redirect_there_and_back(struct server_peer *p, const struct server_request *r)
{
	CLEANUP_FREE char *url = server_url(other, "/back");

	if (strcmp(r->path, "/back") != 0)
		return redirect(p, 302, url);
	free(url);
	url = server_url(server, "/echo");
	return redirect(p, 302, url);
}

static bool redirect_loop(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 301, "/redirect/loop");
}

static bool redirect_file(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 302, "file:///etc/hostname");
}

static bool huge_announced(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
	server_pause(p, 2000);
	return false;
}

static bool huge_chunked(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 200; i++)
		server_send(p, "10\r\n0123456789abcdef\r\n");
	server_send(p, "0\r\n\r\n");
	return true;
}

static bool huge_headers(struct server_peer *p, const struct server_request *r UNUSED)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	buf_add(&line, "X-Much: ");
	for (int i = 0; i < 8000; i++)
		buf_add_char(&line, 'x');
	buf_add(&line, "\r\n");
	server_send(p, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 1000; i++)
		server_send(p, buf_str(&line));
	server_send(p, "\r\n");
	return false;
}

static bool garbage(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
	return false;
}

static bool odd_headers(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(
		p,
		"HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK\r\n: no name\r\nEmpty:\r\nFolded: one\r\n two\r\n"
		"Escape: \x1b[31mred\r\nContent-Length: 2\r\n\r\nok");
	return true;
}

static bool no_colon(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\nok");
	return false;
}

static bool bad_length(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello");
	return false;
}

static bool slow(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 50);
	server_reply(p, 200, "", "slow");
	return true;
}

static const struct {
	const char *path;
	server_handler *handler;
} paths[] = {
	{"/bad-length", bad_length},
	{"/back", redirect_there_and_back},
	{"/broken", broken},
	{"/cut", cut},
	{"/cut-chunked", cut_chunked},
	{"/die", die},
	{"/drip", drip},
	{"/echo", echo},
	{"/flaky/429", flaky_429},
	{"/flaky/503", flaky_503},
	{"/flaky/cut", flaky_cut},
	{"/flaky/empty", flaky_empty},
	{"/flaky/no-server", flaky_no_server},
	{"/garbage", garbage},
	{"/huge/announced", huge_announced},
	{"/huge/chunked", huge_chunked},
	{"/huge/headers", huge_headers},
	{"/no-colon", no_colon},
	{"/odd-headers", odd_headers},
	{"/redirect/307", redirect_307},
	{"/redirect/away", redirect_away},
	{"/redirect/file", redirect_file},
	{"/redirect/here", redirect_here},
	{"/redirect/loop", redirect_loop},
	{"/redirect/there-and-back", redirect_there_and_back},
	{"/reset", reset_after_request},
	{"/silent", silent},
	{"/slow", slow},
	{"/stall", stall},
};

static bool handle(struct server_peer *p, const struct server_request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strncmp(r->path, paths[i].path, strcspn(r->path, "?")) == 0 && strlen(paths[i].path) == strcspn(r->path, "?"))
			return paths[i].handler(p, r);
	server_reply(p, 404, "", "no such path");
	return true;
}

static struct http *new_client(const struct http_options *options)
{
	struct http *h = NULL;

	assert_success(http_new(options, &h, &test_error));
	return h;
}

static int setup(void **state UNUSED)
{
	server = server_start(handle, NULL, NULL, NULL);
	other = server_start(handle, NULL, NULL, NULL);
	client = new_client(&(struct http_options){.no_proxy = true});
	atomic_store(&flaky, 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	http_free(client);
	server_stop(server);
	server_stop(other);
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

static int collect(const void *p, size_t n, void *context, struct error **err UNUSED)
{
	buf_add_mem(context, p, n);
	return 0;
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
	struct http_request request = {.url = url, .write = collect, .write_context = &got};

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
	other = server_start(handle, NULL, NULL, NULL);
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
	assert_in_range(clock_ms() - start, 250, 1500);
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
	assert_in_range(clock_ms() - start, 140, 600);
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
	struct http_request request = {.url = url, .answer_max = 1000, .timeout_ms = 5000};
	int64_t start = clock_ms();

	assert_failure(retry_perform(client, &request, RETRY_A, CLOCK_NEVER, &r, &test_error), part);
	assert_int_equal(r.tries, 1);
	assert_true(r.body.len <= 1000);
	assert_true(clock_ms() - start < 1000);
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

/* ---- repeats ---- */

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
	assert_int_equal(r.tries, 2); /* the third would have been at about 1.5 s */
	assert_true(clock_ms() - start < 900);
	http_response_free(&r);
	assert_int_equal(repeat("GET", "/silent", RETRY_A, clock_deadline(400), &r), -1);
	assert_int_equal(error_kind(test_error), ERROR_TIMEOUT);
	error_clear(&test_error);
	assert_true(clock_ms() - start < 2000);
}

static void test_a_begun_stream_is_not_repeated(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/flaky/cut"), *late = server_url(server, "/flaky/503");
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct http_request request = {.url = url, .write = collect, .write_context = &got};

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

/* ---- TLS and dialling ---- */

static char tls_folder[] = "/tmp/davit-tls-XXXXXX";

static struct server *tls_server(const char *name)
{
	CLEANUP_FREE char *cert = xasprintf("%s/%s.pem", tls_folder, name), *key = xasprintf("%s/%s.key", tls_folder, name);

	return server_start(handle, NULL, cert, key);
}

static void tls_try(struct server *s, const struct http_options *options, const char *failure)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(s, "/echo");
	struct http_request request = {.url = url, .timeout_ms = 5000};
	struct http *h = new_client(options);

	if (failure != NULL) {
		assert_failure(retry_perform(h, &request, RETRY_A, CLOCK_NEVER, &r, &test_error), failure);
		assert_int_equal(r.outcome, HTTP_NOT_SENT);
		assert_int_equal(r.tries, 1); /* hopeless */
		assert_int_equal(server_count(s, "GET", "/"), 0);
	} else {
		assert_success(retry_perform(h, &request, RETRY_A, CLOCK_NEVER, &r, &test_error));
		assert_string_equal(buf_str(&r.body), "GET body=");
	}
	http_free(h);
}

static void test_trust(void **state UNUSED)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", tls_folder), *other_ca = xasprintf("%s/other/ca.pem", tls_folder);
	CLEANUP_FREE char *key_file = xasprintf("%s/good.key", tls_folder), *missing = xasprintf("%s/missing.pem", tls_folder);
	CLEANUP_BUF struct buf ca = BUF_INIT, wrong_ca = BUF_INIT;
	struct server *good = tls_server("good"), *name = tls_server("name"), *expired = tls_server("expired");
	struct http *h = NULL;

	assert_success(path_read(ca_file, &ca, &test_error));
	assert_success(path_read(other_ca, &wrong_ca, &test_error));
	tls_try(good, &(struct http_options){.no_proxy = true},
		"name the file of the authority that signed it as cacert in clouds.yaml");
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_pem = wrong_ca.data},
		"not signed by the authority that is expected here");
	tls_try(name, &(struct http_options){.no_proxy = true, .ca_file = ca_file},
		"the server's certificate is for another name");
	tls_try(expired, &(struct http_options){.no_proxy = true, .ca_file = ca_file},
		"the server's certificate is not valid now");
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_file = ca_file}, NULL);
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_pem = ca.data}, NULL);
	tls_try(name, &(struct http_options){.no_proxy = true, .insecure = true}, NULL);
	assert_failure(http_new(&(struct http_options){.ca_file = missing}, &h, &test_error), "missing.pem");
	assert_failure(http_new(&(struct http_options){.ca_file = "/etc/hostname"}, &h, &test_error), "holds no PEM certificate");
	assert_failure(http_new(&(struct http_options){.client_cert = missing, .client_key = key_file}, &h, &test_error),
		       "there is no such file");
	server_stop(good);
	server_stop(name);
	server_stop(expired);
}

struct dialled {
	struct server *to;
	unsigned calls;
	bool fails, nameless;
	char host[64];
	uint16_t port;
};

/* A pair of sockets and a thread between them and the server, as the bastion does it. */
struct pump {
	int near, far;
};

static int pump(void *context, struct error **err UNUSED)
{
	struct pump *p = context;
	char bytes[8192];

	for (;;) {
		struct pollfd fds[2] = {{.fd = p->near, .events = POLLIN}, {.fd = p->far, .events = POLLIN}};
		ssize_t n = 0;

		poll(fds, 2, -1);
		for (int i = 0; i < 2; i++)
			if (fds[i].revents != 0) {
				n = read(fds[i].fd, bytes, sizeof(bytes));
				if (n <= 0 || write(fds[1 - i].fd, bytes, (size_t)n) != n) {
					close(p->near);
					close(p->far);
					free(p);
					return 0;
				}
			}
	}
}

static struct parallel_thread *pumps[16];
static size_t n_pumps;

/* libcurl 7.88 keeps no connection whose peer has no name: give the far end one. */
static void name_end(int fd)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/end", tls_folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	unlink(name.sun_path);
}

static int dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err)
{
	struct dialled *d = context;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server_port(d->to))};
	struct pump *p;
	int pair[2];

	d->calls++;
	snprintf(d->host, sizeof(d->host), "%s", host);
	d->port = port;
	if (d->fails)
		return error_set(err, ERROR_NETWORK, "the jump host refuses");
	p = xnew(struct pump);
	p->far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->far, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if (!d->nameless)
		name_end(pair[0]);
	p->near = pair[0];
	*ret_fd = pair[1];
	assert_true(n_pumps < ARRAY_SIZE(pumps));
	pumps[n_pumps++] = parallel_start(pump, p);
	return 0;
}

static void dial_thrice(const char *scheme, bool nameless, unsigned calls)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", tls_folder),
			  *url = xasprintf("%s://davit-node.invalid:6443/echo", scheme);
	struct server *s = strcmp(scheme, "https") == 0 ? tls_server("name") : server_start(handle, NULL, NULL, NULL);
	struct dialled d = {.to = s, .nameless = nameless};
	struct http *h = new_client(&(struct http_options){.ca_file = ca_file, .dial = dial, .dial_context = &d});
	/* The certificate is for this name, which no DNS has ever heard of. */
	struct http_request request = {.method = "POST", .url = url, .body = "b", .body_len = 1};

	for (int i = 0; i < 3; i++) {
		CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

		assert_success(http_perform(h, &request, &r, &test_error));
		assert_string_equal(buf_str(&r.body), "POST body=b");
	}
	assert_string_equal(d.host, "davit-node.invalid");
	assert_int_equal(d.port, 6443);
	assert_int_equal(d.calls, calls);
	http_free(h);
	while (n_pumps > 0)
		assert_success(parallel_join(pumps[--n_pumps], &test_error));
	server_stop(s);
}

static void test_dialled_connections(void **state UNUSED)
{
	dial_thrice("https", false, 1); /* the connection is kept */
	dial_thrice("http", false, 1);
	dial_thrice("https", true, 3);
	dial_thrice("http", true, 1);
}

static void test_dialling_fails(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct dialled d = {.to = server, .fails = true};
	struct http *h = new_client(&(struct http_options){.dial = dial, .dial_context = &d});
	struct http_request address = {.url = "https://10.255.255.1:6443/echo"}, v6 = {.url = "http://[FD00::1]/echo"};

	assert_failure(http_perform(h, &address, &r, &test_error), "GET https://10.255.255.1:6443/echo: the jump host refuses");
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	assert_string_equal(d.host, "10.255.255.1");
	assert_failure(http_perform(h, &v6, &r, &test_error), "the jump host refuses");
	assert_string_equal(d.host, "fd00::1");
	assert_int_equal(d.port, 80);
	http_free(h);
}

/* ---- what is shown ---- */

static void keep_line(const char *line, void *context)
{
	buf_add(context, line);
}

static void test_debug_lines_hold_no_secret(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(server, "/echo?token=hidden");
	CLEANUP_STRV struct strv headers = STRV_INIT;
	CLEANUP_BUF struct buf lines = BUF_INIT;
	struct http_request request = {
		.method = "POST", .url = url, .headers = &headers, .body = "{\"password\":\"hidden\",\"name\":\"shown\"}"};

	request.body_len = strlen(request.body);
	strv_add(&headers, "X-Auth-Token: hidden");
	log_init(LOG_DEBUG, false);
	log_set_sink(keep_line, &lines);
	assert_success(http_perform(client, &request, &r, &test_error));
	log_set_sink(NULL, NULL);
	log_init(LOG_INFO, false);
	assert_null(strstr(buf_str(&lines), "hidden"));
	assert_non_null(strstr(buf_str(&lines), "X-Auth-Token: {SHA256}"));
	assert_non_null(strstr(buf_str(&lines), "shown"));
	assert_non_null(strstr(buf_str(&lines), ": 200 in 0."));
}

static int make_certificates(void **state UNUSED)
{
	CLEANUP_FREE char *other_folder = NULL;

	cancel_init();
	http_global_init();
	if (mkdtemp(tls_folder) == NULL)
		return -1;
	other_folder = xasprintf("%s/other", tls_folder);
	if (path_mkdirs(other_folder, 0700, NULL) < 0)
		return -1;
	server_certificate(tls_folder, "good", "IP:127.0.0.1,DNS:localhost", -3600, 3600);
	server_certificate(tls_folder, "name", "DNS:davit-node.invalid", -3600, 3600);
	server_certificate(tls_folder, "expired", "IP:127.0.0.1", -7200, -3600);
	server_certificate(other_folder, "unused", "IP:127.0.0.1", -3600, 3600);
	return 0;
}

static int remove_certificates(void **state UNUSED)
{
	return path_remove_tree(tls_folder, NULL);
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
		TEST(test_classes_repeat),
		TEST(test_no_repeat_past_the_deadline),
		TEST(test_a_begun_stream_is_not_repeated),
		TEST(test_few_at_once),
		TEST(test_trust),
		TEST(test_dialled_connections),
		TEST(test_dialling_fails),
		TEST(test_debug_lines_hold_no_secret),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
