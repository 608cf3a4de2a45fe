/* Which nodes of a pool are replaced, and which of them are not well. */
#include "bootstrap/health.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/cluster/spec.h"
#include "core/cluster/turnover.h"
#include "tests/unit/test.h"

/* broken: a letter a node: "b", or another one */
static void assert_batch(const struct pool_spec *pool, const char *nodes, size_t leaving, const char *before, const char *after)
{
	static const char *const names[] = {"w-1", "w-2", "w-3", "w-4", "w-5", "w-6"};
	CLEANUP_STRV struct strv first = STRV_INIT, last = STRV_INIT;
	CLEANUP_FREE char *found_first = NULL, *found_last = NULL;
	struct turnover_node all[6];
	size_t n = strlen(nodes);

	for (size_t i = 0; i < n; i++)
		all[i] = (struct turnover_node){names[i], nodes[i] == 'b'};
	turnover_batch(pool, all, n, leaving, &first, &last);
	found_first = strv_join(&first, " ");
	found_last = strv_join(&last, " ");
	assert_string_equal(found_first, before);
	assert_string_equal(found_last, after);
}

static void test_new_ones_come_first(void **state UNUSED)
{
	const struct pool_spec one = {.max_surge = 1, .max_unhealthy = 1}, two = {.max_surge = 2, .max_unavailable = 1, .max_unhealthy = 1};

	assert_batch(&one, "....", 0, "", "w-1");
	assert_batch(&two, "....", 0, "w-3", "w-1 w-2");
	assert_batch(&two, ".", 0, "", "w-1");
	assert_batch(&two, "", 0, "", "");
}

static void test_where_there_is_no_place_for_more(void **state UNUSED)
{
	const struct pool_spec pool = {.max_unavailable = 2, .max_unhealthy = 1};

	assert_batch(&pool, "....", 0, "w-1 w-2", "");
}

/* Where the file does not say how, and only for those that wait for successors. */
static void test_old_ones_give_way_where_the_quota_is_full(void **state UNUSED)
{
	const struct pool_spec said = {.max_surge = 1, .max_unhealthy = 1, .surge_said = true};
	struct pool_spec pool = {.max_surge = 1, .max_unhealthy = 1};

	assert_true(turnover_may_give_way(&pool, 1, 1));
	assert_false(turnover_may_give_way(&pool, 1, 0)); /* scaled down */
	assert_false(turnover_may_give_way(&pool, 0, 1)); /* scaled up */
	assert_false(turnover_may_give_way(&said, 1, 1));
	turnover_give_way(&pool);
	assert_batch(&pool, "....", 0, "w-1", "");
	assert_false(turnover_may_give_way(&pool, 1, 1)); /* once */
}

static void test_one_batch_after_the_other(void **state UNUSED)
{
	const struct pool_spec pool = {.max_surge = 3, .max_unavailable = 3, .max_unhealthy = 3};

	assert_batch(&pool, "....", 1, "", "");
}

/* With a broken one nothing is lost; but if most are, it may be something else that is broken. */
static void test_broken_ones(void **state UNUSED)
{
	const struct pool_spec pool = {.max_surge = 1, .max_unhealthy = 2};

	assert_batch(&pool, "bbb.", 0, "w-1 w-2", "w-4");
}

/* One that a reboot did not help counts as long as it is not replaced. */
static void test_how_many_are_rebooted(void **state UNUSED)
{
	const struct pool_spec one = {.max_unhealthy = 1}, three = {.max_unhealthy = 3};

	assert_int_equal(turnover_reboots(&one, 4, 0), 1);
	assert_int_equal(turnover_reboots(&one, 4, 1), 0);
	assert_int_equal(turnover_reboots(&three, 4, 1), 2);
	assert_int_equal(turnover_reboots(&three, 1, 0), 1);
	assert_int_equal(turnover_reboots(&three, 4, 5), 0);
}

#define FILE_HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n" \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  workerPools:\n"
#define READY(status, since, message)                                                                                            \
	"{\"type\":\"Ready\",\"status\":\"" status "\",\"lastTransitionTime\":\"2026-11-26T" since "Z\",\"message\":\"" message "\"}"
#define NODE(name, ready) "{\"metadata\":{\"name\":\"" name "\",\"creationTimestamp\":\"2026-11-26T01:00:00Z\"},\"status\":{\"conditions\":[" ready "]}}"

static void assert_health(const char *pool, const char *items, const char *installed, const char *expected)
{
	CLEANUP_FREE char *file = xasprintf(FILE_HEAD "  - {name: w, count: 3, flavor: m1.small%s}\n", pool);
	CLEANUP_FREE char *text = xasprintf("{\"items\":[%s]}", items);
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_STRV struct strv known = STRV_INIT;
	CLEANUP_HEALTH struct health h = {0};
	CLEANUP_BUF struct buf found = BUF_INIT;
	int64_t now = 0;

	assert_success(spec_parse("c.yaml", file, strlen(file), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	assert_success(json_parse(text, strlen(text), "nodes", &list, &test_error));
	assert_true(clock_parse("2026-11-26T02:00:00Z", &now));
	strv_split(&known, installed, " ");
	health_read(plan, list, now, &known, &h);
	for (size_t i = 0; i < h.n; i++)
		buf_addf(&found, "%s%s: %s\n", h.items[i].late ? "late " : "", h.items[i].node, h.items[i].why);
	assert_string_equal(buf_str(&found), expected);
}

static void test_who_is_not_well(void **state UNUSED)
{
	const char *items = NODE("demo-w-1", READY("True", "01:00:00", "kubelet is posting ready status")) "," NODE(
		"demo-w-2", READY("Unknown", "01:45:00", "Kubelet stopped posting node status.")) "," NODE("demo-w-3",
		READY("False", "01:59:20", "cni plugin not initialized")) "," NODE("demo-cp-1", READY("False", "01:00:00", "x"));

	assert_health("", items, "", "late demo-w-2: not Ready for 15m: Kubelet stopped posting node status\n"
				     "demo-w-3: not Ready for 40s: cni plugin not initialized\n");
	assert_health(", repairAfter: 30s", items, "", "late demo-w-2: not Ready for 15m: Kubelet stopped posting node status\n"
						       "late demo-w-3: not Ready for 40s: cni plugin not initialized\n");
	assert_health(", repairAfter: never", items, "", "demo-w-2: not Ready for 15m: Kubelet stopped posting node status\n"
							 "demo-w-3: not Ready for 40s: cni plugin not initialized\n");
}

static void test_who_says_nothing(void **state UNUSED)
{
	const char *two = NODE("demo-w-1", "") "," NODE("demo-w-2", READY("False", "03:00:00", "a clock that is ahead"));

	assert_health("", two, "", "late demo-w-1: not Ready for 60m: its kubelet has said nothing yet\n"
				   "demo-w-2: not Ready for 0s: a clock that is ahead\n");
	assert_health("", NODE("demo-w-1", READY("True", "01:00:00", "")), "demo-w-1 demo-w-2 demo-cp-1",
		      "late demo-w-2: Kubernetes does not know it any more\n");
	assert_health("", "", "", "");
}

static void test_the_keys(void **state UNUSED)
{
	static const struct {
		const char *keys, *error;
	} wrong[] = {
		{", maxSurge: 0", "c.yaml:9:53: maxSurge: 0 with maxUnavailable: 0 would let no node be replaced; make one of them larger"},
		{", repairAfter: 10", "c.yaml:9:56: repairAfter: \"10\" is no time such as 90s, 10m or 1h, nor never"},
		{", repairAfter: soon", "is no time such as"},
		{", maxUnhealthy: 0", "maxUnhealthy: 0 is not within 1 to 5000"},
	};
	const char *right = FILE_HEAD "  - {name: w, count: 3, flavor: m1.small, maxSurge: 0, maxUnavailable: 2, repairAfter: 90s, maxUnhealthy: 3}\n"
				      "  - {name: v, count: 0, flavor: m1.small}\n";
	CLEANUP_SPEC struct spec *spec = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP_FREE char *text = xasprintf(FILE_HEAD "  - {name: w, count: 3, flavor: m1.small%s}\n", wrong[i].keys);
		struct spec *none = NULL;

		assert_failure(spec_parse("c.yaml", text, strlen(text), &none, &test_error), wrong[i].error);
	}
	assert_success(spec_parse("c.yaml", right, strlen(right), &spec, &test_error));
	assert_int_equal(spec->pools[0].max_surge, 0);
	assert_int_equal(spec->pools[0].max_unavailable, 2);
	assert_int_equal(spec->pools[0].repair_after, 90000);
	assert_int_equal(spec->pools[0].max_unhealthy, 3);
	assert_true(spec->pools[0].surge_said);
	assert_false(spec->pools[1].surge_said);
	assert_int_equal(spec->pools[1].max_surge, 1);
	assert_int_equal(spec->pools[1].max_unavailable, 0);
	assert_int_equal(spec->pools[1].repair_after, 600000);
	assert_int_equal(spec->pools[1].max_unhealthy, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_ones_come_first), cmocka_unit_test(test_where_there_is_no_place_for_more),
		cmocka_unit_test(test_one_batch_after_the_other),
		cmocka_unit_test(test_old_ones_give_way_where_the_quota_is_full), cmocka_unit_test(test_broken_ones),
		cmocka_unit_test(test_how_many_are_rebooted),
		cmocka_unit_test(test_who_is_not_well), cmocka_unit_test(test_who_says_nothing),
		cmocka_unit_test(test_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
