/* Server groups, volumes, drives, images, and networks that are there already. */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/layout_fixture.h"
#include "tests/unit/test.h"

#define GROUPS(count, rest) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: " count ", flavor: m1.small, " rest "}]\n"

static void test_a_pool_grows_into_another_group(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, GROUPS("2", "serverGroup: anti-affinity, serverGroupSize: 2"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	cluster_use(&c, GROUPS("5", "serverGroup: anti-affinity, serverGroupSize: 2"));
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 4);
	layout_assert_removed(&c);
	layout_end(&c);
}

/* One that somebody has made again under our name. */
static void test_a_group_keeps_its_policy(void **state UNUSED)
{
	struct cluster c = {0};
	struct json_object *policies = json_object_new_array();
	CLEANUP_FREE char *group = NULL;

	layout_begin(&c, GROUPS("1", "serverGroup: affinity"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	json_object_array_add(policies, json_object_new_string("anti-affinity"));
	group = xasprintf("demo-w.affinity-%.8s", state_uuid(c.state));
	json_add(fake_find(KIND_SERVER_GROUP, group), "policies", policies);
	assert_failure(cluster_apply(&c, &test_error),
		       "its policy is anti-affinity, which cannot be changed into affinity\n    why: nova can change neither it nor "
		       "the group that a server is in\n    do: write serverGroup: anti-affinity, or make another pool");
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_a_group_without_hosts_is_told(void **state UNUSED)
{
	struct cluster c = {0};
	struct node node = {0};

	layout_begin(&c, GROUPS("2", "serverGroup: anti-affinity"), NULL);
	fake_break_server("demo-w-2", 3);
	assert_success(cluster_apply(&c, &test_error));
	assert_true(inventory_get(c.inventory, "demo-w-2", &node));
	assert_non_null(strstr(node.fault, "No valid host was found; made 3 times, the last one is left for inspection; "
					   "serverGroup: anti-affinity wants a host of its own for each server of the pool"));
	node_clear(&node);
	layout_end(&c);
}

static void test_torture_without_a_group(void **state UNUSED)
{
	layout_torture(GROUPS("1", "serverGroup: none"), NULL);
}

#define VOLUMES                                                                                                                  \
	HEAD CLOUD "  controlPlane: {flavor: m1.small, volumes: [{size: 5, mount: /var/lib/etcd}]}\n" REGISTRY                   \
		   "  workerPools: [{name: w, count: 2, flavor: m1.small, volume: {size: 8}, volumes: [{size: 1, mount: /srv/a}, " \
		   "{size: 2, mount: /srv/b}]}]\n"

static void test_torture_volumes(void **state UNUSED)
{
	layout_torture(VOLUMES, NULL);
}

static void test_volumes_for_servers_that_are_there(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n", NULL);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, HEAD CLOUD CP REGISTRY
	    "  workerPools: [{name: w, count: 2, flavor: m1.small, volumes: [{size: 1, mount: /srv/a}, {size: 1, mount: /b}]}]\n");
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	assert_int_equal(fake_count(KIND_VOLUME), 5);
	assert_string_equal(json_get_str(fake_find(KIND_VOLUME, "demo-w-2-srv-a"), "attachments[0].server_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?"));
	layout_assert_removed(&c);
	layout_end(&c);
}

/* Only the one that is loose is waited for: the others are in use for good. */
static void test_one_volume_is_attached_again(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *text = NULL;

	layout_begin(&c, VOLUMES, NULL);
	assert_success(cluster_apply(&c, &test_error));
	json_add_str(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "status", "available");
	json_object_object_del(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "attachments");
	text = cluster_differences(&c);
	assert_string_equal(text, "volume demo-w-1-srv-b: is not attached to demo-w-1\n");
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	layout_end(&c);
}

#define DRIVE "  openstack: {image: debian-12, configDrive: true}\n"

/* In the cloud in memory the interface waits for a server: were it the other way round, this would never end well. */
static void test_servers_with_a_drive_need_no_router(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, HEAD DRIVE CP REGISTRY, NULL);
	fake_interface_after_server();
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	assert_true(json_get_bool(fake_find(KIND_SERVER, "demo-cp-1"), "config_drive", false));
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_torture_with_a_drive(void **state UNUSED)
{
	layout_torture(HEAD DRIVE CP REGISTRY, NULL);
}

#define ZONES(zones) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 3, flavor: m1.small, " zones "}]\n"

static const char *zone_of(enum kind kind, const char *name)
{
	return json_get_str(fake_find(kind, name), "availability_zone", "none");
}

/* Cinder has az1 in this cloud, and no az2. */
static void test_volumes_follow_their_servers_zones(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, ZONES("zones: [az1, az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	layout_assert_complete(&c);
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-1"), "az1");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-1-root"), "az1");
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-2"), "az2");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-root"), "none");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-srv"), "nova");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-registry-data"), "none");
	cluster_use(&c, ZONES("zones: [az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"));
	layout_assert_complete(&c); /* what is there stays where it is */
	cluster_use(&c, ZONES("volumes: [{size: 1, mount: /srv, zone: az9}]"));
	assert_failure(cluster_apply(&c, &test_error), "volume zone \"az9\": the cloud has no such volume zone; it has az1, nova");
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_pools_of_other_images(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, ZONES("image: debian-13"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-w-1"), "imageRef", ""), "i2");
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-cp-1"), "imageRef", ""), "i1");
	cluster_use(&c, ZONES("image: i1, volume: {size: 8}")); /* the same as the others', by its id */
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, ZONES("image: debian-11"));
	assert_failure(cluster_apply(&c, &test_error),
		       "image \"debian-11\": the cloud has no such image; it has debian-12, debian-13; did you mean");
	layout_assert_removed(&c);
	layout_end(&c);
}

#define NETWORK(rest) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n  network: {" rest "}\n"
#define CORP "cidr: 192.168.5.0/24, existing: {network: corp"

static void put_corp(void)
{
	fake_put(KIND_NETWORK, "{\"id\":\"N\",\"name\":\"corp\",\"description\":\"\",\"port_security_enabled\":true}");
	fake_put(KIND_NETWORK, "{\"id\":\"N2\",\"name\":\"open\",\"port_security_enabled\":false}");
	fake_put(KIND_SUBNET, "{\"id\":\"S\",\"name\":\"corp-a\",\"network_id\":\"N\",\"ip_version\":4,\"enable_dhcp\":true,"
			      "\"cidr\":\"192.168.5.0/24\",\"gateway_ip\":\"192.168.5.1\"}");
	fake_put(KIND_SUBNET, "{\"id\":\"S6\",\"name\":\"corp-6\",\"network_id\":\"N\",\"ip_version\":6,\"cidr\":\"fd00::/64\"}");
	fake_put(KIND_ROUTER, "{\"id\":\"R\",\"name\":\"edge\",\"external_gateway_info\":{\"network_id\":\"e1\"}}");
	fake_put(KIND_ROUTER, "{\"id\":\"R2\",\"name\":\"inner\",\"external_gateway_info\":null}");
	fake_put(KIND_PORT, "{\"id\":\"PR\",\"name\":\"\",\"network_id\":\"N\",\"device_owner\":\"network:router_interface\","
			    "\"device_id\":\"R\",\"fixed_ips\":[{\"subnet_id\":\"S\",\"ip_address\":\"192.168.5.1\"}]}");
}

static void test_torture_an_existing_network(void **state UNUSED)
{
	layout_torture(NETWORK(CORP ", subnet: corp-a, router: edge}"), put_corp);
}

static void test_torture_an_existing_router(void **state UNUSED)
{
	layout_torture(NETWORK("existing: {router: edge}"), put_corp);
}

static void test_the_cloud_chooses_addresses(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *first = NULL;
	unsigned calls;

	layout_begin(&c, NETWORK(CORP "}"), put_corp);
	assert_false(plan_is_addressed(c.plan));
	assert_null(c.plan->registry_address);
	assert_success(cluster_apply(&c, &test_error));
	assert_true(plan_is_addressed(c.plan));
	assert_string_equal(c.plan->registry_address,
			    json_get_str(fake_find(KIND_PORT, "demo-registry"), "fixed_ips[0].ip_address", ""));
	assert_null(fake_find(KIND_NETWORK, "demo"));
	assert_null(fake_find(KIND_ROUTER, "demo"));
	assert_null(fake_find(KIND_PORT, "demo-gateway"));
	layout_assert_complete(&c);
	first = xstrdup(plan_find(c.plan, "demo-w-1")->node.address);
	calls = fake_calls();
	assert_success(cluster_apply(&c, &test_error));
	assert_string_equal(plan_find(c.plan, "demo-w-1")->node.address, first);
	assert_in_range(fake_calls() - calls, 1, KIND_COUNT + 6); /* looks, and nothing else */
	/* its port went behind davit's back: another address is taken as it comes */
	fake_drop(KIND_SERVER, "demo-w-1");
	fake_drop(KIND_PORT, "demo-w-1");
	assert_success(cluster_apply(&c, &test_error));
	assert_string_not_equal(plan_find(c.plan, "demo-w-1")->node.address, first);
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_existing_things_that_do_not_fit(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{NETWORK(CORP "o}"), "network \"corpo\": the cloud has no such network; it has corp, open; did you mean \"corp\"?"},
		{NETWORK(CORP ", subnet: b}"), "subnet \"b\": network \"corp\" has no such subnet; it has corp-a (192.168.5.0/24, S)"},
		{NETWORK("cidr: 192.168.6.0/24, existing: {network: corp}"),
		 "subnet \"corp-a\": its CIDR is 192.168.5.0/24, that of the file 192.168.6.0/24"},
		{NETWORK("cidr: 192.168.6.0/24, existing: {network: open}"), "network \"open\": port security is off in it"},
		{NETWORK(CORP ", router: inner}"), "router \"inner\": has no interface in the existing subnet"},
		{NETWORK("existing: {router: inner}"), "router \"inner\": has no external gateway"},
		{NETWORK("existing: {router: none}"), "router \"none\": the cloud has no such router; it has edge, inner"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cluster c = {0};

		layout_begin(&c, bad[i].text, put_corp);
		assert_failure(cluster_apply(&c, &test_error), bad[i].says);
		layout_assert_removed(&c); /* nothing was made */
		layout_end(&c);
	}
}

static void test_existing_twins_are_told_by_their_ids(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, NETWORK(CORP "}"), put_corp);
	fake_put(KIND_NETWORK, "{\"id\":\"N3\",\"name\":\"corp\"}");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": the cloud has 2 of that name: N, N3");
	fake_drop(KIND_NETWORK, "corp");
	fake_put(KIND_NETWORK, "{\"id\":\"N\",\"name\":\"corp\"}");
	fake_put(KIND_SUBNET, "{\"id\":\"SB\",\"name\":\"corp-b\",\"network_id\":\"N\",\"cidr\":\"192.168.7.0/24\"}");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": the file can mean 2 of its subnets: ");
	layout_end(&c);
}

static void test_a_subnet_without_dhcp_needs_the_drive(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, NETWORK(CORP "}"), put_corp);
	json_add_bool(fake_find(KIND_SUBNET, "corp-a"), "enable_dhcp", false);
	assert_failure(cluster_apply(&c, &test_error), "subnet \"corp-a\": has no DHCP");
	c.spec->openstack.config_drive = true;
	assert_success(cluster_apply(&c, &test_error));
	layout_end(&c);
}

static void test_a_cluster_stays_in_its_network(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, NETWORK(""), put_corp);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, NETWORK(CORP "}"));
	assert_failure(cluster_apply(&c, &test_error), "the cluster's servers are in network id-");
	cluster_use(&c, NETWORK(""));
	layout_assert_removed(&c);
	layout_end(&c);
}

static void test_an_existing_network_is_no_other_one(void **state UNUSED)
{
	struct cluster c = {0};

	layout_begin(&c, NETWORK(CORP "}"), put_corp);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, HEAD CLOUD CP REGISTRY "  network: {" CORP "}}\n  workerPools: [{name: w, count: 2, flavor: m1.small, networks: [corp]}]\n");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": is the cluster's own, and one of the pool's networks besides");
	layout_assert_removed(&c);
	layout_end(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pool_grows_into_another_group),
		cmocka_unit_test(test_a_group_keeps_its_policy),
		cmocka_unit_test(test_a_group_without_hosts_is_told),
		cmocka_unit_test(test_torture_without_a_group),
		cmocka_unit_test(test_torture_volumes),
		cmocka_unit_test(test_servers_with_a_drive_need_no_router),
		cmocka_unit_test(test_torture_with_a_drive),
		cmocka_unit_test(test_volumes_follow_their_servers_zones),
		cmocka_unit_test(test_pools_of_other_images),
		cmocka_unit_test(test_torture_an_existing_network),
		cmocka_unit_test(test_torture_an_existing_router),
		cmocka_unit_test(test_the_cloud_chooses_addresses),
		cmocka_unit_test(test_existing_things_that_do_not_fit),
		cmocka_unit_test(test_existing_twins_are_told_by_their_ids),
		cmocka_unit_test(test_a_subnet_without_dhcp_needs_the_drive),
		cmocka_unit_test(test_a_cluster_stays_in_its_network),
		cmocka_unit_test(test_an_existing_network_is_no_other_one),
		cmocka_unit_test(test_volumes_for_servers_that_are_there),
		cmocka_unit_test(test_one_volume_is_attached_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
