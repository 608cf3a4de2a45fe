/* What served a way to the servers that the file no longer wants. */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/layout_fixture.h"
#include "tests/unit/test.h"

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

	layout_begin(&c, WAY("server", "internal"), NULL);
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
	layout_assert_complete(&c);
	assert_null(fake_find(KIND_SERVER, "demo-bastion"));
	assert_null(fake_find(KIND_FLOATING_IP, of_bastion));
	assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
	assert_false(inventory_get(c.inventory, "demo-bastion", &n));
	assert_success(state_nodes(c.state, known, &test_error));
	assert_false(inventory_get(known, "demo-bastion", &n));
	inventory_free(known);
	layout_assert_removed(&c);
	layout_end(&c);
}

static size_t rules_for_ssh(const char *group)
{
	struct json_object *rules = json_at(fake_find(KIND_GROUP, group), "security_group_rules");
	size_t n = 0;

	for (size_t i = 0; i < json_len(rules); i++)
		n += json_get_int(json_object_array_get_idx(rules, i), "port_range_min", 0) == 22;
	return n;
}

#define RULES_GO "rule \"tcp 22 from 0.0.0.0/0\" of demo-node" GOES "rule \"tcp 22 from 0.0.0.0/0\" of demo-registry" GOES

static void test_floating_ips_of_another_way(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *changes = NULL;
	struct node n = {0};

	layout_begin(&c, WAY("floatingIPs", "floatingIP"), NULL);
	use_way(&c, WAY("floatingIPs", "floatingIP"));
	assert_int_equal(fake_count(KIND_FLOATING_IP), 3);
	use_way(&c, WAY("controlPlane", "floatingIP"));
	assert_int_equal(rules_for_ssh("demo-node"), 2); /* both ways are open until the new one has been gone */
	changes = cluster_differences(&c);
	if (strstr(changes, "floating IP demo-w-1") < strstr(changes, "floating IP demo-registry")) /* by age: they were made at the same time */
		assert_string_equal(changes, RULES_GO "floating IP demo-w-1" GOES "floating IP demo-registry" GOES);
	else
		assert_string_equal(changes, RULES_GO "floating IP demo-registry" GOES "floating IP demo-w-1" GOES);
	assert_int_equal(fake_count(KIND_FLOATING_IP), 3);
	assert_success(retire(&c, &test_error));
	layout_assert_complete(&c);
	assert_int_equal(rules_for_ssh("demo-node"), 1);
	assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
	assert_true(inventory_get(c.inventory, "demo-w-1", &n));
	assert_null(n.floating_ip);
	node_clear(&n);
	assert_true(inventory_get(c.inventory, "demo-cp-1", &n));
	assert_non_null(n.floating_ip);
	node_clear(&n);
	layout_assert_removed(&c);
	layout_end(&c);
}

/* Who may come in changes in the same manner as the way; what is no rule for SSH waits for nobody. */
static void test_sources_of_another_way(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *changes = NULL;

	layout_begin(&c, WAY("none, allowedCIDRs: [192.0.2.0/24]", "internal, allowedCIDRs: [192.0.2.0/24]"), NULL);
	use_way(&c, WAY("none, allowedCIDRs: [192.0.2.0/24]", "internal, allowedCIDRs: [192.0.2.0/24]"));
	use_way(&c, WAY("none, allowedCIDRs: [198.51.100.0/24]", "internal, allowedCIDRs: [198.51.100.0/24]"));
	changes = cluster_differences(&c);
	assert_string_equal(changes, "rule \"tcp 22 from 192.0.2.0/24\" of demo-node" GOES
				     "rule \"tcp 22 from 192.0.2.0/24\" of demo-registry" GOES);
	assert_success(retire(&c, &test_error));
	layout_assert_complete(&c);
	assert_int_equal(rules_for_ssh("demo-node"), 1);
	layout_assert_removed(&c);
	layout_end(&c);
}

/* Whatever call fails, and however: the next run takes the rest, and nothing of the new way. */
static void test_torture_the_end_of_a_way(void **state UNUSED)
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED, FAULT_REPEATED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++)
		for (unsigned n = 1, calls = 1; n <= calls + 1; n++) { /* one that failed is the last of its run */
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};
			unsigned first;

			layout_begin(&c, WAY("server", "floatingIP"), NULL);
			use_way(&c, WAY("server", "floatingIP"));
			use_way(&c, WAY("controlPlane", "floatingIP"));
			first = fake_calls();
			fake_fail(n, faults[f]);
			(void)!retire(&c, &err);
			calls = fake_calls() - first;
			fake_fail(0, FAULT_NONE);
			assert_success(retire(&c, &test_error));
			layout_assert_complete(&c);
			layout_assert_removed(&c);
			layout_end(&c);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_bastion_of_another_way),
		cmocka_unit_test(test_floating_ips_of_another_way),
		cmocka_unit_test(test_sources_of_another_way),
		cmocka_unit_test(test_torture_the_end_of_a_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
