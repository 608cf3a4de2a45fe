/* Which steps lead from one version of Kubernetes to another, which versions may meet, and what is told beforehand. */
#include "bootstrap/deprecated.h"
#include "bootstrap/leave.h"
#include "core/base/alloc.h"
#include "core/cluster/upgrade.h"
#include "core/cluster/version.h"
#include "manifests/gates.h"
#include "tests/unit/test.h"
#include <limits.h>

static void test_versions(void **state UNUSED)
{
	static const char *const none[] = {"", "v", "1", "1.", "v1.x.3", "1.36.", "1.36.x", "-1.36.3", "99999999999.1.1", " 1.36.3"};
	struct version a, b;

	assert_true(version_parse("v1.36.3", &a) && version_parse("1.36.3-rc.1+x", &b));
	assert_int_equal(version_compare(&a, &b), 0);
	assert_int_equal(a.major * 10000 + a.minor * 100 + a.patch, 13603);
	assert_true(version_parse("1.9", &b) && version_compare(&b, &a) < 0 && version_compare(&a, &b) > 0);
	assert_int_equal(version_minors(&b, &a), 27);
	assert_true(version_parse("1.36.10", &b) && version_compare(&a, &b) < 0);
	assert_true(version_parse("2.0.0", &b) && version_minors(&a, &b) == INT_MAX && version_minors(&b, &a) == -INT_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (version_parse(none[i], &a) || a.major != 0 || a.minor != 0 || a.patch != 0)
			fail_msg("\"%s\"", none[i]);
}

static void assert_refusals(const char *api, const char *target, const char *kubelet, const char *expected)
{
	const struct upgrade_node kubelets[] = {{"w-1", kubelet}};
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	upgrade_refusals(api, target, kubelets, kubelet != NULL, &why);
	text = strv_join(&why, "|");
	assert_string_equal(text, expected);
}

static void test_which_versions_may_meet(void **state UNUSED)
{
	assert_refusals("v1.35.4", "1.36.3", "v1.35.4", "");
	assert_refusals("v1.35.4", "1.35.5", "v1.35.4", "");
	assert_refusals("v1.36.3", "1.36.3", "v1.35.4", ""); /* gone on with, after the control plane */
	assert_refusals("v1.35.4", "1.37.0", NULL,
			"the API server is v1.35.4: it goes on by one minor version at a time, so that 1.36 comes before 1.37.0");
	assert_refusals("v1.36.3", "1.35.9", NULL, "the API server is v1.36.3: Kubernetes does not go back to 1.35.9");
	assert_refusals("v1.36.3", "1.36.2", NULL, "the API server is v1.36.3: Kubernetes does not go back to 1.36.2");
	assert_refusals("v1.36.3", "2.0.0", NULL, "the API server is v1.36.3: there is no way to 2.0.0");
	assert_refusals("v1.35.4", "1.36.3", "v1.33.0", "");
	assert_refusals("v1.35.4", "1.36.3", "v1.32.9",
			"the kubelet of w-1 is v1.32.9, more than 3 minor versions behind 1.36.3: it comes first");
	assert_refusals("v1.36.1", "1.36.3", "v1.36.4", "the kubelet of w-1 is v1.36.4, newer than the API server would be: none may be");
	assert_refusals("v1.35.4", "1.36.3", "", "the kubelet of w-1 tells no version that is known (\"\")");
	/* all at once */
	assert_refusals("v1.34.0", "1.36.3", "v1.37.0",
			"the API server is v1.34.0: it goes on by one minor version at a time, so that 1.35 comes before 1.36.3|"
			"the kubelet of w-1 is v1.37.0, newer than the API server would be: none may be");
}

static void test_engines_do_not_go_back(void **state UNUSED)
{
	const struct upgrade_node engines[] = {{"cp-1", "29.9.2"}, {"cp-2", "29.9.10"}, {"w-1", "dev"}};
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	upgrade_engine_refusals("30.1.0", engines, 2, &why);
	assert_int_equal(why.n, 0);
	upgrade_engine_refusals("29.9.3", engines, ARRAY_SIZE(engines), &why);
	text = strv_join(&why, "|");
	assert_string_equal(text, "the engine of cp-2 is 29.9.10: engines do not go back to 29.9.3|the engine of w-1 tells no version that is known (\"dev\")");
}

static void assert_mke(const char *mke, const char *target, const char *expected)
{
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	upgrade_mke_refusals(mke, target, &why);
	text = strv_join(&why, "|");
	assert_string_equal(text, expected);
}

static void test_which_versions_of_mke_follow(void **state UNUSED)
{
	assert_mke("3.8.4", "3.9.2", "");
	assert_mke("3.9.2", "3.9.7", "");
	assert_mke("3.9.2", "3.9.2", "");
	assert_mke("3.7.14", "3.9.2", "MKE is 3.7.14: it goes on by one minor version at a time, so that 3.8 comes before 3.9.2");
	assert_mke("3.9.2", "3.9.1", "MKE is 3.9.2: it does not go back to 3.9.1");
	assert_mke("3.9.2", "4.0.0", "MKE is 3.9.2: there is no way to 4.0.0");
	assert_mke("", "3.9.2", "MKE tells no version that is known (\"\")");
}

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  workerPools:\n"
			   "  - {name: w, count: 2, flavor: m1.small}\n  - {name: big, count: 1, flavor: m1.small}\n";

/* context: names of those that are done */
static bool is_done(const struct plan_node *p, void *context)
{
	return strv_has(context, p->node.name);
}

static void add_words(const struct upgrade_steps *steps, struct strv *words)
{
	for (size_t i = 0; i < steps->n; i++) {
		const struct plan_node *node = steps->items[i].node;

		strv_addf(words, "%s%s%s", upgrade_phase_name(steps->items[i].phase), node != NULL ? ":" : "", node != NULL ? node->node.name : "");
		if (steps->items[i].phase == UPGRADE_WORKER)
			strv_addf(words, "%zu", upgrade_pool_len(steps, i));
	}
}

static void assert_steps_of(unsigned parts, const char *done, const char *expected)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_UPGRADE_STEPS struct upgrade_steps steps = {0};
	CLEANUP_STRV struct strv names = STRV_INIT, words = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	strv_split(&names, done, " ");
	assert_success(spec_parse("c.yaml", file, strlen(file), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	upgrade_make_steps(plan, parts, is_done, &names, &steps);
	add_words(&steps, &words);
	text = strv_join(&words, " ");
	assert_string_equal(text, expected);
}

static void assert_steps(const char *done, const char *expected)
{
	assert_steps_of(UPGRADE_WITH_SNAPSHOT | UPGRADE_WITH_ADDONS, done, expected);
}

/* Of three managers, the one that leads. */
static void assert_last(const char *done, const char *last, const char *expected)
{
	CLEANUP_FREE char *found = NULL;
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_UPGRADE_STEPS struct upgrade_steps steps = {0};
	CLEANUP_STRV struct strv names = STRV_INIT, words = STRV_INIT;

	strv_split(&names, done, " ");
	assert_success(spec_parse("c.yaml", file, strlen(file), &spec, &test_error));
	spec->control_plane.count = 3;
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	upgrade_make_steps(plan, 0, is_done, &names, &steps);
	upgrade_put_last(&steps, last);
	add_words(&steps, &words);
	found = strv_join(&words, " ");
	assert_string_equal(found, expected);
}

static void test_who_leads_goes_last(void **state UNUSED)
{
	assert_last("demo-w-1 demo-w-2 demo-big-1", "demo-cp-1",
		    "bundle registry:demo-registry control-plane:demo-cp-2 control-plane:demo-cp-3 control-plane:demo-cp-1 retire");
	assert_last("demo-w-2 demo-big-1", "demo-cp-2",
		    "bundle registry:demo-registry control-plane:demo-cp-1 control-plane:demo-cp-3 control-plane:demo-cp-2 worker:demo-w-1 1 retire");
	assert_last("demo-cp-1 demo-w-1 demo-w-2 demo-big-1", "demo-cp-1", "bundle registry:demo-registry control-plane:demo-cp-2 control-plane:demo-cp-3 retire");
	assert_last("demo-cp-1 demo-cp-2 demo-cp-3 demo-w-1 demo-w-2 demo-big-1", NULL, "bundle registry:demo-registry retire");
}

static void test_the_order(void **state UNUSED)
{
	assert_steps("", "bundle registry:demo-registry snapshot control-plane:demo-cp-1 add-ons worker:demo-w-1 2 worker:demo-w-2 1 "
			 "worker:demo-big-1 1 retire");
	assert_steps("demo-cp-1", "bundle registry:demo-registry add-ons worker:demo-w-1 2 worker:demo-w-2 1 worker:demo-big-1 1 retire");
	assert_steps("demo-cp-1 demo-w-1", "bundle registry:demo-registry add-ons worker:demo-w-2 1 worker:demo-big-1 1 retire");
	assert_steps("demo-cp-1 demo-w-1 demo-w-2 demo-big-1", "bundle registry:demo-registry add-ons retire");
}

/* Of MKE, whose own command comes when all nodes are through, and after a backup in any case. */
static void test_the_order_with_mke(void **state UNUSED)
{
	assert_steps_of(UPGRADE_WITH_SNAPSHOT | UPGRADE_WITH_WHOLE, "demo-w-2",
			"bundle registry:demo-registry snapshot control-plane:demo-cp-1 worker:demo-w-1 1 worker:demo-big-1 1 mke retire");
	assert_steps_of(UPGRADE_WITH_SNAPSHOT | UPGRADE_WITH_WHOLE, "demo-cp-1 demo-w-1 demo-w-2 demo-big-1", "bundle registry:demo-registry snapshot mke retire");
	assert_steps_of(UPGRADE_WITH_SNAPSHOT, "demo-w-1 demo-w-2 demo-big-1", "bundle registry:demo-registry snapshot control-plane:demo-cp-1 retire");
	assert_steps_of(UPGRADE_WITH_SNAPSHOT, "demo-cp-1 demo-w-1 demo-w-2 demo-big-1", "bundle registry:demo-registry retire");
}

#define ASKED(group, version, resource, removed)                                                                                 \
	"apiserver_requested_deprecated_apis{group=\"" group "\",removed_release=\"" removed "\",resource=\"" resource             \
	"\",subresource=\"\",version=\"" version "\"} 1\n"

static void test_apis_that_are_gone(void **state UNUSED)
{
	static const char metrics[] = "# HELP apiserver_requested_deprecated_apis …\n" ASKED("", "v1", "componentstatuses", "")
		ASKED("a.k8s.io", "v1beta1", "things", "1.36") ASKED("a.k8s.io", "v1beta1", "things", "1.36")
			ASKED("b.k8s.io", "v1", "later", "1.37") ASKED("", "v1", "core\\\"}s", "1.9") "apiserver_requested_deprecated_apis{";
	CLEANUP_STRV struct strv found = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	deprecated_apis(metrics, "1.36.3", &found);
	text = strv_join(&found, "|");
	assert_string_equal(text, "a.k8s.io/v1beta1 things (gone with 1.36)|v1 core\"}s (gone with 1.9)");
}

#define BUDGET(name, allowed, desired, expected)                                                                                 \
	"{\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\"},\"spec\":{\"selector\":"     \
	"{\"matchLabels\":{\"app\":\"" name "\"}}},\"status\":{\"disruptionsAllowed\":" allowed ",\"desiredHealthy\":" desired         \
	",\"currentHealthy\":2,\"expectedPods\":" expected "}}"
#define POD(name, owner)                                                                                                         \
	"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "-1\",\"labels\":{\"app\":\"" name "\"}" owner       \
	"},\"spec\":{\"nodeName\":\"w-1\"},\"status\":{\"phase\":\"Running\"}}"
#define OWNED ",\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"controller\":true}]"

/* A budget that is short of healthy pods now allows one later; one that wants all of them never does. */
static void test_what_stands_in_the_way_for_good(void **state UNUSED)
{
	static const char text[] = "{\"items\":[" POD("short", OWNED) "," POD("never", OWNED) "," POD("fine", OWNED) "," POD("bare", "") ","
		BUDGET("short", "0", "2", "3") "," BUDGET("never", "0", "3", "3") "," BUDGET("fine", "1", "1", "2") "]}";
	CLEANUP_JSON struct json_object *facts = NULL;
	CLEANUP_STRV struct strv why = STRV_INIT, now = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	assert_success(json_parse(text, strlen(text), "facts", &facts, &test_error));
	leave_obstacles(facts, "w-1", &why);
	joined = strv_join(&why, "|");
	assert_string_equal(joined, "pod shop/never-1: the budget shop/never allows no disruption (3 of 2 healthy ones are needed)|"
				    "pod shop/bare-1: nothing makes it again elsewhere");
	leave_blockers(facts, "w-1", &now);
	assert_int_equal(now.n, 3);
}

static void test_gates_that_are_refused(void **state UNUSED)
{
	static const char text[] = "{\"featureGates\":{\"MemoryManager\":true,\"NodeLogQuery\":false,\"ImageVolume\":true,\"GitRepoVolumeDriver\":true,"
				   "\"SomethingNew\":true},\"maxPods\":9}";
	CLEANUP_JSON struct json_object *settings = NULL;
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	assert_success(json_parse(text, strlen(text), "settings", &settings, &test_error));
	gates_refused(NULL, "1.36.3", &why);
	gates_refused(settings, "1.35.9", &why);
	assert_int_equal(why.n, 0);
	gates_refused(settings, "1.36.0", &why);
	joined = strv_join(&why, "|");
	assert_string_equal(joined, "MemoryManager: 1.36 no longer knows it|GitRepoVolumeDriver: always false from 1.36 on|"
				    "NodeLogQuery: always true from 1.36 on");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),	   cmocka_unit_test(test_which_versions_may_meet),
		cmocka_unit_test(test_the_order), cmocka_unit_test(test_the_order_with_mke), cmocka_unit_test(test_which_versions_of_mke_follow), cmocka_unit_test(test_who_leads_goes_last), cmocka_unit_test(test_engines_do_not_go_back),	   cmocka_unit_test(test_apis_that_are_gone),
		cmocka_unit_test(test_what_stands_in_the_way_for_good),
		cmocka_unit_test(test_gates_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
