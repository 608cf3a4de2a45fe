#include "core/base/alloc.h"
#include "provision/answer.h"
#include "tests/unit/test.h"

static void assert_error(enum cloud_service service, int status, const char *header, const char *body, enum error_kind kind,
			 const char *expected)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = status};
	CLEANUP_ERROR struct error *err = NULL;

	if (header != NULL)
		strv_add(&r.headers, header);
	buf_add(&r.body, body);
	assert_int_equal(answer_error("create x", service, &r, &err), -1);
	assert_string_equal(error_message(err), expected);
	assert_int_equal(error_kind(err), kind);
	http_response_free(&r);
}

static void test_nova_and_cinder(void **state UNUSED)
{
	assert_error(CLOUD_COMPUTE, 400, "x-compute-request-id: req-1",
		     "{\"badRequest\":{\"message\":\"No such flavor.\",\"code\":400}}", ERROR_REMOTE,
		     "create x: No such flavor (HTTP 400, badRequest, req-1)");
	assert_error(CLOUD_COMPUTE, 500, "x-openstack-request-id: req-2",
		     "{\"computeFault\":{\"message\":\"Unexpected API Error. <class 'oslo.Timeout'>\",\"code\":500}}",
		     ERROR_REMOTE, "create x: Unexpected API Error. <class 'oslo.Timeout'> (HTTP 500, computeFault, req-2)");
	assert_error(CLOUD_COMPUTE, 403, NULL,
		     "{\"forbidden\":{\"message\":\"Quota exceeded for cores: Requested 4, but already used 20 of 20 "
		     "cores\",\"code\":403}}",
		     ERROR_QUOTA,
		     "create x: Quota exceeded for cores: Requested 4, but already used 20 of 20 cores (HTTP 403, forbidden); "
		     "have the quota raised, or free "
		     "what is not needed");
	assert_error(
		CLOUD_COMPUTE, 403, NULL, "{\"forbidden\":{\"message\":\"Policy doesn't allow it\",\"code\":403}}", ERROR_AUTH,
		"create x: Policy doesn't allow it (HTTP 403, forbidden); the project or the credentials lack a role for it");
	assert_error(
		CLOUD_VOLUME, 413, "retry-after: 0",
		"{\"overLimit\":{\"message\":\"VolumeSizeExceedsAvailableQuota: too much\",\"code\":413,\"retryAfter\":\"0\"}}",
		ERROR_QUOTA,
		"create x: VolumeSizeExceedsAvailableQuota: too much (HTTP 413, overLimit); have the quota raised, or free what "
		"is not needed");
	assert_error(CLOUD_COMPUTE, 409, NULL, "{\"conflictingRequest\":{\"message\":\"Port p is still in use.\",\"code\":409}}",
		     ERROR_CONFLICT, "create x: Port p is still in use (HTTP 409, conflictingRequest)");
	assert_error(CLOUD_COMPUTE, 404, NULL, "{\"itemNotFound\":{\"message\":\"gone\",\"code\":404}}", ERROR_NOT_FOUND,
		     "create x: gone (HTTP 404, itemNotFound)");
}

static void test_neutron(void **state UNUSED)
{
	assert_error(CLOUD_NETWORK, 409, NULL,
		     "{\"NeutronError\":{\"type\":\"OverQuota\",\"message\":\"Quota exceeded for resources: "
		     "['port'].\",\"detail\":\"\"}}",
		     ERROR_QUOTA,
		     "create x: Quota exceeded for resources: ['port'] (HTTP 409, OverQuota); have the quota raised, or free "
		     "what is not needed");
	assert_error(CLOUD_NETWORK, 409, NULL,
		     "{\"NeutronError\":{\"type\":\"IpAddressInUse\",\"message\":\"in use\",\"detail\":\"since long\"}}",
		     ERROR_CONFLICT, "create x: in use since long (HTTP 409, IpAddressInUse)");
	assert_error(CLOUD_NETWORK, 404, NULL,
		     "{\"NeutronError\":{\"type\":\"ExternalGatewayForFloatingIPNotFound\",\"message\":\"m\",\"detail\":\"\"}}",
		     ERROR_NOT_FOUND, "create x: m (HTTP 404, ExternalGatewayForFloatingIPNotFound)");
	assert_error(CLOUD_NETWORK, 400, NULL, "{\"NeutronError\":\"plain text\"}", ERROR_REMOTE,
		     "create x: plain text (HTTP 400)");
}

static void test_the_others(void **state UNUSED)
{
	assert_error(CLOUD_IDENTITY, 401, NULL,
		     "{\"error\":{\"code\":401,\"title\":\"Unauthorized\",\"message\":\"The request requires authentication.\"}}",
		     ERROR_AUTH, "create x: The request requires authentication (HTTP 401, Unauthorized)");
	assert_error(CLOUD_IDENTITY, 403, NULL,
		     "{\"error\":{\"code\":403,\"title\":\"Forbidden\",\"message\":\"Unable to create: exceeded limit of 10.\"}}",
		     ERROR_QUOTA,
		     "create x: Unable to create: exceeded limit of 10 (HTTP 403, Forbidden); have the quota raised, or free "
		     "what is not needed");
	assert_error(CLOUD_LOAD_BALANCER, 403, NULL,
		     "{\"faultcode\":\"Client\",\"faultstring\":\"Quota has been met for resources: Load "
		     "Balancer\",\"debuginfo\":null}",
		     ERROR_QUOTA,
		     "create x: Quota has been met for resources: Load Balancer (HTTP 403); have the quota raised, or free what "
		     "is not needed");
	assert_error(CLOUD_LOAD_BALANCER, 409, NULL,
		     "{\"faultcode\":\"Client\",\"faultstring\":\"Load Balancer lb is immutable and cannot be updated.\"}",
		     ERROR_CONFLICT, "create x: Load Balancer lb is immutable and cannot be updated (HTTP 409)");
	assert_error(CLOUD_PLACEMENT, 404, NULL,
		     "{\"errors\":[{\"status\":404,\"title\":\"Not Found\",\"detail\":\"No provider\",\"request_id\":\"r\"}]}",
		     ERROR_NOT_FOUND, "create x: No provider (HTTP 404)");
	assert_error(CLOUD_IMAGE, 404, NULL,
		     "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image "
		     "found with ID x<br /><br />\n\n </body>\n</html>",
		     ERROR_NOT_FOUND, "create x: 404 Not Found No image found with ID x (HTTP 404)");
	assert_error(CLOUD_IMAGE, 413, NULL, "{\"message\":\"Too large<br/>\",\"code\":\"413\"}", ERROR_REMOTE,
		     "create x: Too large (HTTP 413)");
	assert_error(CLOUD_COMPUTE, 302, "location: https://other/", "", ERROR_REMOTE,
		     "create x: the compute service redirects to https://other/: use that address in clouds.yaml (HTTP 302)");
}

static void test_proxies_and_nonsense(void **state UNUSED)
{
	assert_error(CLOUD_COMPUTE, 502, NULL,
		     "<html><head><style>b{}</style><script>x()</script></head><body><h1>502 Bad&nbsp;Gateway</h1></body></html>",
		     ERROR_REMOTE, "create x: 502 Bad Gateway (HTTP 502)");
	assert_error(CLOUD_COMPUTE, 503, NULL, "plain\n  text\x1b[31m", ERROR_REMOTE, "create x: plain text [31m (HTTP 503)");
	assert_error(CLOUD_COMPUTE, 504, NULL, "", ERROR_REMOTE, "create x: the answer says no more (HTTP 504)");
	assert_error(CLOUD_COMPUTE, 500, NULL, "{\"computeFault\":", ERROR_REMOTE, "create x: {\"computeFault\": (HTTP 500)");
	assert_error(CLOUD_COMPUTE, 500, NULL, "{}", ERROR_REMOTE, "create x: {} (HTTP 500)");
	assert_error(CLOUD_COMPUTE, 500, NULL, "[1,2]", ERROR_REMOTE, "create x: [1,2] (HTTP 500)");
	assert_error(CLOUD_COMPUTE, 500, NULL, "{\"a\":null,\"b\":{\"message\":7}}", ERROR_REMOTE,
		     "create x: {\"a\":null,\"b\":{\"message\":7}} (HTTP 500)");
}

static void test_long_messages_are_cut(void **state UNUSED)
{
	CLEANUP_BUF struct buf html = BUF_INIT;
	CLEANUP_FREE char *text = NULL;

	for (int i = 0; i < 1000; i++)
		buf_add(&html, "<b>ä</b>");
	text = answer_strip_html(html.data, html.len);
	assert_true(strlen(text) <= 400);
	assert_non_null(strstr(text, "…"));
	assert_true(strncmp(text, "ä ä ", 6) == 0);
}

static void assert_next(const char *key, const char *answer, const char *expected)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_FREE char *query = NULL;

	assert_success(json_parse(answer, strlen(answer), "page", &o, &test_error));
	query = answer_next_query(o, key);
	if (expected == NULL)
		assert_null(query);
	else
		assert_string_equal(query, expected);
}

static void test_next_pages(void **state UNUSED)
{
	assert_next(
		"servers",
		"{\"servers\":[],\"servers_links\":[{\"rel\":\"next\",\"href\":\"http://evil/v2.1/servers?limit=2&marker=a\"}]}",
		"limit=2&marker=a");
	assert_next("ports", "{\"ports\":[],\"ports_links\":[{\"rel\":\"previous\",\"href\":\"http://n/p?x\"}]}", NULL);
	assert_next("ports", "{\"ports_links\":[{\"rel\":\"previous\",\"href\":\"?x\"},{\"rel\":\"next\",\"href\":\"?y#z\"}]}",
		    "y");
	assert_next("images", "{\"images\":[],\"first\":\"/v2/images\",\"next\":\"/v2/images?marker=b\"}", "marker=b");
	assert_next("users", "{\"users\":[],\"links\":{\"next\":null,\"self\":\"u\"}}", NULL);
	assert_next("users", "{\"links\":{\"next\":\"http://k/v3/users?marker=c\"}}", "marker=c");
	assert_next("x", "{\"links\":[{\"rel\":\"next\",\"href\":\"h?d\"}]}", "d");
	assert_next("servers", "{\"servers_links\":[{\"rel\":\"next\",\"href\":\"http://h/none\"}]}", NULL);
	assert_next("servers", "{\"servers_links\":[{\"rel\":\"next\",\"href\":\"h?\"}]}", NULL);
	assert_next("servers", "{\"servers_links\":\"x\",\"links\":7,\"next\":9}", NULL);
	assert_next("servers", "[]", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nova_and_cinder),
		cmocka_unit_test(test_neutron),
		cmocka_unit_test(test_the_others),
		cmocka_unit_test(test_proxies_and_nonsense),
		cmocka_unit_test(test_long_messages_are_cut),
		cmocka_unit_test(test_next_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
