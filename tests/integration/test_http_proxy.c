#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "tests/integration/http_paths.h"
#include "tests/integration/proxy.h"
#include "core/net/retry.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/davit-proxy-XXXXXX";
static struct server *tls;
static struct proxy *proxy;
static struct buf lines;

static void keep_line(const char *line, void *context UNUSED)
{
	buf_add(&lines, line);
}

static int setup(void **state UNUSED)
{
	CLEANUP_FREE char *cert = xasprintf("%s/good.pem", folder), *key = xasprintf("%s/good.key", folder);

	http_paths_start();
	tls = server_start(http_paths_handle, NULL, cert, key);
	proxy = proxy_start("me:s3cr3t");
	log_init(LOG_DEBUG, false);
	log_set_sink(keep_line, NULL);
	return 0;
}

static int teardown(void **state UNUSED)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "no_proxy"};

	if (strstr(buf_str(&lines), "s3cr3t") != NULL || strstr(buf_str(&lines), "bWU6czNjcjN0") != NULL)
		fail_msg("the proxy's password is in the log:\n%s", buf_str(&lines));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	http_use_proxies(NULL, NULL, NULL);
	log_set_sink(NULL, NULL);
	log_init(LOG_INFO, false);
	buf_free(&lines);
	proxy_stop(proxy);
	server_stop(tls);
	http_paths_stop();
	return 0;
}

static int fetch(const struct http_options *more, const struct server *s, enum retry_class class, struct error **err)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", folder), *url = server_url(s, "/echo");
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct http_options options = *more;
	CLEANUP(http_free_ptr) struct http *h = NULL;
	struct http_request request = {.url = url};

	options.ca_file = ca_file;
	if (http_new(&options, &h, err) < 0 || retry_perform(h, &request, class, INT64_MAX, &r, err) < 0)
		return -1;
	return r.status == 200 && strcmp(buf_str(&r.body), "GET body=") == 0
		       ? 0
		       : error_set(err, ERROR_REMOTE, "HTTP %d %s", r.status, buf_str(&r.body));
}

static const struct http_options plain = {0}, refusing = {.no_proxy = true};

static void test_the_program_s_own(void **state UNUSED)
{
	CLEANUP_FREE char *url = proxy_url(proxy, "me:s3cr3t"), *shown = NULL, *bare = proxy_url(proxy, NULL);
	CLEANUP_FREE char *expected = xasprintf("%s for https, %s for http", bare, bare);

	setenv("https_proxy", "http://127.0.0.1:1", 1); /* they do not count any more */
	setenv("no_proxy", "127.0.0.1", 1);
	http_use_proxies(url, url, NULL);
	assert_success(fetch(&plain, tls, RETRY_NONE, &test_error));
	assert_success(fetch(&plain, server, RETRY_NONE, &test_error));
	assert_int_equal(proxy_count(proxy, "CONNECT"), 1);
	assert_int_equal(proxy_count(proxy, "GET"), 1);
	shown = http_describe_proxies();
	assert_string_equal(shown, expected);
	assert_non_null(strstr(buf_str(&lines), "curl -gsS --cacert "));
	assert_non_null(strstr(buf_str(&lines), " --proxy 'http://127.0.0.1:"));
}

static void test_one_scheme_alone(void **state UNUSED)
{
	CLEANUP_FREE char *url = proxy_url(proxy, "me:s3cr3t"), *shown = NULL;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	http_use_proxies(NULL, url, NULL);
	assert_success(fetch(&plain, tls, RETRY_NONE, &test_error));
	assert_success(fetch(&plain, server, RETRY_NONE, &test_error));
	assert_int_equal(proxy_count(proxy, "CONNECT"), 1);
	assert_int_equal(proxy_count(proxy, "GET"), 0);
	shown = http_describe_proxies();
	assert_non_null(strstr(shown, "none for http"));
}

static void test_exceptions(void **state UNUSED)
{
	CLEANUP_FREE char *url = proxy_url(proxy, "me:s3cr3t");

	http_use_proxies(url, url, "example.org,127.0.0.0/8");
	assert_success(fetch(&plain, tls, RETRY_NONE, &test_error));
	http_use_proxies(url, url, "example.org");
	assert_success(fetch(&refusing, tls, RETRY_NONE, &test_error)); /* as to the registry */
	assert_int_equal(proxy_count(proxy, "CONNECT"), 0);
}

static void test_the_environment_s(void **state UNUSED)
{
	CLEANUP_FREE char *url = proxy_url(proxy, "me:s3cr3t"), *shown = http_describe_proxies();

	assert_null(shown);
	setenv("https_proxy", url, 1);
	assert_success(fetch(&plain, tls, RETRY_NONE, &test_error));
	assert_int_equal(proxy_count(proxy, "CONNECT"), 1);
	assert_success(fetch(&refusing, tls, RETRY_NONE, &test_error));
	setenv("no_proxy", "127.0.0.1", 1);
	assert_success(fetch(&plain, tls, RETRY_NONE, &test_error));
	assert_int_equal(proxy_count(proxy, "CONNECT"), 1);
	shown = http_describe_proxies();
	assert_non_null(strstr(shown, " for https, none for http"));
	assert_null(strstr(shown, "s3cr3t"));
}

static void test_proxies_that_fail(void **state UNUSED)
{
	CLEANUP_FREE char *wrong = proxy_url(proxy, "me:s3cr3t2");

	http_use_proxies(NULL, wrong, NULL);
	assert_failure(fetch(&plain, tls, RETRY_A, &test_error), "the proxy refused to connect: check proxy in the cluster file");
	assert_int_equal(proxy_refusals(proxy), 1); /* no repetition makes it better */
	http_use_proxies(NULL, "http://me:s3cr3t@127.0.0.1:1", NULL);
	assert_failure(fetch(&plain, tls, RETRY_NONE, &test_error), "no connection");
	http_use_proxies(NULL, "http://me:s3cr3t@127.0.0.1:nonsense", NULL);
	assert_int_equal(fetch(&plain, tls, RETRY_NONE, &test_error), -1);
	assert_null(strstr(error_message(test_error), "s3cr3t"));
	error_clear(&test_error);
}

static int make_folder(void **state UNUSED)
{
	http_global_init();
	if (mkdtemp(folder) == NULL)
		return -1;
	server_certificate(folder, "good", "IP:127.0.0.1", -3600, 3600);
	return 0;
}

static int remove_folder(void **state UNUSED)
{
	return path_remove_tree(folder, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_program_s_own),
		TEST(test_one_scheme_alone),
		TEST(test_exceptions),
		TEST(test_the_environment_s),
		TEST(test_proxies_that_fail),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
