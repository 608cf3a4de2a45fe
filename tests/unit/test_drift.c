/*
 * What goes behind davit's back, on the cloud in memory: told by a comparison, repaired by the next run where that can be, and left
 * alone, with the way out, where it cannot; either way the run after it finds nothing to do.
 */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"
#include <stdio.h>

#define FILE_OF(plane, pool)                                                                                                                     \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"                                                                 \
	"  platform: {version: 1.36.3}\n"                                                                                                         \
	"  openstack: {image: debian-12}\n"                                                                                                       \
	"  network: {dns: [9.9.9.9]}\n"                                                                                                           \
	"  controlPlane: {count: 1, flavor: m1.small, volume: {size: 20, type: ssd}" plane "}\n"                                                  \
	"  workerPools: [{name: w, count: 2, flavor: m1.small, zones: [az1]" pool "}]\n"                                                          \
	"  registry: {volume: {size: 5}}\n"

static void apply(struct cluster *c)
{
	assert_success(cluster_apply(c, &test_error));
}

static int begin(void **state)
{
	cluster_setup(state, FILE_OF("", ""));
	apply(*state);
	return 0;
}

static const char *registry_volume(const struct cluster *c)
{
	return plan_find(c->plan, "demo-registry")->volumes[0].name;
}

static char *differences(struct cluster *c)
{
	static const char *const actions[] = {"none", "create", "update", "replace", "delete", "leave"};
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_success(provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, &test_error));
	assert_success(provision_compare(c->plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++) {
		const struct change *ch = &changes.items[i];

		buf_addf(&b, "%s %s %s%s%s\n", actions[ch->action], ch->kind, ch->name, ch->reason != NULL ? ": " : "",
			 ch->reason != NULL ? ch->reason : "");
	}
	return buf_steal(&b);
}

static void differs(struct cluster *c, const char *text)
{
	CLEANUP_FREE char *got = differences(c);

	assert_string_equal(got, text);
}

/* Told, repaired, and then nothing to do. */
static void repairs(struct cluster *c, const char *text)
{
	differs(c, text);
	apply(c);
	differs(c, "");
}

/* Told, left alone by any number of runs: none of them writes. */
static void leaves(struct cluster *c, const char *text)
{
	differs(c, text);
	for (int i = 0; i < 2; i++) {
		unsigned calls = fake_calls();

		apply(c);
		assert_int_equal(fake_calls() - calls, KIND_COUNT + 3);
		differs(c, text);
	}
}

static void set(enum kind kind, const char *name, const char *key, const char *text)
{
	json_add(fake_find(kind, name), key, json_tokener_parse(text));
}

/* ---- what is repaired ---- */

static void test_nothing_differs_at_first(void **state)
{
	differs(*state, "");
}

static void test_a_server_is_gone(void **state)
{
	fake_drop(KIND_SERVER, "demo-w-2");
	repairs(*state, "create server demo-w-2\n");
}

static void test_a_rule_is_gone(void **state)
{
	struct json_object *rules = json_at(fake_find(KIND_GROUP, "demo-registry"), "security_group_rules");

	for (size_t i = 0; i < json_len(rules); i++)
		if (json_get_int(json_object_array_get_idx(rules, i), "port_range_min", 0) == 5000)
			json_object_array_del_idx(rules, i, 1);
	repairs(*state, "update security group demo-registry: lacks the rule \"tcp 5000 from node\"\n");
}

static void test_a_rule_was_added(void **state)
{
	struct json_object *rules = json_at(fake_find(KIND_GROUP, "demo-node"), "security_group_rules");

	json_object_array_add(rules, json_tokener_parse("{\"id\":\"open\",\"direction\":\"ingress\",\"ethertype\":\"IPv4\"}"));
	repairs(*state, "update security group demo-node: has the rule \"anything from anywhere\", which the file does not want\n");
}

static void test_a_port_was_moved(void **state)
{
	set(KIND_PORT, "demo-w-1", "fixed_ips", "[{\"ip_address\":\"10.6.0.77\"}]");
	set(KIND_PORT, "demo-w-1", "security_groups", "[]");
	set(KIND_PORT, "demo-w-2", "admin_state_up", "false");
	repairs(*state,
		"update port demo-w-1: is not in the security groups that it should be in; has the address 10.6.0.77, the plan wants "
		"10.6.0.20\n"
		"update port demo-w-2: is switched off\n");
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-1"), "fixed_ips[0].subnet_id", ""),
			    json_get_str(fake_find(KIND_SUBNET, "demo"), "id", "?"));
}

static void test_a_port_is_gone(void **state)
{
	fake_drop(KIND_PORT, "demo-w-1");
	repairs(*state, "create port demo-w-1\n");
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-1"), "device_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-1"), "id", "?"));
}

static void test_a_port_was_taken_out(void **state)
{
	set(KIND_PORT, "demo-w-1", "device_id", "\"\"");
	repairs(*state, "update port demo-w-1: is not plugged into its server\n");
}

static void test_a_volume_is_gone(void **state)
{
	struct cluster *c = *state;
	CLEANUP_FREE char *text = xasprintf("create volume %s\n", registry_volume(c));

	fake_drop(KIND_VOLUME, registry_volume(c));
	repairs(c, text);
	assert_string_equal(json_get_str(fake_find(KIND_VOLUME, registry_volume(c)), "attachments[0].server_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-registry"), "id", "?"));
}

/* The one address that people know. */
static const char *the_address(struct cluster *c)
{
	struct node node = {0};
	static char address[64];

	assert_true(inventory_get(c->inventory, "demo-cp-1", &node));
	snprintf(address, sizeof(address), "%s", node.floating_ip);
	node_clear(&node);
	return address;
}

static void test_a_floating_ip_was_pointed_elsewhere(void **state)
{
	struct cluster *c = *state;
	const char *address = the_address(c);
	static const char *const elsewhere[] = {"another port", "no port", "another port"};
	CLEANUP_FREE char *own = xasprintf("\"%s\"", json_get_str(fake_find(KIND_PORT, "demo-w-1"), "id", "?"));
	const char *const ports[] = {own, "null", "\"foreign\""};

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		CLEANUP_FREE char *text = xasprintf("update floating IP demo-cp-1: %s points to %s, and will point to this node again\n",
						    address, elsewhere[i]);

		set(KIND_FLOATING_IP, address, "port_id", ports[i]);
		repairs(c, text);
		assert_string_equal(the_address(c), address);
		assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
	}
}

static void test_a_floating_ip_is_gone(void **state)
{
	set(KIND_FLOATING_IP, the_address(*state), "description", "\"somebody else's\"");
	set(KIND_FLOATING_IP, the_address(*state), "port_id", "\"foreign\"");
	repairs(*state, "create floating IP demo-cp-1\n");
}

static void test_subnet_and_router_were_changed(void **state)
{
	set(KIND_SUBNET, "demo", "dns_nameservers", "[\"1.1.1.1\"]");
	set(KIND_ROUTER, "demo", "external_gateway_info", "{\"network_id\":\"e9\"}");
	repairs(*state, "update subnet demo: name servers are [1.1.1.1], the file wants [9.9.9.9]\n"
			"update router demo: its external gateway is in another network\n");
}

static void test_a_reboot(void **state)
{
	struct cluster *c = *state;
	struct node n = {0};

	assert_true(inventory_get(c->inventory, "demo-w-1", &n));
	set(KIND_SERVER, "demo-w-1", "status", "\"ERROR\"");
	set(KIND_SERVER, "demo-w-1", "OS-SRV-USG:launched_at", "\"2026-11-26T00:00:00.000000\"");
	differs(c, "replace server demo-w-1: is ERROR\n");
	assert_success(provision_reboot(fake_cloud(), state_uuid(c->state), "demo", &n, &test_error));
	differs(c, "");
	fake_fail(1, FAULT_REFUSED);
	assert_int_equal(provision_reboot(fake_cloud(), state_uuid(c->state), "demo", &n, &test_error), -1);
	error_clear(&test_error);
	fake_drop(KIND_SERVER, "demo-w-1");
	assert_int_equal(provision_reboot(fake_cloud(), state_uuid(c->state), "demo", &n, &test_error), -1);
	assert_failure(-1, "not found");
	node_clear(&n);
}

/* ---- what is left ---- */

#define LEADER "it holds the cluster's data: write the old value back, or make the cluster anew\n"

/* A worker is to be replaced, which is more than what is made here. */
static void test_a_worker_is_otherwise_than_the_file(void **state)
{
	set(KIND_SERVER, "demo-w-1", "flavor", "{\"id\":\"f9\"}");
	set(KIND_SERVER, "demo-w-1", "image", "{\"id\":\"i9\"}");
	json_add_str(json_at(fake_find(KIND_SERVER, "demo-w-1"), "metadata"), "davit-image", "debian-11");
	set(KIND_SERVER, "demo-w-2", "OS-EXT-AZ:availability_zone", "\"az2\"");
	leaves(*state, "replace server demo-w-1: is of flavor f9, the file wants m1.small\n"
		       "replace server demo-w-1: was made of image i9, the file wants \"debian-12\" (i1)\n"
		       "replace server demo-w-2: is in availability zone az2, the file wants az1\n");
}

/* A server stays in its group: one of the other policy is made, and workers are made anew in it; the old one goes with the last of them. */
static void test_another_policy(void **state)
{
	struct cluster *c = *state;
	CLEANUP_FREE char *text = NULL;

	text = xasprintf("create server group demo-w.affinity-%.8s\n"
			 "replace server demo-w-1: has the server group policy soft-anti-affinity, the file wants affinity\n"
			 "replace server demo-w-2: has the server group policy soft-anti-affinity, the file wants affinity\n",
			 state_uuid(c->state));
	cluster_use(c, FILE_OF("", ", serverGroup: affinity"));
	differs(c, text);
	cluster_use(c, FILE_OF(", serverGroup: none", ""));
	differs(c, "leave server demo-cp-1: has the server group policy soft-anti-affinity, the file wants none: " LEADER);
}

static void test_a_newer_image_of_the_same_name(void **state)
{
	set(KIND_SERVER, "demo-w-1", "image", "{\"id\":\"i9\"}");
	leaves(*state, "leave server demo-w-1: was made of image i9, \"debian-12\" (i1) is another one: \"davit node replace demo-w-1\" takes "
		       "that up\n");
}

static void test_a_server_that_is_as_the_file_says(void **state)
{
	set(KIND_SERVER, "demo-w-1", "flavor", "{\"id\":\"f1\"}");
	set(KIND_SERVER, "demo-w-1", "image", "{\"id\":\"i1\"}");
	set(KIND_SERVER, "demo-w-1", "OS-EXT-AZ:availability_zone", "\"az1\"");
	set(KIND_SERVER, "demo-cp-1", "image", "\"\""); /* boots from a volume */
	set(KIND_VOLUME, "demo-cp-1-root", "volume_image_metadata", "{\"image_id\":\"i1\"}");
	set(KIND_SUBNET, "demo", "cidr", "\"10.6.0.0/24\"");
	differs(*state, "");
}

static void test_volumes_are_otherwise_than_the_file(void **state)
{
	struct cluster *c = *state;
	CLEANUP_FREE char *text = xasprintf("leave volume %s: has 9 GiB, the file wants 5: no volume can shrink; write the old size back\n"
					    "leave volume demo-cp-1-root: has 10 GiB, the file wants 20: extend it in the cloud, then the "
					    "file system on the node\n"
					    "leave volume demo-cp-1-root: is of type hdd, the file wants ssd: change it in the cloud "
					    "(cinder retype), or write the old type back\n"
					    "leave volume demo-cp-1-root: was made of image i9, the file wants \"debian-12\" (i1): " LEADER,
					    registry_volume(c));

	set(KIND_VOLUME, registry_volume(c), "size", "9");
	set(KIND_VOLUME, "demo-cp-1-root", "size", "10");
	set(KIND_VOLUME, "demo-cp-1-root", "volume_type", "\"hdd\"");
	set(KIND_VOLUME, "demo-cp-1-root", "volume_image_metadata", "{\"image_id\":\"i9\"}");
	leaves(c, text);
}

/* A root volume that the file asks for now is not made beside the disk that the server has, and one that it runs on stays. */
static void test_disks_are_otherwise_than_the_file(void **state)
{
	struct cluster *c = *state;

	c->plan->nodes[0].root.size_gib = 10; /* the registry's */
	set(KIND_SERVER, "demo-registry", "image", "{\"id\":\"i1\"}");
	for (size_t i = 0; i < c->plan->n_nodes; i++)
		if (strcmp(c->plan->nodes[i].node.name, "demo-cp-1") == 0)
			c->plan->nodes[i].root.size_gib = 0;
	set(KIND_SERVER, "demo-cp-1", "image", "\"\"");
	leaves(c, "leave server demo-registry: boots from its flavor's disk, the file wants a root volume of 10 GiB: delete the server in the "
		  "cloud, and apply makes it anew\n"
		  "leave server demo-cp-1: boots from a volume, the file wants its flavor's disk: " LEADER);
}

static void test_the_subnet_has_another_range(void **state)
{
	set(KIND_SUBNET, "demo", "cidr", "\"10.7.0.0/24\"");
	leaves(*state, "leave subnet demo: its range is 10.7.0.0/24, the file wants 10.6.0.0/24: write the old one back, or make the cluster "
		       "anew\n");
}

static void test_a_pool_is_smaller(void **state)
{
	struct cluster *c = *state;

	c->plan->n_nodes--; /* demo-w-2 */
	leaves(c, "leave port demo-w-2: the file no longer wants it: delete it in the cloud where nobody needs it\n"
		  "leave server demo-w-2: the file no longer wants it: drain it (kubectl drain), then delete server, port and volumes in "
		  "the cloud\n");
	c->plan->n_nodes++;
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, cluster_teardown)
	static const struct CMUnitTest tests[] = {
		WITH(test_nothing_differs_at_first),
		WITH(test_a_server_is_gone),
		WITH(test_another_policy),
		WITH(test_a_rule_is_gone),
		WITH(test_a_rule_was_added),
		WITH(test_a_port_was_moved),
		WITH(test_a_port_is_gone),
		WITH(test_a_port_was_taken_out),
		WITH(test_a_volume_is_gone),
		WITH(test_a_floating_ip_was_pointed_elsewhere),
		WITH(test_a_floating_ip_is_gone),
		WITH(test_subnet_and_router_were_changed),
		WITH(test_a_reboot),
		WITH(test_a_worker_is_otherwise_than_the_file),
		WITH(test_a_newer_image_of_the_same_name),
		WITH(test_a_server_that_is_as_the_file_says),
		WITH(test_volumes_are_otherwise_than_the_file),
		WITH(test_disks_are_otherwise_than_the_file),
		WITH(test_the_subnet_has_another_range),
		WITH(test_a_pool_is_smaller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
