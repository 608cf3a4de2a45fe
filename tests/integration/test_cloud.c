#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "provision/optional.h"
#include "tests/integration/cloud_fixture.h"
#include <poll.h>

static void test_opening_is_one_request(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	CLEANUP_FREE char *text = cloud_describe(c),
			  *expected = xasprintf("cloud \"lab\" of %s/clouds.yaml, project demo, region R", folder);

	assert_int_equal(server_count(server, "", "") + server_count(server, "POST", "/") + server_count(server, "GET", "/"), 1);
	assert_string_equal(text, expected);
	assert_string_equal(cloud_project_id(c), "project-1");
	assert_string_equal(cloud_user_id(c), "user-1");
	assert_true(cloud_has(c, CLOUD_COMPUTE));
	assert_true(cloud_has(c, CLOUD_VOLUME));
	assert_true(cloud_has(c, CLOUD_IDENTITY));
	assert_false(cloud_has(c, CLOUD_LOAD_BALANCER));
	assert_null(cloud_external_network(c));
	assert_failure(get(c, CLOUD_LOAD_BALANCER, "/loadbalancers", &test_error),
		       "GET /loadbalancers: the cloud has no load-balancer service (cloud \"lab\" of ");
}

static void test_calls_and_their_headers(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct cloud_call call = {.service = CLOUD_COMPUTE,
				  .method = "POST",
				  .path = "/echo?x=1",
				  .body = body,
				  .microversion = "2.37",
				  .retry = RETRY_C};
	int status = 0;
	bool ambiguous = true;

	json_add_str(body, "a", "b/c");
	assert_success(cloud_call(c, &call, &answer, &status, &ambiguous, &test_error));
	assert_int_equal(status, 200);
	assert_false(ambiguous);
	assert_string_equal(json_get_str(answer, "body", ""), "{\"a\":\"b/c\"}");
	assert_string_equal(json_get_str(answer, "path", ""), "/compute/v2.1/echo?x=1");
	assert_non_null(strstr(fake.last_headers, "OpenStack-API-Version: compute 2.37\r\n"));
	assert_non_null(strstr(fake.last_headers, "X-OpenStack-Nova-API-Version: 2.37\r\n"));
	assert_non_null(strstr(fake.last_headers, "X-Openstack-Request-Id: req-"));
	assert_non_null(strstr(fake.last_headers, "Content-Type: application/json\r\n"));
	json_free_ptr(&answer);
	call = (struct cloud_call){.service = CLOUD_VOLUME, .method = "GET", .path = "/echo", .microversion = "3.59"};
	assert_success(cloud_call(c, &call, &answer, NULL, NULL, &test_error));
	assert_non_null(strstr(fake.last_headers, "OpenStack-API-Version: volume 3.59\r\n"));
	assert_null(strstr(fake.last_headers, "Content-Type"));
	json_free_ptr(&answer);
	call = (struct cloud_call){.service = CLOUD_COMPUTE, .method = "GET", .path = "/", .unversioned = true};
	assert_success(cloud_call(c, &call, &answer, NULL, NULL, &test_error));
	assert_string_equal(json_get_str(answer, "path", ""), "/compute/");
	json_free_ptr(&answer);
	call = (struct cloud_call){.service = CLOUD_COMPUTE, .method = "DELETE", .path = "/nothing"};
	assert_success(cloud_call(c, &call, &answer, &status, NULL, &test_error));
	assert_int_equal(status, 204);
	assert_null(answer);
	assert_success(get(c, CLOUD_IDENTITY, "/echo", &test_error));
}

/* ---- logging in ---- */

static void refuse_login(const char *keystone, const char *auth, enum error_kind kind, const char *part)
{
	struct cloud *c = NULL;

	write_clouds(keystone, auth);
	assert_int_equal(cloud_open("lab", &c, &test_error), -1);
	if (error_kind(test_error) != kind)
		fail_msg("kind %d of %s", (int)error_kind(test_error), error_message(test_error));
	assert_null(strstr(error_message(test_error), "s3cr3t"));
	assert_failure(-1, part);
}

static void test_logins_that_fail(void **state UNUSED)
{
	atomic_store(&fake.login_failures, 1);
	atomic_store(&fake.login_status, 401);
	refuse_login("/identity", LOGIN, ERROR_AUTH,
		     "/identity/v3 as user \"u\" of domain \"D\" in project \"demo\": The request you have made requires "
		     "authentication (HTTP 401, "
		     "Unauthorized, req-k); from cloud \"lab\" of ");
	atomic_store(&fake.login_failures, 1);
	refuse_login("/identity", "application_credential_id: abc, application_credential_secret: s3cr3t", ERROR_AUTH,
		     "with application credential \"abc\"");
	refuse_login("/identity", "application_credential_id: gone, application_credential_secret: s3cr3t", ERROR_AUTH,
		     "check its id and secret, and whether it was deleted or has expired");
	refuse_login("/nowhere", LOGIN, ERROR_CONFIG, "the address of keystone?");
	refuse_login("/hotel", LOGIN, ERROR_REMOTE, "this is not keystone's version 3 API");
	refuse_login("/identity", "username: unscoped, password: s3cr3t, user_domain_name: D", ERROR_CONFIG,
		     "a token without a project: set auth.project_name");
}

static void test_regions_that_are_not_there(void **state UNUSED)
{
	struct cloud *c = NULL;

	write_region("/identity", LOGIN, "elsewhere");
	assert_int_equal(cloud_open("lab", &c, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CONFIG);
	assert_failure(-1, "no compute endpoint with interface public in region elsewhere");
	write_region("/identity", LOGIN, "R");
}

static void test_discovery(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = NULL;

	write_clouds("/root", LOGIN); /* its version document names a path elsewhere, on a host that is wrong */
	c = open_cloud();
	assert_success(get(c, CLOUD_IDENTITY, "/echo", &test_error));
	assert_int_equal(server_count(server, "POST", "/root/v3/auth/tokens"), 1);
	assert_int_equal(server_count(server, "GET", "/root"), 1);
	assert_int_equal(server_count(server, "POST", "/identity/v3/auth/tokens"), 1);
}

static void test_application_credentials_have_no_scope(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = NULL;

	write_clouds("/identity/v3", "application_credential_id: abc, application_credential_secret: s3, project_name: demo");
	c = open_cloud();
	assert_string_equal(fake.last_login, "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_"
					     "credential\":{\"id\":\"abc\",\"secret\":\"s3\"}}}}");
}

static void test_the_environment_is_a_cloud(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = NULL;
	CLEANUP_FREE char *url = server_url(server, "/identity/v3"), *text = NULL;

	setenv("OS_AUTH_URL", url, 1);
	setenv("OS_USERNAME", "env", 1);
	setenv("OS_PASSWORD", "secret", 1);
	setenv("OS_USER_DOMAIN_NAME", "Default", 1);
	setenv("OS_PROJECT_ID", "project-1", 1);
	assert_success(cloud_open(NULL, &c, &test_error));
	text = cloud_describe(c);
	assert_string_equal(text, "the OS_* variables, project demo, region (any)");
	assert_non_null(strstr(fake.last_login, "\"name\":\"env\""));
	unsetenv("OS_AUTH_URL");
	unsetenv("OS_USERNAME");
	unsetenv("OS_PASSWORD");
	unsetenv("OS_USER_DOMAIN_NAME");
	unsetenv("OS_PROJECT_ID");
}

/* ---- tokens that end ---- */

static int one_get(size_t i UNUSED, void *context, struct error **err)
{
	return get(context, CLOUD_COMPUTE, "/echo", err);
}

static void test_twenty_threads_log_in_once(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	for (unsigned round = 1; round <= 5; round++) {
		atomic_store(&fake.revoked, atomic_load(&fake.logins));
		assert_success(parallel_for(20, 0, one_get, c, NULL, &test_error));
		assert_int_equal(atomic_load(&fake.logins), round + 1);
	}
	assert_int_equal(server_count(server, "GET", "/compute/v2.1/echo"), 5 * 20 + atomic_load(&fake.refusals));
}

static void test_twenty_threads_fail_once(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	struct error *errors[20] = {NULL};

	atomic_store(&fake.revoked, 1);
	atomic_store(&fake.login_status, 401);
	atomic_store(&fake.login_failures, 1000);
	assert_int_equal(parallel_for(20, 0, one_get, c, errors, &test_error), -1);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		assert_int_equal(error_kind(errors[i]), ERROR_AUTH);
		assert_non_null(strstr(error_message(errors[i]), "GET /echo: log in to "));
		error_free(errors[i]);
	}
	assert_int_equal(server_count(server, "POST", "/identity/v3/auth/tokens"), 2); /* the user is not locked out */
}

static void test_keystone_is_busy_while_renewing(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	atomic_store(&fake.revoked, 1);
	atomic_store(&fake.login_status, 503);
	atomic_store(&fake.login_failures, 1);
	assert_success(parallel_for(20, 0, one_get, c, NULL, &test_error));
	assert_int_equal(atomic_load(&fake.logins), 2);
	assert_int_equal(server_count(server, "POST", "/identity/v3/auth/tokens"), 3);
}

static void test_a_token_is_renewed_before_it_ends(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = NULL;

	atomic_store(&fake.life_s, 3); /* the last third of it is not used */
	c = open_cloud();
	assert_success(parallel_for(20, 0, one_get, c, NULL, &test_error));
	assert_int_equal(atomic_load(&fake.logins), 1);
	poll(NULL, 0, 2100);
	assert_success(parallel_for(20, 0, one_get, c, NULL, &test_error));
	assert_int_equal(atomic_load(&fake.logins), 2);
	assert_int_equal(atomic_load(&fake.refusals), 0);
	atomic_store(&fake.login_status, 500); /* cannot be renewed now: what is left of it still serves */
	atomic_store(&fake.login_failures, 1000);
	poll(NULL, 0, 2050);
	atomic_store(&fake.login_status, 400);
	assert_success(get(c, CLOUD_COMPUTE, "/echo", &test_error));
}

static void test_a_fresh_token_that_is_refused_is_the_end(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	atomic_store(&fake.refuse_all, true);
	assert_int_equal(get(c, CLOUD_COMPUTE, "/echo", &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_AUTH);
	assert_failure(-1, "GET /echo: The request requires authentication (HTTP 401");
	assert_int_equal(server_count(server, "GET", "/compute/v2.1/echo"), 2);
	assert_int_equal(atomic_load(&fake.logins), 2);
}

static void test_a_short_token_is_not_renewed_for_each_write(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = NULL;
	struct cloud_call call = {.service = CLOUD_COMPUTE, .method = "POST", .path = "/echo", .retry = RETRY_C};

	atomic_store(&fake.life_s, 300); /* a write wants ten minutes, which no token here has */
	c = open_cloud();
	for (int i = 0; i < 5; i++)
		assert_success(cloud_call(c, &call, NULL, NULL, NULL, &test_error));
	assert_int_equal(atomic_load(&fake.logins), 1);
}

static void test_a_later_catalog_counts(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	assert_success(get(c, CLOUD_COMPUTE, "/echo", &test_error));
	atomic_store(&fake.moved, true);
	assert_success(get(c, CLOUD_COMPUTE, "/echo", &test_error)); /* nobody has logged in since */
	assert_int_equal(server_count(server, "GET", "/compute/v2.1/echo"), 2);
	atomic_store(&fake.revoked, 1);
	assert_success(parallel_for(20, 0, one_get, c, NULL, &test_error));
	assert_int_equal(server_count(server, "GET", "/moved/compute/v2.1/echo"), 20);
	assert_int_equal(server_count(server, "GET", "/compute/v2.1/echo"), 2 + atomic_load(&fake.refusals));
	assert_true(cloud_has(c, CLOUD_IMAGE));
}

static void test_each_service_has_keys_of_its_own(void **state UNUSED)
{
	CLEANUP_FREE char *elsewhere = server_url(server, "/elsewhere");
	CLEANUP_FREE char *keys = xasprintf("R\n    compute_region_name: S\n    network_interface: internal\n"
					    "    image_endpoint_override: \"%s\"", elsewhere);
	CLEANUP_CLOUD struct cloud *c = NULL;

	write_region("/identity", LOGIN, keys);
	c = open_cloud();
	assert_success(get(c, CLOUD_COMPUTE, "/echo", &test_error));
	assert_success(get(c, CLOUD_NETWORK, "/echo", &test_error));
	assert_success(get(c, CLOUD_IMAGE, "/echo", &test_error));
	assert_success(get(c, CLOUD_VOLUME, "/echo", &test_error));
	assert_int_equal(server_count(server, "GET", "/s/compute/v2.1/echo"), 1);
	assert_int_equal(server_count(server, "GET", "/internal/network/v2.0/echo"), 1);
	assert_int_equal(server_count(server, "GET", "/elsewhere/v2/echo"), 1);
	assert_int_equal(server_count(server, "GET", "/volume/v3/p/echo"), 1);
}

static int cancel_soon(void *context UNUSED, struct error **err UNUSED)
{
	poll(NULL, 0, 200);
	cancel_now();
	return 0;
}

static int one_silent(size_t i UNUSED, void *context, struct error **err)
{
	return get(context, CLOUD_COMPUTE, "/silent", err);
}

static void test_cancellation_wakes_all(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	struct parallel_thread *thread = parallel_start(cancel_soon, NULL);
	int64_t start = clock_ms();

	assert_int_equal(parallel_for(20, 0, one_silent, c, NULL, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CANCELLED);
	error_clear(&test_error);
	assert_in_range(clock_ms() - start, 190, AT_ONCE_MS);
	assert_success(parallel_join(thread, &test_error));
	cancel_reset();
}

/* ---- collections ---- */

static void list(struct cloud *c, enum cloud_service service, const char *path, const char *key, const char *expected)
{
	CLEANUP_JSON struct json_object *all = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	assert_success(cloud_list(c, service, path, key, NULL, &all, &test_error));
	for (size_t i = 0; i < json_len(all); i++)
		strv_add(&names, json_get_str(json_object_array_get_idx(all, i), "name", "?"));
	joined = strv_join(&names, " ");
	assert_string_equal(joined, expected);
}

static void test_pages(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	struct json_object *all = NULL;

	list(c, CLOUD_COMPUTE, "/servers/detail?name=x", "servers", "a b c");
	assert_int_equal(server_count(server, "GET", "/compute/v2.1/servers/detail?project=y&marker=b"),
			 1); /* never the other host */
	list(c, CLOUD_IMAGE, "/images", "images", "one two");
	list(c, CLOUD_COMPUTE, "/lost", "servers", "y z");
	assert_failure(cloud_list(c, CLOUD_NETWORK, "/ports", "ports", NULL, &all, &test_error),
		       "GET /ports: the service's pages go round in a circle");
	assert_int_equal(server_count(server, "GET", "/network/v2.0/ports"), 3);
	assert_failure(cloud_list(c, CLOUD_COMPUTE, "/no-pages", "things", NULL, &all, &test_error),
		       "GET /no-pages: the answer's: things: expected array");
	assert_failure(cloud_list(c, CLOUD_COMPUTE, "/no-pages", "others", NULL, &all, &test_error), "others: missing");
	assert_failure(cloud_list(c, CLOUD_COMPUTE, "/nothing", "things", NULL, &all, &test_error), "an empty answer");
	assert_failure(cloud_list(c, CLOUD_COMPUTE, "/missing", "things", NULL, &all, &test_error),
		       "could not be found (HTTP 404, itemNotFound, req-7)");
	assert_null(all);
}

/* Only where the service says so is there nothing: neither a proxy's page nor a list that was read in part tells that. */
static void test_collections_that_not_every_cloud_has(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	CLEANUP_JSON struct json_object *missing = NULL, *unknown = NULL;
	struct json_object *all = NULL;

	assert_success(optional_list(c, CLOUD_COMPUTE, "/missing", "things", &missing, &test_error));
	assert_int_equal(json_len(missing), 0);
	assert_success(optional_list(c, CLOUD_LOAD_BALANCER, "/loadbalancers", "loadbalancers", &unknown, &test_error));
	assert_int_equal(json_len(unknown), 0);
	assert_failure(optional_list(c, CLOUD_COMPUTE, "/nothing", "things", &all, &test_error), "an empty answer");
	assert_failure(optional_list(c, CLOUD_COMPUTE, "/half", "servers", &all, &test_error), "marker [a] not found (HTTP 404");
	assert_null(all);
}

/* ---- failures ---- */

static void expect(struct cloud *c, struct cloud_call call, int result, int status, bool ambiguous, const char *part)
{
	CLEANUP_JSON struct json_object *answer = NULL;
	int got_status = -1;
	bool got_ambiguous = !ambiguous;

	atomic_store(&fake.flaky, 0);
	assert_int_equal(cloud_call(c, &call, &answer, &got_status, &got_ambiguous, &test_error), result);
	assert_int_equal(got_status, status);
	assert_int_equal(got_ambiguous, ambiguous);
	if (result < 0)
		assert_failure(-1, part);
}

/* The class, and what else there is to say: CALL("POST", "/x", RETRY_C, .what = "make x"). */
#define CALL(m, p, ...) ((struct cloud_call){.service = CLOUD_COMPUTE, .method = (m), .path = (p), .retry = __VA_ARGS__})
#define NETWORK_CALL(m, p, ...) ((struct cloud_call){.service = CLOUD_NETWORK, .method = (m), .path = (p), .retry = __VA_ARGS__})

static void test_what_is_known_after_a_failure(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	expect(c, CALL("GET", "/flaky", RETRY_A), 0, 200, false, NULL);
	expect(c, CALL("POST", "/flaky", RETRY_B), 0, 200, false, NULL);
	expect(c, CALL("POST", "/flaky", RETRY_C, .what = "create server \"w-1\""), -1, 503, true,
	       "create server \"w-1\": busy (HTTP 503)");
	expect(c, CALL("POST", "/broken", RETRY_C), -1, 502, true, "POST /broken: 502 Bad Gateway (HTTP 502)");
	expect(c, CALL("POST", "/dropped", RETRY_C), -1, 0, true, "POST /dropped: POST http://127.0.0.1");
	assert_int_equal(server_count(server, "POST", "/compute/v2.1/dropped"), 1);
	expect(c, CALL("POST", "/html", RETRY_C), -1, 200, true, "something that is not JSON (text/html)");
	expect(c, CALL("GET", "/html", RETRY_A), -1, 200, false, "something that is not JSON (text/html)");
	expect(c, CALL("DELETE", "/html", RETRY_A), -1, 200, true, "something that is not JSON (text/html)");
	expect(c, CALL("DELETE", "/accepted", RETRY_A), 0, 202, false, NULL);
	expect(c, CALL("POST", "/silent", RETRY_C, .deadline = clock_deadline(300)), -1, 0, true,
	       "no complete answer within 0.3 s");
	expect(c, CALL("GET", "/silent", RETRY_A, .deadline = clock_deadline(300)), -1, 0, false,
	       "no complete answer within 0.3 s");
}

static void test_missing_and_conflicting(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	expect(c, CALL("DELETE", "/vanishing", RETRY_A), 0, 404, false,
	       NULL); /* the second try finds that the first one worked */
	expect(c, CALL("DELETE", "/missing", RETRY_A), -1, 404, false,
	       "DELETE /missing: Instance x could not be found (HTTP 404, itemNotFound, req-7)");
	expect(c, CALL("DELETE", "/missing", RETRY_A, .not_found_ok = true), 0, 404, false, NULL);
	expect(c, NETWORK_CALL("POST", "/conflict", RETRY_B), -1, 409, false,
	       "POST /conflict: taken (HTTP 409, IpAddressAlreadyAllocated)");
	expect(c, NETWORK_CALL("POST", "/conflict", RETRY_B, .conflict_ok = true), 0, 409, false, NULL);
	expect(c, NETWORK_CALL("POST", "/over-quota", RETRY_B, .conflict_ok = true), -1, 409, false, "have the quota raised");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOUD_TEST(test_opening_is_one_request),
		CLOUD_TEST(test_calls_and_their_headers),
		CLOUD_TEST(test_logins_that_fail),
		CLOUD_TEST(test_regions_that_are_not_there),
		CLOUD_TEST(test_discovery),
		CLOUD_TEST(test_application_credentials_have_no_scope),
		CLOUD_TEST(test_the_environment_is_a_cloud),
		CLOUD_TEST(test_twenty_threads_log_in_once),
		CLOUD_TEST(test_twenty_threads_fail_once),
		CLOUD_TEST(test_keystone_is_busy_while_renewing),
		CLOUD_TEST(test_a_token_is_renewed_before_it_ends),
		CLOUD_TEST(test_a_fresh_token_that_is_refused_is_the_end),
		CLOUD_TEST(test_a_short_token_is_not_renewed_for_each_write),
		CLOUD_TEST(test_a_later_catalog_counts),
		CLOUD_TEST(test_each_service_has_keys_of_its_own),
		CLOUD_TEST(test_cancellation_wakes_all),
		CLOUD_TEST(test_pages),
		CLOUD_TEST(test_collections_that_not_every_cloud_has),
		CLOUD_TEST(test_what_is_known_after_a_failure),
		CLOUD_TEST(test_missing_and_conflicting),
	};

	return cmocka_run_group_tests(tests, cloud_make_folder, cloud_remove_folder);
}
