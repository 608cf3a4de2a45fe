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
	assert_string_equal(p->server_groups[1].name, "w");
	assert_string_equal(p->server_groups[3].name, "w.3");
	assert_int_equal(p->server_groups[3].policy, SERVER_GROUP_APART);
	assert_string_equal(plan_find(p, "demo-w-10")->server_group, "w");
	assert_string_equal(plan_find(p, "demo-w-11")->server_group, "w.2");
	assert_string_equal(plan_find(p, "demo-w-25")->server_group, "w.3");
	assert_null(plan_find(p, "demo-registry")->server_group);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_groups_hold_few_servers_each),
		cmocka_unit_test(test_server_groups_of_other_sizes),
		cmocka_unit_test(test_server_groups_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
