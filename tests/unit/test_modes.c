/* The ways in which a cluster may be laid out on a cloud: what the file may say, and what the plan makes of it. */
#include "core/base/alloc.h"
#include "core/cluster/plan.h"
#include "tests/unit/test.h"

#define HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
#define CLOUD "  openstack: {image: debian-12}\n"
#define CP "  controlPlane: {flavor: m1.small}\n"
#define POOL(rest) "  workerPools:\n  - {name: w, flavor: x, " rest "}\n"

static void refused(const char *text, const char *with)
{
	struct spec *s = NULL;

	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error), with);
}

static struct spec *parsed(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

static struct plan *planned(const struct spec *s)
{
	struct plan *p = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	return p;
}

static void test_server_groups_hold_few_servers_each(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP POOL("count: 25, serverGroup: anti-affinity"));
	CLEANUP_PLAN struct plan *p = planned(s);

	assert_int_equal(p->n_server_groups, 4);
	assert_string_equal(p->server_groups[0].name, "control-plane");
	assert_int_equal(p->server_groups[0].policy, SERVER_GROUP_SOFT_APART);
	assert_string_equal(p->server_groups[1].name, "w.anti-affinity");
	assert_string_equal(p->server_groups[3].name, "w.anti-affinity.3");
	assert_int_equal(p->server_groups[3].policy, SERVER_GROUP_APART);
	assert_string_equal(plan_find(p, "demo-w-10")->server_group, "w.anti-affinity");
	assert_string_equal(plan_find(p, "demo-w-11")->server_group, "w.anti-affinity.2");
	assert_string_equal(plan_find(p, "demo-w-25")->server_group, "w.anti-affinity.3");
	assert_null(plan_find(p, "demo-registry")->server_group);
}

/* Rules that let somebody outside reach the API. */
static size_t api_rules(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_rules; i++)
		n += p->rules[i].port_min == 6443 && p->rules[i].from_cidr != NULL;
	return n;
}

static void test_an_internal_api_is_for_whom_the_file_names(void **state UNUSED)
{
	static const struct {
		const char *api;
		size_t rules;
	} cases[] = {{"endpoint: floatingIP", 1}, {"endpoint: internal", 0}, {"endpoint: internal, allowedCIDRs: [10.0.0.0/8, 172.16.0.0/12]", 2}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *text = xasprintf("%s  api: {%s}\n", HEAD CLOUD CP, cases[i].api);
		CLEANUP_SPEC struct spec *s = parsed(text);
		CLEANUP_PLAN struct plan *p = planned(s);

		assert_int_equal(api_rules(p), cases[i].rules);
	}
}

static void test_an_api_with_an_address_of_its_own(void **state UNUSED)
{
	static const struct {
		const char *network, *api, *with;
	} wrong[] = {
		{"", "endpoint: vip, address: 10.7.0.9", "address: 10.7.0.9 is no address of the servers' network 10.6.0.0/24"},
		{"", "endpoint: vip, address: 10.6.0.255", "is no address of"},
		{"", "endpoint: octavia, address: 10.6.0.21", "address: servers and the cloud's own ports get 10.6.0.21; write one from 10.6.0.6 to 10.6.0.9"},
		{"", "endpoint: vip, address: ten", "is no IPv4 address"},
		{"", "address: 10.6.0.9", "address: goes with endpoint: vip or octavia"},
		{"", "endpoint: vip, provider: ovn", "provider: goes with endpoint: octavia"},
		{"  network: {cidr: 10.9.0.0/24, existing: {network: corp}}\n", "endpoint: vip", "write \"address\": one of 10.9.0.0/24 that nobody gets"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP_FREE char *text = xasprintf("%s%s  api: {%s}\n", HEAD CLOUD CP, wrong[i].network, wrong[i].api);

		refused(text, wrong[i].with);
		refused(text, "c.yaml:");
	}
}

static void test_what_is_no_schedule(void **state UNUSED)
{
	refused(HEAD CLOUD CP "  etcd: {snapshots: {schedule: \"daily\\nExecStart=/x\"}}\n", "is no time of systemd's");
	refused(HEAD CLOUD CP "  etcd: {snapshots: {schedule: daily, keep: 0}}\n", "keep");
	refused(HEAD CLOUD CP "  etcd: {snapshots: {keep: 3}}\n", "schedule");
}

static void test_server_groups_of_other_sizes(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  workerPools:\n"
							   "  - {name: a, flavor: x, count: 25, serverGroupSize: 50}\n"
							   "  - {name: b, flavor: x, count: 2, serverGroup: none}\n"
							   "  - {name: c, flavor: x, count: 0}\n");
	CLEANUP_PLAN struct plan *p = planned(s);

	assert_int_equal(p->n_server_groups, 2);
	assert_string_equal(plan_find(p, "demo-a-25")->server_group, "a");
	assert_null(plan_find(p, "demo-b-1")->server_group);
}

static void test_server_groups_that_cannot_be(void **state UNUSED)
{
	refused(HEAD CLOUD CP POOL("count: 1, serverGroup: apart"),
		"c.yaml:9:49: serverGroup: \"apart\" is not known; allowed: soft-anti-affinity, anti-affinity, soft-affinity, "
		"affinity, none");
	refused(HEAD CLOUD CP POOL("count: 1, serverGroupSize: 0"), "c.yaml:9:53: serverGroupSize: 0 is not within 1 to 5000");
}

static void test_volumes_of_servers(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(
		HEAD CLOUD "  controlPlane: {flavor: x, volumes: [{size: 5, type: ssd, mount: /var/lib/etcd}]}\n" POOL(
			"count: 2, volumes: [{size: 20, mount: /srv/a/b, fileSystem: xfs}, {size: 10, mount: /srv/a}]"));
	CLEANUP_PLAN struct plan *p = planned(s);
	const struct plan_node *cp = plan_find(p, "demo-cp-1"), *w = plan_find(p, "demo-w-2"),
			       *registry = plan_find(p, "demo-registry");

	assert_int_equal(cp->n_volumes, 1);
	assert_string_equal(cp->volumes[0].name, "demo-cp-1-var-lib-etcd");
	assert_string_equal(cp->volumes[0].spec.type, "ssd");
	assert_int_equal(cp->root.size_gib, 0);
	assert_int_equal(w->n_volumes, 2);
	assert_string_equal(w->volumes[0].name, "demo-w-2-srv-a"); /* mounted first */
	assert_string_equal(w->volumes[0].file_system, "ext4");
	assert_string_equal(w->volumes[1].mount, "/srv/a/b");
	assert_string_equal(w->volumes[1].file_system, "xfs");
	assert_int_equal(strlen(w->volumes[1].label), 12);
	assert_string_not_equal(w->volumes[0].label, w->volumes[1].label);
	assert_int_equal(registry->n_volumes, 1);
	assert_string_equal(registry->volumes[0].name, "demo-registry-data");
	assert_string_equal(registry->volumes[0].label, "davit-registry");
}

static void test_volumes_that_cannot_be(void **state UNUSED)
{
	static const struct {
		const char *mount, *says;
	} bad[] = {
		{"srv", "c.yaml:9:63: mount: \"srv\" is no folder such as /var/lib/data"},
		{"/", "is no folder such as"},
		{"/srv/", "is no folder such as"},
		{"/srv/../etc", "is no folder such as"},
		{"'/a b'", "is no folder such as"},
		{"/var", "c.yaml:9:63: mount: a volume at \"/var\" would hide what is in /var/lib/kubelet/config.yaml"},
		{"/etc/x", "would hide what is in /etc"},
		{"/var/lib/kubelet", "would hide what is in /var/lib/kubelet/config.yaml"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_FREE char *text = xasprintf(HEAD CLOUD CP POOL("count: 1, volumes: [{size: 1, mount: %s}]"), bad[i].mount);

		refused(text, bad[i].says);
	}
	refused(HEAD CLOUD CP POOL("count: 1, volumes: [{size: 1, mount: /a-b}, {size: 1, mount: /a/b}]"),
		"c.yaml:9:87: mount: there are two volumes for \"/a/b\", or folders that look alike as a name");
	refused(HEAD CLOUD CP POOL("count: 1, volumes: [{mount: /a}]"), "\"size\" is missing here");
	refused(HEAD CLOUD CP POOL("count: 1, volumes: [{size: 1, mount: /a, fileSystem: zfs}]"),
		"fileSystem: \"zfs\" is not known; allowed: ext4, xfs");
	refused(HEAD CLOUD "  controlPlane: {flavor: x, volumes: [{size: 1, mount: /usr}]}\n",
		"c.yaml:7:56: mount: a volume at \"/usr\" would hide what is in /usr");
}

static void test_images_and_zones_of_pools(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  registry: {image: slim}\n" POOL(
		"count: 3, image: big, zones: [a, b], volume: {size: 8, zone: c}"));
	CLEANUP_PLAN struct plan *p = planned(s);

	assert_string_equal(plan_find(p, "demo-cp-1")->image, "debian-12");
	assert_string_equal(plan_find(p, "demo-registry")->image, "slim");
	assert_string_equal(plan_find(p, "demo-w-1")->image, "big");
	assert_string_equal(plan_find(p, "demo-w-2")->zone, "b");
	assert_string_equal(plan_find(p, "demo-w-3")->zone, "a");
	assert_string_equal(plan_find(p, "demo-w-3")->root.zone, "c");
}

static void test_settings_of_the_cloud(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD "  openstack: {image: i, configDrive: true, metadata: {cost centre: 4711, b: 'x=y'}}\n" CP);
	CLEANUP_SPEC struct spec *plain = parsed(HEAD CLOUD CP);
	CLEANUP_FREE char *longest = xasprintf("%0256d", 0);
	CLEANUP_FREE char *text = xasprintf(HEAD "  openstack: {image: i, metadata: {a: \"%s\"}}\n" CP, longest);

	assert_true(s->openstack.config_drive);
	assert_false(plain->openstack.config_drive);
	assert_string_equal(s->openstack.metadata.v[0], "cost centre=4711");
	assert_string_equal(s->openstack.metadata.v[1], "b=x=y");
	refused(HEAD "  openstack: {image: i, configDrive: yes}\n" CP, "c.yaml:6:38: configDrive: \"yes\" is neither true nor false");
	refused(HEAD "  openstack: {image: i, metadata: {davit-node: x}}\n" CP,
		"c.yaml:6:36: metadata: \"davit-node\": keys that begin with davit are davit's own");
	refused(HEAD "  openstack: {image: i, metadata: {'a/b': x}}\n" CP, "\"a/b\" is no key of metadata");
	refused(text, "the value of \"a\" is longer than the 255 bytes that the cloud takes");
}

static void test_existing_networks(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  network: {cidr: 10.9.0.0/29, existing: {network: corp}}\n");
	CLEANUP_SPEC struct spec *router = parsed(HEAD CLOUD CP "  network: {existing: {router: edge}}\n");
	CLEANUP_PLAN struct plan *p = planned(s), *other = planned(router), *again = NULL;
	struct inventory *known = inventory_new();

	assert_false(p->own_network || p->own_router || plan_is_addressed(p));
	assert_null(p->gateway);
	for (size_t i = 0; i < p->n_nodes; i++) {
		inventory_put(known, &p->nodes[i].node);
		inventory_address(known, p->nodes[i].node.name, i == 0 ? "10.9.0.3" : "10.9.0.5");
	}
	assert_success(plan_make(s, known, &again, &test_error));
	assert_true(plan_is_addressed(again));
	assert_string_equal(again->registry_address, "10.9.0.3");
	assert_string_equal(again->api_address, "10.9.0.5");
	inventory_free(known);

	assert_true(other->own_network && plan_is_addressed(other));
	assert_false(other->own_router);
}

static void test_existing_networks_that_cannot_be(void **state UNUSED)
{
	refused(HEAD CLOUD CP "  network: {existing: {}}\n", "c.yaml:8:23: existing: names nothing");
	refused(HEAD CLOUD CP "  network: {existing: {subnet: a}}\n", "c.yaml:8:32: subnet: name the network that it is in, too");
	refused(HEAD CLOUD CP "  network: {existing: {network: a}}\n",
		"c.yaml:8:23: existing: \"cidr\" is missing beside it: write that of the existing subnet");
	refused(HEAD CLOUD CP "  network: {cidr: 10.9.0.0/24, dns: [9.9.9.9], existing: {network: a}}\n",
		"c.yaml:8:37: dns: the existing subnet has name servers of its own");
	refused(HEAD CLOUD CP "  network: {existing: {net: a}}\n", "unknown key \"net\"");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_groups_hold_few_servers_each),
		cmocka_unit_test(test_an_internal_api_is_for_whom_the_file_names),
		cmocka_unit_test(test_an_api_with_an_address_of_its_own),
		cmocka_unit_test(test_what_is_no_schedule),
		cmocka_unit_test(test_server_groups_of_other_sizes),
		cmocka_unit_test(test_server_groups_that_cannot_be),
		cmocka_unit_test(test_volumes_of_servers),
		cmocka_unit_test(test_existing_networks),
		cmocka_unit_test(test_existing_networks_that_cannot_be),
		cmocka_unit_test(test_images_and_zones_of_pools),
		cmocka_unit_test(test_settings_of_the_cloud),
		cmocka_unit_test(test_volumes_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
