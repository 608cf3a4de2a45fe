/* Who goes when a pool gets smaller, and what keeps a node from going. */
#include "bootstrap/leave.h"
#include "bootstrap/selector.h"
#include "core/base/alloc.h"
#include "tests/unit/test.h"

#define NODE(name, ready, more, version, created)                                                                                \
	"{\"kind\":\"Node\",\"metadata\":{\"name\":\"" name "\",\"creationTimestamp\":\"" created "\"},\"spec\":{" more            \
	"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" ready "\"}],\"nodeInfo\":{\"kubeletVersion\":\"" version  \
	"\"}}}"
#define FINE(name, version, created) NODE(name, "True", "", version, created)
#define OWNED(kind) ",\"ownerReferences\":[{\"kind\":\"" kind "\",\"controller\":true}]"
#define POD(name, node, meta, phase)                                                                                             \
	"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\"" meta "},\"spec\":{\"nodeName\":\"" node       \
	"\"},\"status\":{\"phase\":\"" phase "\"}}"
#define T(n) "2026-01-0" #n "T00:00:00Z"

static struct json_object *facts_of(const char *items)
{
	CLEANUP_FREE char *text = xasprintf("{\"items\":[%s]}", items);
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), "facts", &o, &test_error));
	return o;
}

static void assert_chosen(const char *items, const char *zones, size_t want, const char *expected)
{
	static const char *const names[] = {"w-1", "w-2", "w-3", "w-4"};
	CLEANUP_JSON struct json_object *facts = facts_of(items);
	CLEANUP_STRV struct strv zone = STRV_INIT, chosen = STRV_INIT;
	CLEANUP_FREE char *found = NULL;
	struct leave_candidate all[4];

	strv_split(&zone, zones, " ");
	for (size_t i = 0; i < 4; i++)
		all[i] = (struct leave_candidate){names[i], zone.n > i ? zone.v[i] : NULL, true};
	assert_success(leave_choose(all, 4, want, facts, &chosen, &test_error));
	found = strv_join(&chosen, " ");
	assert_string_equal(found, expected);
}

#define FOUR FINE("w-1", "v1.36.3", T(1)) "," FINE("w-2", "v1.36.3", T(1)) "," FINE("w-3", "v1.36.3", T(1)) "," FINE("w-4", "v1.36.3", T(1))

static void test_the_order(void **state UNUSED)
{
	assert_chosen(FOUR, "", 2, "w-4 w-3");
	assert_chosen("", "", 1, "w-4"); /* Kubernetes knows none of them */
	/* not Ready before cordoned before oldest version before fewest pods before newest */
	assert_chosen(NODE("w-1", "Unknown", "", "v1.36.3", T(1)) "," NODE("w-2", "True", "\"unschedulable\":true", "v1.36.3", T(1)) "," FINE(
			      "w-3", "v1.35.4", T(1)) "," FINE("w-4", "v1.36.3", T(2)),
		      "", 4, "w-1 w-2 w-3 w-4");
	assert_chosen(FINE("w-1", "v1.9.10", T(1)) "," FINE("w-2", "v1.36.3", T(1)) "," FINE("w-3", "v1.36.2", T(1)) "," FINE("w-4", "v1.36.10", T(1)), "",
		      3, "w-1 w-3 w-2");
	assert_chosen(FOUR "," POD("a", "w-4", OWNED("ReplicaSet"), "Running") "," POD("b", "w-3", "", "Pending"), "", 2, "w-2 w-1");
	/* pods that are no reason to stay */
	assert_chosen(FOUR "," POD("a", "w-4", OWNED("DaemonSet"), "Running") "," POD("b", "w-4", "", "Succeeded") "," POD(
			      "c", "w-4", ",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}" OWNED("Node"), "Running"),
		      "", 1, "w-4");
	assert_chosen(FINE("w-1", "v1.36.3", T(3)) "," FINE("w-2", "v1.36.3", T(4)) "," FINE("w-3", "v1.36.3", T(1)) "," FINE("w-4", "v1.36.3", T(2)), "",
		      2, "w-2 w-1");
}

static void test_zones_are_kept_even(void **state UNUSED)
{
	assert_chosen(FOUR, "a b b b", 3, "w-4 w-3 w-2");
	assert_chosen(FOUR, "a a a b", 2, "w-3 w-2");
	assert_chosen(FOUR "," POD("a", "w-3", OWNED("ReplicaSet"), "Running"), "a b a b", 2, "w-4 w-1");
	/* one that is not Ready helps its zone with nothing */
	assert_chosen(NODE("w-1", "False", "", "v1.36.3", T(1)) "," FINE("w-2", "v1.36.3", T(1)), "a b b b", 1, "w-4");
}

static void test_a_server_that_is_not_there_goes_first(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *facts = facts_of(FOUR);
	CLEANUP_STRV struct strv chosen = STRV_INIT;
	const struct leave_candidate all[] = {{"w-1", NULL, true}, {"w-2", NULL, false}, {"w-3", NULL, true}};

	assert_success(leave_choose(all, 3, 9, facts, &chosen, &test_error));
	assert_int_equal(chosen.n, 3);
	assert_string_equal(chosen.v[0], "w-2");
	assert_failure(leave_choose(all, 3, 1, NULL, &chosen, &test_error), "kubectl get nodes,pods");
}

static void test_who_would_be_left(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *facts = facts_of(
		NODE("w-1", "True", "\"unschedulable\":true", "v1", T(1)) "," FINE("w-2", "v1", T(1)) "," NODE("w-3", "False", "", "v1", T(1)) ","
		"{\"kind\":\"Node\",\"metadata\":{\"name\":\"cp-1\",\"labels\":{\"node-role.kubernetes.io/control-plane\":\"\"}},"
		"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}},"
		POD("a", "w-2", "", "Running"));
	CLEANUP_STRV struct strv names = STRV_INIT, pods = STRV_INIT;

	strv_add(&names, "w-1");
	assert_int_equal(leave_others(facts, &names), 1);
	strv_add(&names, "w-2");
	assert_int_equal(leave_others(facts, &names), 0);
	leave_pods(facts, "w-2", &pods);
	assert_int_equal(pods.n, 1);
	assert_string_equal(pods.v[0], "shop/a");
	assert_true(leave_is_known(facts, "w-3") && !leave_is_ready(facts, "w-3") && !leave_is_known(facts, "w-4"));
}

#define BUDGET(ns, name, allowed, selector)                                                                                      \
	"{\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\"},\"spec\":{\"selector\":"  \
	selector "},\"status\":{\"disruptionsAllowed\":" allowed ",\"desiredHealthy\":2,\"currentHealthy\":2}}"
#define WEB ",\"labels\":{\"app\":\"web\"}" OWNED("ReplicaSet")

static void test_blockers_are_named(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *facts =
		facts_of(POD("web-1", "w-1", WEB, "Running") "," POD("web-2", "w-2", WEB, "Running") "," POD("bare", "w-1", "", "Running") ","
			 BUDGET("shop", "web", "0", "{\"matchLabels\":{\"app\":\"web\"}}") ","
			 BUDGET("shop", "free", "1", "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}") "," BUDGET("other", "web", "0", "{}") ","
			 BUDGET("shop", "db", "0", "{\"matchLabels\":{\"app\":\"db\"}}"));
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	leave_blockers(facts, "w-1", &why);
	text = strv_join(&why, "|");
	assert_string_equal(text, "pod shop/web-1: the budget shop/web allows no disruption (2 of 2 healthy ones are needed)|"
				  "pod shop/web-1: Kubernetes evicts none that more than one budget guards (shop/web, shop/free)|"
				  "pod shop/bare: nothing makes it again elsewhere");
}

/* One that has a disruption left when all its pods are well does not count, nor does a lone pod. */
static void test_budgets_that_never_allow(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *facts =
		facts_of(POD("web-1", "w-1", WEB, "Running") "," POD("bare", "w-1", "", "Running") "," POD("db-1", "w-1", ",\"labels\":{\"app\":\"db\"}" OWNED("StatefulSet"), "Running") ","
			 BUDGET("shop", "web", "0,\"expectedPods\":2", "{\"matchLabels\":{\"app\":\"web\"}}") ","
			 BUDGET("shop", "db", "0,\"expectedPods\":3", "{\"matchLabels\":{\"app\":\"db\"}}"));
	CLEANUP_STRV struct strv why = STRV_INIT;

	leave_budgets(facts, "w-1", &why);
	assert_int_equal(why.n, 1);
	assert_string_equal(why.v[0], "pod shop/web-1: the budget shop/web allows no disruption (2 of 2 healthy ones are needed)");
	leave_obstacles(facts, "w-1", &why);
	assert_int_equal(why.n, 3);
	assert_string_equal(why.v[2], "pod shop/bare: nothing makes it again elsewhere");
}

static void test_selectors(void **state UNUSED)
{
	static const struct {
		const char *selector;
		bool matches;
	} cases[] = {
		{"{}", true},
		{"{\"matchLabels\":{\"a\":\"1\"}}", true},
		{"{\"matchLabels\":{\"a\":\"1\",\"b.c/d\":\"x\"}}", true},
		{"{\"matchLabels\":{\"a\":\"2\"}}", false},
		{"{\"matchLabels\":{\"z\":\"1\"}}", false},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"0\",\"1\"]}]}", true},
		{"{\"matchExpressions\":[{\"key\":\"z\",\"operator\":\"In\",\"values\":[\"1\"]}]}", false},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}", false},
		{"{\"matchExpressions\":[{\"key\":\"z\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}", true},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"},{\"key\":\"z\",\"operator\":\"DoesNotExist\"}]}", true},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"DoesNotExist\"}]}", false},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Gt\",\"values\":[\"0\"]}]}", false},
		{"[]", false},
	};
	static const char labels_text[] = "{\"a\":\"1\",\"b.c/d\":\"x\"}";
	CLEANUP_JSON struct json_object *labels = NULL;

	assert_success(json_parse(labels_text, strlen(labels_text), "labels", &labels, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_JSON struct json_object *selector = NULL;

		assert_success(json_parse(cases[i].selector, strlen(cases[i].selector), "selector", &selector, &test_error));
		if (selector_matches(selector, labels) != cases[i].matches)
			fail_msg("%s", cases[i].selector);
	}
	assert_false(selector_matches(NULL, labels));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_order),
		cmocka_unit_test(test_zones_are_kept_even),
		cmocka_unit_test(test_a_server_that_is_not_there_goes_first),
		cmocka_unit_test(test_who_would_be_left),
		cmocka_unit_test(test_blockers_are_named),
		cmocka_unit_test(test_budgets_that_never_allow),
		cmocka_unit_test(test_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
