#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "provision/cloud.h"
#include "tests/integration/server.h"
#include "tests/unit/test.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a keystone and what stands behind it ---- */

static struct server *server;
static char folder[] = "/tmp/davit-cloud-XXXXXX";

static struct fake {
	atomic_uint logins;	    /* tokens given: the last one alone is good, "token-LOGINS" */
	atomic_uint revoked;	    /* tokens up to this number are refused */
	atomic_uint refusals;	    /* 401s of the services */
	atomic_uint login_failures; /* logins to fail with login_status before the next good one */
	atomic_int login_status;
	atomic_int life_s;
	atomic_bool refuse_all; /* the services refuse every token */
	atomic_uint flaky;
	char last_login[2048];
	char last_headers[4096];
	pthread_mutex_t lock;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char *rfc3339(int64_t ms)
{
	char *s = clock_rfc3339(ms);

	memcpy(s + strlen(s) - 4, "000Z", 4);
	return s;
}

static void give_token(struct server_peer *p, const char *extra)
{
	CLEANUP_FREE char *issued = rfc3339(1000000000000), *expires = rfc3339(1000000000000 + atomic_load(&fake.life_s) * 1000);
	unsigned number = atomic_fetch_add(&fake.logins, 1) + 1, port = server_port(server);
	CLEANUP_FREE char *header = xasprintf("X-Subject-Token: token-%u\r\nContent-Type: application/json\r\n", number);
	CLEANUP_FREE char *body =
		xasprintf("{\"token\":{\"issued_at\":\"%s\",\"expires_at\":\"%s\",%s\"user\":{\"id\":\"user-1\"},\"catalog\":["
			  "{\"type\":\"compute\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/compute/v2.1\"}]},"
			  "{\"type\":\"network\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/network\"}]},"
			  "{\"type\":\"image\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/image\"}]},"
			  "{\"type\":\"volumev3\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/volume/v3/p\"}]}]}}",
			  issued, expires, extra, port, port, port, port);

	server_reply(p, 201, header, body);
}

static bool login(struct server_peer *p, const struct server_request *r)
{
	pthread_mutex_lock(&fake.lock);
	snprintf(fake.last_login, sizeof(fake.last_login), "%s", r->body);
	pthread_mutex_unlock(&fake.lock);
	if (strstr(r->body, "\"gone\"") != NULL) {
		server_reply(p, 404, "",
			     "{\"error\":{\"code\":404,\"title\":\"Not Found\",\"message\":\"Could not find Application "
			     "Credential: gone.\"}}");
		return true;
	}
	server_pause(p, 30); /* long enough for others to come meanwhile */
	if (atomic_load(&fake.login_failures) > 0) {
		atomic_fetch_sub(&fake.login_failures, 1);
		server_reply(p, atomic_load(&fake.login_status), "x-openstack-request-id: req-k\r\n",
			     "{\"error\":{\"code\":1,\"title\":\"Unauthorized\",\"message\":\"The request you have made requires "
			     "authentication.\"}}");
		return true;
	}
	give_token(p, strstr(r->body, "unscoped") != NULL ? "" : "\"project\":{\"id\":\"project-1\",\"name\":\"demo\"},");
	return true;
}

static bool versions(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 300, "",
		     "{\"versions\":{\"values\":[{\"id\":\"v3.14\",\"links\":[{\"rel\":\"self\",\"href\":\"http://wrong.invalid/"
		     "identity/v3/\"}]}]}}");
	return true;
}

static bool html(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 200, "Content-Type: text/html\r\n", "<h1>Welcome to the hotel's Wi-Fi</h1>");
	return true;
}

static bool echo(struct server_peer *p, const struct server_request *r)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	pthread_mutex_lock(&fake.lock);
	snprintf(fake.last_headers, sizeof(fake.last_headers), "%s", r->headers);
	pthread_mutex_unlock(&fake.lock);
	json_add_str(o, "method", r->method);
	json_add_str(o, "path", r->path);
	json_add_str(o, "body", r->body);
	server_reply(p, 200, "Content-Type: application/json\r\n", json_object_to_json_string(o));
	return true;
}

static bool nova_pages(struct server_peer *p, const struct server_request *r)
{
	if (strstr(r->path, "marker=b") != NULL)
		server_reply(p, 200, "", "{\"servers\":[{\"name\":\"c\"}]}");
	else if (strstr(r->path, "marker=a") != NULL)
		server_reply(p, 200, "",
			     "{\"servers\":[],\"servers_links\":[{\"rel\":\"next\",\"href\":\"http://evil.invalid/"
			     "x?project=y&marker=b\"}]}");
	else
		server_reply(p, 200, "",
			     "{\"servers\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":\"/"
			     "v2.1/servers/detail?marker=a\"}]}");
	return true;
}

static bool round_pages(struct server_peer *p, const struct server_request *r)
{
	server_reply(p, 200, "",
		     strstr(r->path, "marker=a") != NULL
			     ? "{\"ports\":[],\"ports_links\":[{\"rel\":\"next\",\"href\":\"?marker=b\"}]}"
			     : "{\"ports\":[],\"ports_links\":[{\"rel\":\"next\",\"href\":\"?marker=a\"}]}");
	return true;
}

static bool image_pages(struct server_peer *p, const struct server_request *r)
{
	if (strstr(r->path, "marker=x") != NULL)
		server_reply(p, 200, "", "{\"images\":[{\"name\":\"two\"}]}");
	else if (strstr(r->path, "limit=500") != NULL)
		server_reply(p, 200, "", "{\"images\":[{\"name\":\"one\"}],\"next\":\"/v2/images?marker=x\"}");
	else
		server_reply(p, 400, "", "no limit was asked for");
	return true;
}

/* The member that the second page begins behind is gone at the first walk. */
static bool lost_pages(struct server_peer *p, const struct server_request *r)
{
	bool second = strstr(r->path, "marker=") != NULL;

	if (second && atomic_fetch_add(&fake.flaky, 1) == 0)
		server_reply(p, 400, "", "{\"badRequest\":{\"message\":\"marker [a] not found\",\"code\":400}}");
	else if (second)
		server_reply(p, 200, "", "{\"servers\":[{\"name\":\"z\"}]}");
	else
		server_reply(p, 200, "",
			     "{\"servers\":[{\"name\":\"y\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":\"?marker=a\"}]}");
	return true;
}

static bool no_pages(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 200, "", "{\"things\":7}");
	return true;
}

static bool flaky(struct server_peer *p, const struct server_request *r)
{
	if (atomic_fetch_add(&fake.flaky, 1) > 0)
		return echo(p, r);
	server_reply(p, 503, "", "<html><body>busy</body></html>");
	return true;
}

static bool broken(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 502, "", "<html><head><title>x</title></head><body><h1>502 Bad Gateway</h1></body></html>");
	return true;
}

static bool dropped(struct server_peer *p UNUSED, const struct server_request *r UNUSED)
{
	return false;
}

static bool vanishing(struct server_peer *p, const struct server_request *r UNUSED)
{
	bool first = atomic_fetch_add(&fake.flaky, 1) == 0;

	server_reply(p, first ? 504 : 404, "", first ? "" : "{\"itemNotFound\":{\"message\":\"gone\",\"code\":404}}");
	return true;
}

static bool missing(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 404, "x-compute-request-id: req-7\r\n",
		     "{\"itemNotFound\":{\"message\":\"Instance x could not be found.\",\"code\":404}}");
	return true;
}

static bool conflict(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 409, "",
		     "{\"NeutronError\":{\"type\":\"IpAddressAlreadyAllocated\",\"message\":\"taken\",\"detail\":\"\"}}");
	return true;
}

static bool over_quota(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 409, "",
		     "{\"NeutronError\":{\"type\":\"OverQuota\",\"message\":\"Quota exceeded for resources: "
		     "['port'].\",\"detail\":\"\"}}");
	return true;
}

static bool nothing(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 204 No Content\r\n\r\n");
	return true;
}

static bool silent(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 20000);
	return false;
}

static const struct {
	const char *path;
	server_handler *handler;
	bool open; /* without a token */
} paths[] = {
	{"/compute/v2.1/broken", broken, false},     {"/compute/v2.1/dropped", dropped, false},
	{"/compute/v2.1/echo", echo, false},	     {"/compute/v2.1/flaky", flaky, false},
	{"/compute/v2.1/html", html, false},	     {"/compute/v2.1/lost", lost_pages, false},
	{"/compute/v2.1/missing", missing, false},   {"/compute/v2.1/no-pages", no_pages, false},
	{"/compute/v2.1/nothing", nothing, false},   {"/compute/v2.1/servers/detail", nova_pages, false},
	{"/compute/v2.1/silent", silent, false},     {"/compute/v2.1/vanishing", vanishing, false},
	{"/hotel/v3/auth/tokens", html, true},	     {"/identity/v3/auth/tokens", login, true},
	{"/identity/v3/echo", echo, false},	     {"/image/v2/images", image_pages, false},
	{"/network/v2.0/conflict", conflict, false}, {"/network/v2.0/over-quota", over_quota, false},
	{"/network/v2.0/ports", round_pages, false}, {"/root", versions, true},
	{"/volume/v3/p/echo", echo, false},
};

static bool is_good_token(const struct server_request *r)
{
	CLEANUP_FREE char *token = server_header(r, "X-Auth-Token");
	unsigned number = 0;

	return token != NULL && sscanf(token, "token-%u", &number) == 1 && number > atomic_load(&fake.revoked) &&
	       !atomic_load(&fake.refuse_all);
}

static bool handle(struct server_peer *p, const struct server_request *r)
{
	size_t n = strcspn(r->path, "?");

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (strlen(paths[i].path) != n || strncmp(r->path, paths[i].path, n) != 0)
			continue;
		if (paths[i].open || is_good_token(r))
			return paths[i].handler(p, r);
		atomic_fetch_add(&fake.refusals, 1);
		server_reply(p, 401, "",
			     "{\"error\":{\"code\":401,\"title\":\"Unauthorized\",\"message\":\"The request requires "
			     "authentication.\"}}");
		return true;
	}
	server_reply(p, 404, "",
		     "{\"error\":{\"code\":404,\"title\":\"Not Found\",\"message\":\"The resource could not be found.\"}}");
	return true;
}

/* ---- the tests' side ---- */

#define LOGIN "username: u, password: s3cr3t, user_domain_name: D, project_name: demo, project_domain_name: D"

static void write_region(const char *path_of_keystone, const char *auth, const char *region)
{
	CLEANUP_FREE char *url = server_url(server, path_of_keystone), *file = xasprintf("%s/clouds.yaml", folder);
	CLEANUP_FREE char *text =
		xasprintf("clouds:\n  lab:\n    region_name: %s\n    auth: {auth_url: \"%s\", %s}\n", region, url, auth);

	assert_success(path_write(file, text, strlen(text), 0600, &test_error));
	setenv("OS_CLIENT_CONFIG_FILE", file, 1);
}

static void write_clouds(const char *path_of_keystone, const char *auth)
{
	write_region(path_of_keystone, auth, "R");
}

static int setup(void **state UNUSED)
{
	server = server_start(handle, NULL, NULL, NULL);
	atomic_store(&fake.logins, 0);
	atomic_store(&fake.revoked, 0);
	atomic_store(&fake.refusals, 0);
	atomic_store(&fake.login_failures, 0);
	atomic_store(&fake.life_s, 3600);
	atomic_store(&fake.refuse_all, false);
	atomic_store(&fake.flaky, 0);
	write_clouds("/identity", LOGIN);
	return 0;
}

static int teardown(void **state UNUSED)
{
	server_stop(server);
	return 0;
}

static struct cloud *open_cloud(void)
{
	struct cloud *c = NULL;

	assert_success(cloud_open("lab", &c, &test_error));
	return c;
}

static int get(struct cloud *c, enum cloud_service service, const char *path, struct error **err)
{
	struct cloud_call call = {.service = service, .method = "GET", .path = path, .retry = RETRY_A};
	CLEANUP_JSON struct json_object *answer = NULL;

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

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
	assert_in_range(clock_ms() - start, 190, 900);
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

static int make_folder(void **state UNUSED)
{
	cancel_init();
	unsetenv("OS_CLOUD");
	unsetenv("OS_AUTH_URL");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state UNUSED)
{
	return path_remove_tree(folder, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opening_is_one_request),
		TEST(test_calls_and_their_headers),
		TEST(test_logins_that_fail),
		TEST(test_regions_that_are_not_there),
		TEST(test_discovery),
		TEST(test_application_credentials_have_no_scope),
		TEST(test_the_environment_is_a_cloud),
		TEST(test_twenty_threads_log_in_once),
		TEST(test_twenty_threads_fail_once),
		TEST(test_keystone_is_busy_while_renewing),
		TEST(test_a_token_is_renewed_before_it_ends),
		TEST(test_a_fresh_token_that_is_refused_is_the_end),
		TEST(test_cancellation_wakes_all),
		TEST(test_pages),
		TEST(test_what_is_known_after_a_failure),
		TEST(test_missing_and_conflicting),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
