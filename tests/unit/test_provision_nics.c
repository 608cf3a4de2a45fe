/* Servers in more security groups and networks than the cluster's own. */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/layout_fixture.h"
#include "tests/unit/test.h"

#define IN_GROUPS(groups) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 1, flavor: m1.small, securityGroups: [" groups "]}]\n"

static void put_groups(void)
{
	fake_put(KIND_GROUP, "{\"id\":\"g-lb\",\"name\":\"lb\",\"description\":\"\",\"security_group_rules\":[]}");
	fake_put(KIND_GROUP, "{\"id\":\"g-1\",\"name\":\"twin\",\"description\":\"\",\"security_group_rules\":[]}");
	fake_put(KIND_GROUP, "{\"id\":\"g-2\",\"name\":\"twin\",\"description\":\"\",\"security_group_rules\":[]}");
}

static char *groups_of(const char *port)
{
	return xstrdup(json_object_to_json_string_ext(json_at(fake_find(KIND_PORT, port), "security_groups"), JSON_C_TO_STRING_PLAIN));
}

static void test_servers_in_more_security_groups(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *worker = NULL, *plane = NULL, *later = NULL, *changes = NULL;

	layout_begin(&c, IN_GROUPS("lb, g-2"), put_groups);
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	worker = groups_of("demo-w-1");
	plane = groups_of("demo-cp-1");
	assert_non_null(strstr(worker, ",\"g-lb\",\"g-2\"]"));
	assert_null(strstr(plane, "g-lb"));
	cluster_use(&c, IN_GROUPS("lb"));
	changes = cluster_differences(&c);
	assert_string_equal(changes, "port demo-w-1: is not in the security groups that it should be in\n");
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	later = groups_of("demo-w-1");
	assert_null(strstr(later, "g-2"));
	cluster_use(&c, IN_GROUPS("lb, l"));
	assert_failure(cluster_apply(&c, &test_error), "security group \"l\": the cloud has no such security group; it has ");
	cluster_use(&c, IN_GROUPS("twin"));
	assert_failure(cluster_apply(&c, &test_error), "security group \"twin\": the cloud has 2 of that name: g-1, g-2");
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_torture_in_more_security_groups(void **state UNUSED)
{
	layout_torture(IN_GROUPS("lb"), put_groups);
}

#define IN_NETWORKS(networks) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 2, flavor: m1.small, networks: [" networks "]}]\n"

static void put_networks(void)
{
	fake_put(KIND_NETWORK, "{\"id\":\"storage1-0000\",\"name\":\"storage\",\"port_security_enabled\":true}");
	fake_put(KIND_NETWORK, "{\"id\":\"openopen-0000\",\"name\":\"open\",\"port_security_enabled\":false}");
	fake_put(KIND_NETWORK, "{\"id\":\"bare\",\"name\":\"bare\"}");
	fake_put(KIND_NETWORK, "{\"id\":\"t1\",\"name\":\"twin\"}");
	fake_put(KIND_NETWORK, "{\"id\":\"t2\",\"name\":\"twin\"}");
	fake_put(KIND_SUBNET, "{\"id\":\"SS\",\"name\":\"storage\",\"network_id\":\"storage1-0000\",\"cidr\":\"192.168.5.0/24\",\"gateway_ip\":\"192.168.5.1\"}");
	fake_put(KIND_SUBNET, "{\"id\":\"SO\",\"name\":\"open\",\"network_id\":\"openopen-0000\",\"cidr\":\"192.168.5.0/24\","
			      "\"host_routes\":[{\"destination\":\"10.0.0.0/8\",\"nexthop\":\"192.168.5.9\"}]}");
}

static void check_options(const char *port, const char *wanted)
{
	struct json_object *list = json_at(fake_find(KIND_PORT, port), "extra_dhcp_opts");
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *found = NULL;

	for (size_t i = 0; i < json_len(list); i++)
		strv_add(&names, json_get_str(json_object_array_get_idx(list, i), "opt_name", "?"));
	found = strv_join(&names, " ");
	assert_string_equal(found, wanted);
}

static void test_servers_in_more_networks(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *groups = NULL, *first = NULL, *open = NULL;
	const char *server;

	layout_begin(&c, IN_NETWORKS("storage, openopen-0000"), put_networks);
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	server = json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?");
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-2.storage1"), "device_id", ""), server);
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-2.openopen"), "device_id", ""), server);
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "networks[0].port", ""),
			    json_get_str(fake_find(KIND_PORT, "demo-w-2"), "id", "?"));
	first = groups_of("demo-w-2");
	groups = groups_of("demo-w-2.storage1");
	assert_string_equal(groups, first);
	open = groups_of("demo-w-2.openopen"); /* neutron takes none where nothing is guarded */
	assert_string_equal(open, "null");
	check_options("demo-w-2.storage1", "router classless-static-route");
	check_options("demo-w-2.openopen", "router"); /* its own route is wanted */
	assert_null(json_at(fake_find(KIND_SERVER, "demo-cp-1"), "networks[1]"));
	cluster_use(&c, IN_NETWORKS("storage1-0000, open")); /* the same, called otherwise */
	layout_assert_complete(&c);
	layout_assert_removed(&c);
	layout_end(&c);
}

/* A server keeps the networks of its first boot: another one takes its place. */
static void test_networks_of_servers_that_are_there(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *more = NULL, *fewer = NULL, *loose = NULL;
	size_t ports;

	layout_begin(&c, IN_NETWORKS("storage"), put_networks);
	assert_success(cluster_apply(&c, &test_error));
	ports = fake_count(KIND_PORT);
	cluster_use(&c, IN_NETWORKS("storage, open"));
	more = cluster_differences(&c);
	assert_string_equal(more, "server demo-w-1: is not in network \"open\", which the file wants\n"
				  "server demo-w-2: is not in network \"open\", which the file wants\n");
	assert_success(cluster_apply(&c, &test_error)); /* what it does not do is no port without a server either */
	assert_int_equal(fake_count(KIND_PORT), ports);
	cluster_use(&c, IN_NETWORKS("open"));
	fewer = cluster_differences(&c);
	assert_non_null(strstr(fewer, "server demo-w-2: is in network \"storage\", which the file no longer wants\n"));
	assert_null(strstr(fewer, "port "));
	cluster_use(&c, IN_NETWORKS("storage"));
	json_add_str(fake_find(KIND_PORT, "demo-w-1.storage1"), "device_id", "");
	json_add_bool(fake_find(KIND_PORT, "demo-w-2.storage1"), "admin_state_up", false);
	loose = cluster_differences(&c);
	assert_string_equal(loose, "port demo-w-1.storage1: is not plugged into its server\nport demo-w-2.storage1: is switched off\n");
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	layout_assert_removed(&c);
	layout_end(&c);
}

/* Made by an earlier run, with other networks than the file says now, and never started. */
static void test_networks_of_a_server_that_never_ran(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, IN_NETWORKS("storage"), put_networks);
	fake_break_server("demo-w-2", 3);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, IN_NETWORKS("storage, open"));
	json_add_str(fake_find(KIND_SERVER, "demo-w-1"), "status", "ERROR"); /* as if neither had */
	json_object_object_del(fake_find(KIND_SERVER, "demo-w-1"), "OS-SRV-USG:launched_at");
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-2.openopen"), "device_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?"));
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_networks_that_do_not_fit(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{IN_NETWORKS("storages"), "network \"storages\": the cloud has no such network; it has bare, open, storage, twin, twin; did you mean \"storage\"?"},
		{IN_NETWORKS("twin"), "network \"twin\": the cloud has 2 of that name: t1, t2"},
		{IN_NETWORKS("bare"), "network \"bare\": has no IPv4 subnet that the project may see"},
		{IN_NETWORKS("storage, storage1-0000"), "networks \"storage\" and \"storage1-0000\" of pool \"w\" are the same"},
	};
	struct cluster c = {0};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		layout_begin(&c, bad[i].text, put_networks);
		assert_failure(cluster_apply(&c, &test_error), bad[i].says);
		layout_assert_removed(&c);
		layout_end(&c);
	}
}

static void test_torture_in_more_networks(void **state UNUSED)
{
	layout_torture(IN_NETWORKS("storage, open"), put_networks);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_in_more_security_groups),
		cmocka_unit_test(test_torture_in_more_security_groups),
		cmocka_unit_test(test_servers_in_more_networks),
		cmocka_unit_test(test_networks_of_servers_that_are_there),
		cmocka_unit_test(test_networks_of_a_server_that_never_ran),
		cmocka_unit_test(test_networks_that_do_not_fit),
		cmocka_unit_test(test_torture_in_more_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
