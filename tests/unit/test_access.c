/* The ways to the servers: what the file may say, which security-group rules and floating IPs follow, and who is reached how. */
#include "core/base/alloc.h"
#include "core/cluster/plan.h"
#include "core/cluster/way.h"
#include "core/net/ssh.h"
#include "tests/unit/test.h"

#define HEAD                                                                                                                     \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                      \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n"                                                   \
	"  workerPools: [{name: w, count: 1, flavor: m1.small}]\n"
#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO31E"
#define JUMP "bastion: {host: jump.example.com, user: me, hostKey: " ED25519 "}"

static struct spec *parsed(const char *path, const char *rest)
{
	CLEANUP_FREE char *text = xasprintf("%s%s", HEAD, rest);
	struct spec *s = NULL;

	assert_success(spec_parse(path, text, strlen(text), &s, &test_error));
	return s;
}

static void refused(const char *rest, const char *with)
{
	CLEANUP_FREE char *text = xasprintf("%s%s", HEAD, rest);
	struct spec *s = NULL;

	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error), with);
}

static void test_host_keys(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum host_keys want;
		const char *file;
	} modes[] = {
		{"seeded", HOST_KEYS_SEEDED, NULL},	   {"console", HOST_KEYS_CONSOLE, NULL},
		{"first-use", HOST_KEYS_FIRST_USE, NULL},  {"./hosts", HOST_KEYS_FILE, "/x/./hosts"},
		{"known.txt", HOST_KEYS_FILE, "/x/known.txt"}, {"/etc/ssh/known", HOST_KEYS_FILE, "/etc/ssh/known"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		CLEANUP_FREE char *text = xasprintf("  access: {hostKeys: %s}\n", modes[i].text);
		CLEANUP_SPEC struct spec *s = parsed("/x/c.yaml", text);

		assert_int_equal(s->access.host_keys, modes[i].want);
		if (modes[i].file == NULL)
			assert_null(s->access.known_hosts);
		else
			assert_string_equal(s->access.known_hosts, modes[i].file);
	}
	refused("  access: {hostKeys: tty}\n", "c.yaml:9:22: hostKeys: \"tty\" is not known; allowed: seeded, console, first-use, or");
}

static void test_bastions(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *plain = parsed("c.yaml", ""), *own = parsed("c.yaml", "  access: {bastion: server, bastionServer: {flavor: tiny}}\n");
	CLEANUP_SPEC struct spec *jump = parsed("/x/c.yaml", "  access: {" JUMP "}\n");

	assert_int_equal(plain->access.bastion, BASTION_CONTROL_PLANE);
	assert_int_equal(own->access.bastion, BASTION_SERVER);
	assert_string_equal(own->access.server.flavor, "tiny");
	assert_int_equal(jump->access.bastion, BASTION_HOST);
	assert_string_equal(jump->access.jump.host, "jump.example.com");
	assert_int_equal(jump->access.jump.port, 22);
	assert_string_equal(jump->access.jump.host_key, ED25519);
	assert_non_null(strstr(jump->access.jump.key_file, "/.ssh/id_ed25519"));
	refused("  access: {bastion: servr}\n", "c.yaml:9:21: bastion: \"servr\" is not known; allowed: controlPlane, server, floatingIPs, none, or a map");
	refused("  access: {bastion: [a]}\n", "bastion must be a single value or a map, found a list");
	refused("  access: {bastion: {user: me}}\n", "\"host\" is missing here");
	refused("  access: {bastion: {host: h}}\n", "\"user\" is missing here");
	refused("  access: {bastion: {host: h, user: me, prot: 1}}\n", "did you mean \"port\"?");
	refused("  access: {bastion: {host: h, user: me, hostKey: nonsense}}\n", "c.yaml:9:50: hostKey: \"nonsense\" is no public key");
	refused("  access: {bastionServer: {flavor: x}}\n", "bastionServer is used by \"bastion: server\" alone");
}

static void test_schema_has_the_choice(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *o = spec_schema();
	struct json_object *bastion = json_at(o, "properties.spec.properties.access.properties.bastion");

	assert_string_equal(json_get_str(bastion, "oneOf[0].enum[3]", ""), "none");
	assert_string_equal(json_get_str(bastion, "oneOf[1].properties.host.type", ""), "string");
	assert_string_equal(json_get_str(bastion, "default", ""), "controlPlane");
}

/* "GROUP PORT SOURCE" of the rules for SSH and for the API from outside, and "NODE" of those with floating IPs. */
static void expect(const char *access, const char *want_rules, const char *want_floating)
{
	CLEANUP_SPEC struct spec *s = parsed("c.yaml", access);
	CLEANUP_PLAN struct plan *p = NULL;
	CLEANUP_STRV struct strv rules = STRV_INIT, floating = STRV_INIT;
	CLEANUP_FREE char *got_rules = NULL, *got_floating = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		assert_true(strv_has(&p->groups, r->group));
		assert_true(r->from_group == NULL || strv_has(&p->groups, r->from_group));
		if (r->port_min == 22)
			strv_addf(&rules, "%s<%s", r->group, r->from_group != NULL ? r->from_group : r->from_cidr);
	}
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].floating_ip)
			strv_add(&floating, p->nodes[i].node.name);
	got_rules = strv_join(&rules, " ");
	got_floating = strv_join(&floating, " ");
	assert_string_equal(got_rules, want_rules);
	assert_string_equal(got_floating, want_floating);
}

static void test_rules_and_floating_ips_follow(void **state UNUSED)
{
	expect("", "control-plane<0.0.0.0/0 node<control-plane registry<control-plane", "demo-cp-1");
	expect("  access: {allowedCIDRs: [192.0.2.0/24, 198.51.100.7/32]}\n",
	       "control-plane<192.0.2.0/24 control-plane<198.51.100.7/32 node<control-plane registry<control-plane", "demo-cp-1");
	expect("  access: {bastion: server, allowedCIDRs: [192.0.2.0/24]}\n", "bastion<192.0.2.0/24 node<bastion registry<bastion",
	       "demo-bastion demo-cp-1");
	expect("  access: {bastion: server}\n  api: {endpoint: internal}\n", "bastion<0.0.0.0/0 node<bastion registry<bastion",
	       "demo-bastion");
	expect("  access: {bastion: floatingIPs, allowedCIDRs: [192.0.2.0/24]}\n", "node<192.0.2.0/24 registry<192.0.2.0/24",
	       "demo-registry demo-cp-1 demo-w-1");
	expect("  access: {bastion: none}\n", "node<0.0.0.0/0 registry<0.0.0.0/0", "demo-cp-1");
	expect("  access: {bastion: none}\n  api: {endpoint: internal}\n", "node<0.0.0.0/0 registry<0.0.0.0/0", "");
	expect("  access: {" JUMP ", allowedCIDRs: [192.0.2.9/32]}\n  api: {endpoint: internal}\n",
	       "node<192.0.2.9/32 registry<192.0.2.9/32", "");
	expect("  api: {endpoint: internal}\n", "control-plane<0.0.0.0/0 node<control-plane registry<control-plane", "demo-cp-1");
}

static void test_the_bastion_is_a_server_of_its_own(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = parsed("c.yaml", "  access: {bastion: server, bastionServer: {flavor: tiny, volume: {size: 5}}}\n");
	CLEANUP_PLAN struct plan *p = NULL;
	const struct plan_node *b;

	assert_success(plan_make(s, NULL, &p, &test_error));
	b = &p->nodes[0]; /* first: all others wait for it */
	assert_string_equal(b->node.name, "demo-bastion");
	assert_int_equal(b->node.role, NODE_BASTION);
	assert_string_equal(b->node.address, "10.6.0.5");
	assert_string_equal(b->flavor, "tiny");
	assert_int_equal(b->root.size_gib, 5);
	assert_int_equal(b->groups.n, 1);
	assert_string_equal(b->groups.v[0], "bastion");
	assert_false(node_runs_kubernetes(b->node.role));
}

static void check_way(const char *access, const char *entry, enum way to_entry, enum way to_worker)
{
	CLEANUP_SPEC struct spec *s = parsed("c.yaml", access);
	CLEANUP_PLAN struct plan *p = NULL;
	struct inventory *nodes = inventory_new();
	CLEANUP_FREE char *found = way_entry(s, nodes);

	assert_null(found); /* no server is there yet */
	assert_success(plan_make(s, NULL, &p, &test_error));
	for (size_t i = 0; i < p->n_nodes; i++)
		inventory_put(nodes, &p->nodes[i].node);
	found = way_entry(s, nodes);
	if (entry == NULL)
		assert_null(found);
	else
		assert_string_equal(found, entry);
	assert_int_equal(way_to(s, found, entry != NULL ? entry : "demo-cp-1"), to_entry);
	assert_int_equal(way_to(s, found, "demo-w-1"), to_worker);
	inventory_free(nodes);
}

static void test_ways(void **state UNUSED)
{
	check_way("", "demo-cp-1", WAY_FLOATING_IP, WAY_JUMP);
	check_way("  access: {bastion: server}\n", "demo-bastion", WAY_FLOATING_IP, WAY_JUMP);
	check_way("  access: {bastion: floatingIPs}\n", NULL, WAY_FLOATING_IP, WAY_FLOATING_IP);
	check_way("  access: {bastion: none}\n", NULL, WAY_ADDRESS, WAY_ADDRESS);
	check_way("  access: {" JUMP "}\n", NULL, WAY_JUMP, WAY_JUMP);
}

static void test_who_has_no_floating_ip_is_not_waited_for(void **state UNUSED)
{
	struct node cp = {.name = (char *)"demo-cp-1", .address = (char *)"10.6.0.10", .cloud = NODE_ACTIVE}, got = {0};
	struct inventory *nodes = inventory_new();

	inventory_put(nodes, &cp);
	inventory_close(nodes, NULL);
	assert_failure(inventory_wait(nodes, "demo-cp-1", true, INT64_MAX, &got, &test_error), "has no floating IP");
	assert_success(inventory_wait(nodes, "demo-cp-1", false, INT64_MAX, &got, &test_error));
	node_clear(&got);
	inventory_free(nodes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_keys),
		cmocka_unit_test(test_bastions),
		cmocka_unit_test(test_schema_has_the_choice),
		cmocka_unit_test(test_rules_and_floating_ips_follow),
		cmocka_unit_test(test_the_bastion_is_a_server_of_its_own),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_who_has_no_floating_ip_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
