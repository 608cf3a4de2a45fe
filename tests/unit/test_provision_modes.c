/*
 * Clusters that are laid out in other ways, against the cloud in memory: made in one go and after every kind of interruption,
 * found complete afterwards, and removed so that only what belongs to others is left.
 */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

#define HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
#define CLOUD "  openstack: {image: debian-12}\n"
#define CP "  controlPlane: {flavor: m1.small}\n"
#define REGISTRY "  registry: {volume: {size: 5}}\n"

static char *before[KIND_COUNT]; /* what others have, as JSON */

static char *text_of(enum kind kind)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	for (size_t i = 0; i < fake_count(kind); i++)
		buf_addf(&b, "%s\n", json_object_to_json_string(fake_nth(kind, i)));
	return buf_steal(&b);
}

/* others: puts into the cloud what others have */
static void begin(struct cluster *c, const char *text, void (*others)(void))
{
	cluster_begin(c);
	if (others != NULL)
		others();
	for (int kind = 0; kind < KIND_COUNT; kind++)
		before[kind] = text_of((enum kind)kind);
	cluster_use(c, text);
}

static void end(struct cluster *c)
{
	cluster_end(c);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		free(before[kind]);
}

static void assert_complete(struct cluster *c)
{
	CLEANUP_FREE char *text = cluster_differences(c);

	assert_string_equal(text, "");
}

static void assert_removed(struct cluster *c)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	assert_success(provision_remove(&job, &test_error));
	for (int kind = 0; kind < KIND_COUNT; kind++) { /* what others have is not touched, not even changed */
		CLEANUP_FREE char *after = text_of((enum kind)kind);

		assert_string_equal(after, before[kind]);
	}
}

/* Every call fails once, in every way; the next run completes it, and the one after that has nothing to do. */
static void torture(const char *text, void (*others)(void))
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
		unsigned calls = 1, n = 0;

		while (++n <= calls) {
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};

			begin(&c, text, others);
			fake_fail(n, faults[f]);
			(void)!cluster_apply(&c, &err);
			calls = fake_calls();
			fake_fail(0, FAULT_NONE);
			assert_success(cluster_apply(&c, &test_error));
			assert_complete(&c);
			assert_removed(&c);
			end(&c);
		}
	}
}

#define GROUPS(count, rest) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: " count ", flavor: m1.small, " rest "}]\n"

static void test_a_pool_grows_into_another_group(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, GROUPS("2", "serverGroup: anti-affinity, serverGroupSize: 2"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	cluster_use(&c, GROUPS("5", "serverGroup: anti-affinity, serverGroupSize: 2"));
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 4);
	assert_removed(&c);
	end(&c);
}

static void test_a_group_keeps_its_policy(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, GROUPS("1", "serverGroup: anti-affinity"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, GROUPS("1", "serverGroup: affinity"));
	assert_failure(cluster_apply(&c, &test_error),
		       "its policy is anti-affinity, which cannot be changed into affinity\n    why: nova can change neither it nor "
		       "the group that a server is in\n    do: write serverGroup: anti-affinity, or make another pool");
	assert_removed(&c);
	end(&c);
}

static void test_a_group_without_hosts_is_told(void **state UNUSED)
{
	struct cluster c = {0};
	struct node node = {0};

	begin(&c, GROUPS("2", "serverGroup: anti-affinity"), NULL);
	fake_break_server("demo-w-2", 3);
	assert_success(cluster_apply(&c, &test_error));
	assert_true(inventory_get(c.inventory, "demo-w-2", &node));
	assert_non_null(strstr(node.fault, "No valid host was found; made 3 times, the last one is left for inspection; "
					   "serverGroup: anti-affinity wants a host of its own for each server of the pool"));
	node_clear(&node);
	end(&c);
}

static void test_torture_without_a_group(void **state UNUSED)
{
	torture(GROUPS("1", "serverGroup: none"), NULL);
}

#define VOLUMES                                                                                                                  \
	HEAD CLOUD "  controlPlane: {flavor: m1.small, volumes: [{size: 5, mount: /var/lib/etcd}]}\n" REGISTRY                   \
		   "  workerPools: [{name: w, count: 2, flavor: m1.small, volume: {size: 8}, volumes: [{size: 1, mount: /srv/a}, " \
		   "{size: 2, mount: /srv/b}]}]\n"

static void test_torture_volumes(void **state UNUSED)
{
	torture(VOLUMES, NULL);
}

static void test_volumes_for_servers_that_are_there(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n", NULL);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, HEAD CLOUD CP REGISTRY
	    "  workerPools: [{name: w, count: 2, flavor: m1.small, volumes: [{size: 1, mount: /srv/a}, {size: 1, mount: /b}]}]\n");
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(fake_count(KIND_VOLUME), 5);
	assert_string_equal(json_get_str(fake_find(KIND_VOLUME, "demo-w-2-srv-a"), "attachments[0].server_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?"));
	assert_removed(&c);
	end(&c);
}

/* Only the one that is loose is waited for: the others are in use for good. */
static void test_one_volume_is_attached_again(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *text = NULL;

	begin(&c, VOLUMES, NULL);
	assert_success(cluster_apply(&c, &test_error));
	json_add_str(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "status", "available");
	json_object_object_del(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "attachments");
	text = cluster_differences(&c);
	assert_string_equal(text, "volume demo-w-1-srv-b: is not attached to demo-w-1\n");
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	end(&c);
}

#define DRIVE "  openstack: {image: debian-12, configDrive: true}\n"

/* In the cloud in memory the interface waits for a server: were it the other way round, this would never end well. */
static void test_servers_with_a_drive_need_no_router(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, HEAD DRIVE CP REGISTRY, NULL);
	fake_interface_after_server();
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	assert_true(json_get_bool(fake_find(KIND_SERVER, "demo-cp-1"), "config_drive", false));
	assert_removed(&c);
	end(&c);
}

static void test_torture_with_a_drive(void **state UNUSED)
{
	torture(HEAD DRIVE CP REGISTRY, NULL);
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

	begin(&c, ZONES("zones: [az1, az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-1"), "az1");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-1-root"), "az1");
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-2"), "az2");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-root"), "none");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-srv"), "nova");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-registry-data"), "none");
	cluster_use(&c, ZONES("zones: [az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"));
	assert_complete(&c); /* what is there stays where it is */
	cluster_use(&c, ZONES("volumes: [{size: 1, mount: /srv, zone: az9}]"));
	assert_failure(cluster_apply(&c, &test_error), "volume zone \"az9\": the cloud has no such volume zone; it has az1, nova");
	assert_removed(&c);
	end(&c);
}

static void test_pools_of_other_images(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, ZONES("image: debian-13"), NULL);
	assert_success(cluster_apply(&c, &test_error));
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-w-1"), "imageRef", ""), "i2");
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-cp-1"), "imageRef", ""), "i1");
	cluster_use(&c, ZONES("image: i1, volume: {size: 8}")); /* the same as the others', by its id */
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, ZONES("image: debian-11"));
	assert_failure(cluster_apply(&c, &test_error),
		       "image \"debian-11\": the cloud has no such image; it has debian-12, debian-13; did you mean");
	assert_removed(&c);
	end(&c);
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
	torture(NETWORK(CORP ", subnet: corp-a, router: edge}"), put_corp);
}

static void test_torture_an_existing_router(void **state UNUSED)
{
	torture(NETWORK("existing: {router: edge}"), put_corp);
}

static void test_the_cloud_chooses_addresses(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *first = NULL;
	unsigned calls;

	begin(&c, NETWORK(CORP "}"), put_corp);
	assert_false(plan_is_addressed(c.plan));
	assert_null(c.plan->registry_address);
	assert_success(cluster_apply(&c, &test_error));
	assert_true(plan_is_addressed(c.plan));
	assert_string_equal(c.plan->registry_address,
			    json_get_str(fake_find(KIND_PORT, "demo-registry"), "fixed_ips[0].ip_address", ""));
	assert_null(fake_find(KIND_NETWORK, "demo"));
	assert_null(fake_find(KIND_ROUTER, "demo"));
	assert_null(fake_find(KIND_PORT, "demo-gateway"));
	assert_complete(&c);
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
	assert_removed(&c);
	end(&c);
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

		begin(&c, bad[i].text, put_corp);
		assert_failure(cluster_apply(&c, &test_error), bad[i].says);
		assert_removed(&c); /* nothing was made */
		end(&c);
	}
}

static void test_existing_twins_are_told_by_their_ids(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, NETWORK(CORP "}"), put_corp);
	fake_put(KIND_NETWORK, "{\"id\":\"N3\",\"name\":\"corp\"}");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": the cloud has 2 of that name: N, N3");
	fake_drop(KIND_NETWORK, "corp");
	fake_put(KIND_NETWORK, "{\"id\":\"N\",\"name\":\"corp\"}");
	fake_put(KIND_SUBNET, "{\"id\":\"SB\",\"name\":\"corp-b\",\"network_id\":\"N\",\"cidr\":\"192.168.7.0/24\"}");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": the file can mean 2 of its subnets: ");
	end(&c);
}

static void test_a_subnet_without_dhcp_needs_the_drive(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, NETWORK(CORP "}"), put_corp);
	json_add_bool(fake_find(KIND_SUBNET, "corp-a"), "enable_dhcp", false);
	assert_failure(cluster_apply(&c, &test_error), "subnet \"corp-a\": has no DHCP");
	c.spec->openstack.config_drive = true;
	assert_success(cluster_apply(&c, &test_error));
	end(&c);
}

static void test_a_cluster_stays_in_its_network(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, NETWORK(""), put_corp);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, NETWORK(CORP "}"));
	assert_failure(cluster_apply(&c, &test_error), "the cluster's servers are in network id-");
	cluster_use(&c, NETWORK(""));
	assert_removed(&c);
	end(&c);
}

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

	begin(&c, IN_GROUPS("lb, g-2"), put_groups);
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	worker = groups_of("demo-w-1");
	plane = groups_of("demo-cp-1");
	assert_non_null(strstr(worker, ",\"g-lb\",\"g-2\"]"));
	assert_null(strstr(plane, "g-lb"));
	cluster_use(&c, IN_GROUPS("lb"));
	changes = cluster_differences(&c);
	assert_string_equal(changes, "port demo-w-1: is not in the security groups that it should be in\n");
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	later = groups_of("demo-w-1");
	assert_null(strstr(later, "g-2"));
	cluster_use(&c, IN_GROUPS("lb, l"));
	assert_failure(cluster_apply(&c, &test_error), "security group \"l\": the cloud has no such security group; it has ");
	cluster_use(&c, IN_GROUPS("twin"));
	assert_failure(cluster_apply(&c, &test_error), "security group \"twin\": the cloud has 2 of that name: g-1, g-2");
	assert_removed(&c);
	end(&c);
}

static void test_torture_in_more_security_groups(void **state UNUSED)
{
	torture(IN_GROUPS("lb"), put_groups);
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

	begin(&c, IN_NETWORKS("storage, openopen-0000"), put_networks);
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
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
	assert_complete(&c);
	assert_removed(&c);
	end(&c);
}

/* A server keeps the networks of its first boot: another one takes its place. */
static void test_networks_of_servers_that_are_there(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *more = NULL, *fewer = NULL, *loose = NULL;
	size_t ports;

	begin(&c, IN_NETWORKS("storage"), put_networks);
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
	assert_complete(&c);
	assert_removed(&c);
	end(&c);
}

/* Made by an earlier run, with other networks than the file says now, and never started. */
static void test_networks_of_a_server_that_never_ran(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, IN_NETWORKS("storage"), put_networks);
	fake_break_server("demo-w-2", 3);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, IN_NETWORKS("storage, open"));
	json_add_str(fake_find(KIND_SERVER, "demo-w-1"), "status", "ERROR"); /* as if neither had */
	json_object_object_del(fake_find(KIND_SERVER, "demo-w-1"), "OS-SRV-USG:launched_at");
	assert_success(cluster_apply(&c, &test_error));
	assert_complete(&c);
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-2.openopen"), "device_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?"));
	assert_removed(&c);
	end(&c);
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
		begin(&c, bad[i].text, put_networks);
		assert_failure(cluster_apply(&c, &test_error), bad[i].says);
		assert_removed(&c);
		end(&c);
	}
	begin(&c, NETWORK(CORP "}"), put_corp);
	assert_success(cluster_apply(&c, &test_error));
	cluster_use(&c, HEAD CLOUD CP REGISTRY "  network: {" CORP "}}\n  workerPools: [{name: w, count: 2, flavor: m1.small, networks: [corp]}]\n");
	assert_failure(cluster_apply(&c, &test_error), "network \"corp\": is the cluster's own, and one of the pool's networks besides");
	assert_removed(&c);
	end(&c);
}

static void test_torture_in_more_networks(void **state UNUSED)
{
	torture(IN_NETWORKS("storage, open"), put_networks);
}

#define WAY(bastion, endpoint)                                                                                                   \
	HEAD CLOUD CP REGISTRY "  api: {endpoint: " endpoint "}\n  access: {bastion: " bastion "}\n  workerPools: [{name: w, count: 1, flavor: m1.small}]\n"

static int retire(struct cluster *c, struct error **err)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	return provision_retire(&job, c->plan, c->inventory, err);
}

static void use_way(struct cluster *c, const char *text)
{
	cluster_use(c, text);
	assert_success(cluster_apply(c, &test_error));
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		struct node n = {0};

		assert_true(inventory_get(c->inventory, c->plan->nodes[i].node.name, &n));
		assert_success(state_put_node(c->state, &n, &test_error));
		node_clear(&n);
	}
}

#define GOES ": served another way to the servers: goes when all were reached in that of the file\n"

static void test_the_bastion_of_another_way(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *first = NULL, *of_bastion = NULL, *changes = NULL;
	struct inventory *known = inventory_new();
	struct node n = {0};

	begin(&c, WAY("server", "internal"), NULL);
	use_way(&c, WAY("server", "internal"));
	of_bastion = xstrdup(json_get_str(fake_nth(KIND_FLOATING_IP, 0), "floating_ip_address", "?"));
	cluster_use(&c, WAY("controlPlane", "internal"));
	first = cluster_differences(&c);
	assert_non_null(strstr(first, "server demo-bastion" GOES));
	assert_non_null(strstr(first, "floating IP demo-cp-1: create\n")); /* and not the one of the way that is still there */
	use_way(&c, WAY("controlPlane", "internal"));
	changes = cluster_differences(&c);
	assert_string_equal(changes, "rule \"tcp 22 from demo-bastion\" of demo-node" GOES
				     "rule \"tcp 22 from demo-bastion\" of demo-registry" GOES "security group demo-bastion" GOES "port demo-bastion" GOES "floating IP demo-bastion" GOES
				     "server demo-bastion" GOES);
	assert_string_equal(json_get_str(fake_find(KIND_FLOATING_IP, of_bastion), "port_id", ""),
			    json_get_str(fake_find(KIND_PORT, "demo-bastion"), "id", "?"));
	assert_success(retire(&c, &test_error));
	assert_complete(&c);
	assert_null(fake_find(KIND_SERVER, "demo-bastion"));
	assert_null(fake_find(KIND_FLOATING_IP, of_bastion));
	assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
	assert_false(inventory_get(c.inventory, "demo-bastion", &n));
	assert_success(state_nodes(c.state, known, &test_error));
	assert_false(inventory_get(known, "demo-bastion", &n));
	inventory_free(known);
	assert_removed(&c);
	end(&c);
}

static size_t rules_for_ssh(const char *group)
{
	struct json_object *rules = json_at(fake_find(KIND_GROUP, group), "security_group_rules");
	size_t n = 0;

	for (size_t i = 0; i < json_len(rules); i++)
		n += json_get_int(json_object_array_get_idx(rules, i), "port_range_min", 0) == 22;
	return n;
}

static void test_floating_ips_of_another_way(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *changes = NULL;
	struct node n = {0};

	begin(&c, WAY("floatingIPs", "floatingIP"), NULL);
	use_way(&c, WAY("floatingIPs", "floatingIP"));
	assert_int_equal(fake_count(KIND_FLOATING_IP), 3);
	use_way(&c, WAY("controlPlane", "floatingIP"));
	assert_int_equal(rules_for_ssh("demo-node"), 2); /* both ways are open until the new one has been gone */
	changes = cluster_differences(&c);
	assert_string_equal(changes, "rule \"tcp 22 from 0.0.0.0/0\" of demo-node" GOES
				     "rule \"tcp 22 from 0.0.0.0/0\" of demo-registry" GOES "floating IP demo-registry" GOES "floating IP demo-w-1" GOES);
	assert_int_equal(fake_count(KIND_FLOATING_IP), 3);
	assert_success(retire(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(rules_for_ssh("demo-node"), 1);
	assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
	assert_true(inventory_get(c.inventory, "demo-w-1", &n));
	assert_null(n.floating_ip);
	node_clear(&n);
	assert_true(inventory_get(c.inventory, "demo-cp-1", &n));
	assert_non_null(n.floating_ip);
	node_clear(&n);
	assert_removed(&c);
	end(&c);
}

/* Who may come in changes in the same manner as the way; what is no rule for SSH waits for nobody. */
static void test_sources_of_another_way(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *changes = NULL;

	begin(&c, WAY("none, allowedCIDRs: [192.0.2.0/24]", "internal, allowedCIDRs: [192.0.2.0/24]"), NULL);
	use_way(&c, WAY("none, allowedCIDRs: [192.0.2.0/24]", "internal, allowedCIDRs: [192.0.2.0/24]"));
	use_way(&c, WAY("none, allowedCIDRs: [198.51.100.0/24]", "internal, allowedCIDRs: [198.51.100.0/24]"));
	changes = cluster_differences(&c);
	assert_string_equal(changes, "rule \"tcp 22 from 192.0.2.0/24\" of demo-node" GOES
				     "rule \"tcp 22 from 192.0.2.0/24\" of demo-registry" GOES);
	assert_success(retire(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(rules_for_ssh("demo-node"), 1);
	assert_removed(&c);
	end(&c);
}

/* Whatever call fails, and however: the next run takes the rest, and nothing of the new way. */
static void test_torture_the_end_of_a_way(void **state UNUSED)
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED, FAULT_REPEATED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++)
		for (unsigned n = 1, calls = 1; n <= calls; n++) {
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};
			unsigned first;

			begin(&c, WAY("server", "floatingIP"), NULL);
			use_way(&c, WAY("server", "floatingIP"));
			use_way(&c, WAY("controlPlane", "floatingIP"));
			first = fake_calls();
			fake_fail(n, faults[f]);
			(void)!retire(&c, &err);
			calls = fake_calls() - first;
			fake_fail(0, FAULT_NONE);
			assert_success(retire(&c, &test_error));
			assert_complete(&c);
			assert_removed(&c);
			end(&c);
		}
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
		cmocka_unit_test(test_volumes_for_servers_that_are_there),
		cmocka_unit_test(test_one_volume_is_attached_again),
		cmocka_unit_test(test_servers_in_more_security_groups),
		cmocka_unit_test(test_torture_in_more_security_groups),
		cmocka_unit_test(test_servers_in_more_networks),
		cmocka_unit_test(test_networks_of_servers_that_are_there),
		cmocka_unit_test(test_networks_of_a_server_that_never_ran),
		cmocka_unit_test(test_networks_that_do_not_fit),
		cmocka_unit_test(test_torture_in_more_networks),
		cmocka_unit_test(test_the_bastion_of_another_way),
		cmocka_unit_test(test_floating_ips_of_another_way),
		cmocka_unit_test(test_sources_of_another_way),
		cmocka_unit_test(test_torture_the_end_of_a_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
