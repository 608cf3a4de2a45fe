/* HTTPS through a bastion, as images are pushed to the registry. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/net/http.h"
#include "tests/integration/bastion_fixture.h"
#include "tests/integration/server.h"

enum { UPLOAD_BYTES = 3000000 };

static char folder[] = "/tmp/davit-bastion-XXXXXX";
static struct server *registry;

static bool say_length(struct server_peer *p, const struct server_request *r)
{
	CLEANUP_FREE char *body = xasprintf("%zu", r->body_len);

	server_reply(p, 201, "", body);
	return true;
}

static int dial_registry(void *context, const char *host UNUSED, uint16_t port, int *ret_fd, struct error **err)
{
	return bastion_dial(context, "127.0.0.1", port, clock_deadline(20000), ret_fd, err);
}

static struct http *client_through(struct bastion *b)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", folder);
	struct http_options options = {.ca_file = ca_file, .dial = dial_registry, .dial_context = b, .no_proxy = true};
	struct http *h = NULL;

	assert_success(http_new(&options, &h, &test_error));
	return h;
}

static int push(struct http *h, size_t len, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(registry, "/v2/x/blobs/uploads/"), *body = xcalloc(1, len);
	CLEANUP_FREE char *expected = xasprintf("%zu", len);
	struct http_request request = {.method = "PUT", .url = url, .body = body, .body_len = len, .http1 = true};

	if (http_perform(h, &request, &r, err) < 0)
		return -1;
	return strcmp(buf_str(&r.body), expected) == 0 ? 0 : error_set(err, ERROR_REMOTE, "%s came", buf_str(&r.body));
}

static void test_one_channel_for_all_requests(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	CLEANUP(http_free_ptr) struct http *h = client_through(b);
	unsigned before = server_connections(registry);

	for (size_t i = 0; i < 10; i++)
		assert_success(push(h, i * 100000, &test_error));
	assert_int_equal(server_connections(registry) - before, 1);
}

static int one_push(size_t i UNUSED, void *context, struct error **err)
{
	return push(context, UPLOAD_BYTES, err);
}

static void test_one_channel_for_each_thread(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	CLEANUP(http_free_ptr) struct http *h = client_through(b);
	unsigned before = server_connections(registry);

	assert_success(parallel_for(24, 4, one_push, h, NULL, &test_error));
	assert_in_range(server_connections(registry) - before, 1, 4);
}

static void test_no_socket_stays_behind(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *b = NULL;
	CLEANUP(http_free_ptr) struct http *h = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;

	setenv("TMPDIR", folder, 1);
	b = bastion_to(&server);
	h = client_through(b);
	assert_success(push(h, 1, &test_error));
	assert_success(path_list(folder, &names, &test_error));
	for (size_t i = 0; i < names.n; i++)
		assert_null(strstr(names.v[i], "davit-"));
}

static int start(void **state)
{
	CLEANUP_FREE char *cert = NULL, *key = NULL;

	http_global_init();
	if (sshd_fixture_start(state) < 0 || mkdtemp(folder) == NULL)
		return -1;
	cert = xasprintf("%s/registry.pem", folder);
	key = xasprintf("%s/registry.key", folder);
	server_certificate(folder, "registry", "IP:127.0.0.1", -3600, 3600);
	registry = server_start(say_length, NULL, cert, key);
	return 0;
}

static int stop(void **state)
{
	server_stop(registry);
	return path_remove_tree(folder, NULL) < 0 ? -1 : sshd_fixture_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_channel_for_all_requests),
		cmocka_unit_test(test_one_channel_for_each_thread),
		cmocka_unit_test(test_no_socket_stays_behind),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
