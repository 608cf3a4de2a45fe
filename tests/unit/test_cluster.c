#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/address.h"
#include "core/cluster/plan.h"
#include "core/cluster/state.h"
#include "tests/unit/test.h"
#include <stdio.h>

#define HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
#define CLOUD "  openstack: {image: debian-12}\n"
#define CP "  controlPlane: {flavor: m1.small}\n"

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

static void test_spec_small_file_gets_defaults(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  workerPools: [{name: w, count: 2, flavor: m1.small, volume: {size: 1Ti}}]\n");

	assert_string_equal(s->name, "demo");
	assert_string_equal(s->network.cidr, "10.6.0.0/24");
	assert_string_equal(s->registry.flavor, "m1.small");
	assert_int_equal(s->registry.volume.size_gib, 20);
	assert_int_equal(s->control_plane.count, 1);
	assert_int_equal(s->pools[0].volume.size_gib, 1024);
	assert_string_equal(s->api.allowed_cidrs.v[0], "0.0.0.0/0");
}

/* What a kubelet may set of Kubernetes' own, and what only looks alike. */
static void test_labels_that_are_taken(void **state UNUSED)
{
	static const char *const keys[] = {"topology.kubernetes.io/zone", "node.kubernetes.io/instance-type", "a.node.kubernetes.io/b", "kubelet.kubernetes.io/x",
					   "mykubernetes.io/x", "plain"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CLEANUP_FREE char *text = xasprintf(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {%s: y}, taints: ['a:NoSchedule', 'a=:NoExecute', "
							    "'b.c/a=v:PreferNoSchedule']}]\n",
						    keys[i]);
		CLEANUP_SPEC struct spec *spec = NULL;

		assert_success(spec_parse("c.yaml", text, strlen(text), &spec, &test_error));
	}
}

static void keep_line(const char *line, void *context)
{
	strv_add(context, line);
}

/* Of a Kubernetes that is newer than the table davit does not know better. */
static void test_spec_warns_of_keys_of_a_newer_kubelet(void **state UNUSED)
{
	static const char *const versions[] = {"1.36.9", "1.37.0", "2.0.0"};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		CLEANUP_FREE char *text = xasprintf("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: %s}\n" CLOUD CP
						    "  kubelet: {maxPods: 20, maxPodz: 20}\n  workerPools: []\n", versions[i]);
		CLEANUP_STRV struct strv lines = STRV_INIT;

		if (i == 0) {
			refused(text, "c.yaml:8:26: kubelet: \"maxPodz\" is no key");
			continue;
		}
		log_set_sink(keep_line, &lines);
		spec_free(parsed(text));
		log_set_sink(NULL, NULL);
		assert_int_equal(lines.n, 1);
		assert_non_null(strstr(lines.v[0], "c.yaml:8:26: kubelet: \"maxPodz\" is not known to davit, which knows the keys of Kubernetes 1.36; did you mean \"maxPods\"?"));
	}
}

static void test_spec_refuses_with_position(void **state UNUSED)
{
	refused(HEAD CLOUD "  controlPlane: {flavour: x}\n", "c.yaml:7:18: unknown key \"flavour\"; did you mean \"flavor\"? (allowed here: count, flavor, ");
	refused(HEAD CLOUD "  controlPlane: {}\n", "\"flavor\" is missing here: flavor of the servers");
	refused(HEAD CLOUD "  controlPlane: {flavor: [a]}\n", "flavor must be a single value, found a list");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, count: x}\n", "\"x\" is not a whole number");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, count: 2}\n", "c.yaml:7:36: count: 2 control planes cannot agree better than 1");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, count: 0}\n", "use an odd number");
	refused(HEAD CLOUD CP "  network: {cidr: 10.6.0.1/24}\n", "has host bits set; the network is 10.6.0.0/24");
	refused(HEAD CLOUD CP "  network: {cidr: 10.244.3.0/24}\n", "network.podCIDR 10.244.0.0/16 overlaps network.cidr 10.244.3.0/24");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x}, {name: a, count: 1, flavor: x}]\n", "two pools \"a\"");
	refused(HEAD CLOUD CP "  workerPools: [{name: cp, count: 1, flavor: x}]\n", "choose another");
	refused(HEAD CLOUD CP "  workerPools: [{name: bastion, count: 1, flavor: x}]\n", "choose another");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: -1, flavor: x}]\n", "-1 is not within 0 to 5000");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['a=b']}]\n", "is no taint");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['a=b c:NoSchedule']}]\n", "c.yaml:8:57: ");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['a=b:c:NoSchedule']}]\n", "is no taint");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['=b:NoSchedule']}]\n", "is no taint");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['a:Never']}]\n", "is no taint");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['node.kubernetes.io/unschedulable:NoSchedule']}]\n",
		"c.yaml:8:57: taints: \"node.kubernetes.io/unschedulable:NoSchedule\" is one of those that Kubernetes itself puts on nodes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, taints: ['node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule']}]\n",
		"use another key");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, taints: ['a:NoSchedule', 'a:NoExecute', 'a=b:NoSchedule']}\n",
		"c.yaml:7:69: taints: \"a:NoSchedule\" and \"a=b:NoSchedule\" are of one key and one effect");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {davit.dev/pool: y}}]\n", "is in davit's own namespace");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {kubernetes.io/hostname: y}}]\n", "belongs to Kubernetes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {a.k8s.io/x: y}}]\n", "belongs to Kubernetes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {fleetnode.kubernetes.io/x: y}}]\n", "belongs to Kubernetes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {node-restriction.kubernetes.io/x: y}}]\n", "belongs to Kubernetes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, labels: {node-role.kubernetes.io/x: y}}]\n",
		"belongs to Kubernetes");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, annotations: {'a b': y}}]\n", "is no key of an annotation");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, annotations: {a: {b: c}}}]\n", "annotations must be a single value, found a map");
	refused(HEAD CLOUD CP "  workerPools: [{name: a, count: 1, flavor: x, annotations: {flannel.alpha.coreos.com/public-ip: y}}]\n",
		"c.yaml:8:62: annotations: \"flannel.alpha.coreos.com/public-ip\": flannel.alpha.coreos.com/ belongs to a program of the cluster");
	refused(HEAD CLOUD CP "  workerPools:\n  - {name: a, count: 1, flavor: x}\n  - name: b\n    count: 1\n    flavor: x\n    kubelet: {maxPods: 20, providerID: x}\n",
		"c.yaml:13:40: kubelet: \"providerID\" is set by davit");
	refused(HEAD CLOUD CP "  kubelet: {authentication: {x509: {clientCAFile: /x}}}\n", "kubelet: \"authentication.x509\" is set by davit");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, kubelet: {clusterDomain: null}}\n", "kubelet: \"clusterDomain\" is set by davit");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, kubelet: [a]}\n", "kubelet must be a map, found a list");
	refused(HEAD CLOUD CP "  workerPools:\n  - {name: a, count: 1, flavor: x, kubelet: {maxPodz: 20}}\n",
		"c.yaml:9:46: kubelet: \"maxPodz\" is no key of a KubeletConfiguration, and the kubelet would leave it out; did you mean \"maxPods\"?");
	refused(HEAD CLOUD "  controlPlane: {flavor: a, kubelet: {maxpods: 20}}\n", "\"maxpods\" is no key of a KubeletConfiguration");
	refused(HEAD CLOUD CP "  kubelet: {evictionhard: {}}\n", "did you mean \"evictionHard\"?");
	refused(HEAD CLOUD CP "  workerPools:\n  - {name: a, count: 1, flavor: x, networks: [s, s]}\n", "c.yaml:9:50: networks: \"s\" is named twice");
	refused(HEAD CLOUD CP "  artifacts: {mirror: ftp://x}\n", "is no URL");
	refused(HEAD CLOUD CP "  proxy: {http: proxy:3128}\n", "c.yaml:8:17: http: expected http(s)://[USER:PASSWORD@]HOST:PORT");
	refused(HEAD CLOUD CP "  proxy: {https: 'http://a:$b@c'}\n", "c.yaml:8:18: https: expected http(s)://");
	refused(HEAD CLOUD CP "  proxy: {no: [ok, 'a,b']}\n", "c.yaml:8:20: no: \"a,b\" is no host, domain or CIDR");
	refused(HEAD CLOUD CP "  api: {endpoint: octavio}\n", "\"octavio\" is not known; allowed: floatingIP, internal, vip, octavia");
	refused("apiVersion: davit/v2\nkind: Cluster\nmetadata: {name: a}\nspec: {}\n", "allowed: davit/v1");
	refused("[]", "a cluster file is a map, found a list");
	refused("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: Demo_1}\nspec: {}\n", "lower-case letters");
}

static void test_spec_schema_names_every_key(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *o = spec_schema();

	assert_string_equal(json_get_str(o, "properties.spec.properties.network.properties.cidr.default", ""), "10.6.0.0/24");
	assert_false(json_get_bool(o, "properties.spec.additionalProperties", true));
}

static void test_address(void **state UNUSED)
{
	struct cidr a = {0}, b = {0};
	CLEANUP_FREE char *dns = cidr_nth("10.96.0.0/16", 10);

	assert_string_equal(dns, "10.96.0.10");
	assert_success(cidr_parse("10.0.0.0/8", &a, &test_error));
	assert_success(cidr_parse("10.6.0.0/24", &b, &test_error));
	assert_true(cidr_overlap(a, b) && cidr_overlap(b, a));
	assert_failure(cidr_parse("10.0.0.0/33", &a, &test_error), "is no CIDR");
	assert_failure(cidr_parse("10.0.0/8", &a, &test_error), "is no CIDR");
	assert_failure(cidr_parse("10.0.0.0", &a, &test_error), "is no CIDR");
}

static void test_plan_names_and_addresses(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  workerPools: [{name: w, count: 2, flavor: x, zones: [a, b]}]\n");
	CLEANUP_PLAN struct plan *p = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_int_equal(p->n_nodes, 4);
	assert_string_equal(p->nodes[0].node.name, "demo-registry");
	assert_string_equal(p->nodes[0].node.address, "10.6.0.4");
	assert_string_equal(p->nodes[1].node.name, "demo-cp-1");
	assert_string_equal(p->nodes[1].node.address, "10.6.0.10");
	assert_true(p->nodes[1].floating_ip);
	assert_string_equal(p->nodes[3].node.name, "demo-w-2");
	assert_string_equal(p->nodes[3].node.address, "10.6.0.21");
	assert_string_equal(p->nodes[3].zone, "b");
	assert_false(p->nodes[3].floating_ip);
	assert_string_equal(p->allocation_start, "10.6.0.192");
	assert_string_equal(p->allocation_end, "10.6.0.254");
}

static void test_plan_keeps_known_addresses(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  workerPools: [{name: v, count: 1, flavor: x}, {name: w, count: 1, flavor: x}]\n");
	struct node w = {.name = (char *)"demo-w-1", .role = NODE_WORKER, .pool = (char *)"w", .address = (char *)"10.6.0.20"};
	struct inventory *known = inventory_new();
	CLEANUP_PLAN struct plan *p = NULL;

	inventory_put(known, &w);
	assert_success(plan_make(s, known, &p, &test_error));
	assert_string_equal(plan_find(p, "demo-w-1")->node.address, "10.6.0.20");
	assert_string_equal(plan_find(p, "demo-v-1")->node.address, "10.6.0.21");
	inventory_free(known);
}

static void test_plan_refuses_a_small_network(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed(HEAD CLOUD CP "  network: {cidr: 10.6.0.0/27}\n  workerPools: [{name: w, count: 5, flavor: x}]\n");
	struct plan *p = NULL;

	assert_failure(plan_make(s, NULL, &p, &test_error), "has no address left for demo-w-5; 7 servers are wanted");
}

static int tell(void *context, struct error **err UNUSED)
{
	inventory_cloud(context, "demo-w-1", NODE_ACTIVE, "uuid-1", NULL, NULL);
	inventory_cloud(context, "demo-w-2", NODE_FAILED, NULL, NULL, "No valid host was found");
	return 0;
}

static void test_inventory_wakes_waiters(void **state UNUSED)
{
	struct node w1 = {.name = (char *)"demo-w-1", .address = (char *)"10.6.0.20"}, w2 = {.name = (char *)"demo-w-2"}, got = {0};
	struct inventory *i = inventory_new();
	struct parallel_thread *t;

	inventory_put(i, &w1);
	inventory_put(i, &w2);
	t = parallel_start(tell, i);
	assert_success(inventory_wait(i, "demo-w-1", false, clock_deadline(5000), &got, &test_error));
	assert_string_equal(got.server_id, "uuid-1");
	node_clear(&got);
	assert_failure(inventory_wait(i, "demo-w-2", false, clock_deadline(5000), &got, &test_error), "No valid host");
	assert_failure(inventory_wait(i, "demo-w-1", true, clock_deadline(10), &got, &test_error), "did not become ACTIVE");
	assert_success(parallel_join(t, &test_error));
	inventory_free(i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec_small_file_gets_defaults),
		cmocka_unit_test(test_labels_that_are_taken),
		cmocka_unit_test(test_spec_refuses_with_position), cmocka_unit_test(test_spec_warns_of_keys_of_a_newer_kubelet),
		cmocka_unit_test(test_spec_schema_names_every_key),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_plan_names_and_addresses),
		cmocka_unit_test(test_plan_keeps_known_addresses),
		cmocka_unit_test(test_plan_refuses_a_small_network),
		cmocka_unit_test(test_inventory_wakes_waiters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
