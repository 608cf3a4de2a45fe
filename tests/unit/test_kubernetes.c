#include "bootstrap/boot.h"
#include "bootstrap/claims.h"
#include "bootstrap/kubectl.h"
#include "bootstrap/nodes.h"
#include "bootstrap/published.h"
#include "bootstrap/remote.h"
#include "bootstrap/renewal.h"
#include "bootstrap/rollout.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "tests/unit/test.h"

#define FILE_TEXT                                                                                                                \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                    \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n"                                                  \
	"  workerPools: [{name: w, count: 2, flavor: m1.small, labels: {tier: a}, taints: ['gpu=yes:NoSchedule']}]\n"

static void states_of(const struct plan *plan, const char *json, struct node_states *ret)
{
	CLEANUP_JSON struct json_object *list = NULL;

	assert_success(json_parse(json, strlen(json), "test", &list, &test_error));
	assert_success(node_states_read(plan, NULL, list, ret, &test_error));
}

#define END "for job in $jobs; do wait \"$job\" || status=1; done\nexit $status\n"
#define READY "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}"
#define CP_LABELS "\"labels\":{\"node-role.kubernetes.io/control-plane\":\"\",\"davit.dev/pool\":\"control-plane\"}"
#define CP_TAINTS "\"spec\":{\"taints\":[{\"key\":\"node-role.kubernetes.io/control-plane\",\"effect\":\"NoSchedule\"}]}"
#define W_LABELS "\"labels\":{\"tier\":\"a\",\"davit.dev/pool\":\"w\"}"
#define W_TAINTS "\"spec\":{\"taints\":[{\"key\":\"gpu\",\"value\":\"yes\",\"effect\":\"NoSchedule\"}]}"
#define NODE(name, labels, taints, status) "{\"metadata\":{\"name\":\"" name "\"," labels "}," taints "," status "}"

static void check_script(const struct plan *plan, const char *json, bool done, const char *script, const char *why)
{
	struct node_states states = {0};
	CLEANUP_BUF struct buf found = BUF_INIT;
	CLEANUP_FREE char *found_why = NULL;
	size_t n = 0;

	states_of(plan, json, &states);
	assert_int_equal(node_states_done(&states), done);
	node_states_script(&states, 60, &found);
	assert_string_equal(buf_str(&found), script);
	found_why = node_states_why(&states, &n);
	assert_string_equal(found_why, why);
	node_states_free(&states);
}

static void check_standing(struct json_object *list, const char *name, const char *want)
{
	const char *found = node_standing(node_find(list, name));

	if (want == NULL)
		assert_null(found);
	else
		assert_string_equal(found, want);
}

static void test_how_a_node_stands(void **state UNUSED)
{
	static const char text[] = "{\"items\":[{\"metadata\":{\"name\":\"a\"}," READY "},{\"metadata\":{\"name\":\"b\"},\"spec\":{\"unschedulable\":true}," READY "},"
				   "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"unschedulable\":true},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}]}},"
				   "{\"metadata\":{\"name\":\"d\"}}]}";
	CLEANUP_JSON struct json_object *list = NULL;

	assert_success(json_parse(text, strlen(text), "test", &list, &test_error));
	check_standing(list, "a", "Ready");
	check_standing(list, "b", "Ready,cordoned");
	check_standing(list, "c", "NotReady,cordoned");
	check_standing(list, "d", NULL);
	check_standing(list, "e", NULL);
	check_standing(NULL, "a", NULL);
}

/* What a kubelet said before the start does not count. */
static void test_ready_since_a_start(void **state UNUSED)
{
	static const struct {
		const char *status, *heard;
		bool ready;
	} cases[] = {{"True", "2026-11-22T10:00:01Z", true},
		     {"True", "2026-11-22T09:59:59Z", true}, /* clocks are read one after the other */
		     {"True", "2026-11-22T09:59:50Z", false},
		     {"Unknown", "2026-11-22T10:00:05Z", false},
		     {"True", "", false}};
	struct boot b = {.wall_ms = 0};

	assert_true(clock_parse("2026-11-22T10:00:00Z", &b.wall_ms));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *text = xasprintf("{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\",\"lastHeartbeatTime\":\"%s\"}]}}",
						    cases[i].status, cases[i].heard);
		CLEANUP_JSON struct json_object *node = NULL;

		assert_success(json_parse(text, strlen(text), "test", &node, &test_error));
		assert_int_equal(boot_is_ready(&b, node), cases[i].ready);
	}
	assert_false(boot_is_ready(&b, NULL));
}

/* Those of a pool, quoted for the shell; one that is right already is left alone. */
static void test_annotations(void **state UNUSED)
{
	static const char text[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
				   "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n"
				   "  workerPools: [{name: w, count: 2, flavor: m1.small, annotations: {a/b: \"it's = $1\", c: ''}}]\n";
	static const char nodes[] = "{\"items\":[" NODE("demo-cp-1", CP_LABELS, CP_TAINTS, READY) ",{\"metadata\":{\"name\":\"demo-w-1\",\"labels\":{\"davit.dev/pool\":\"w\"},"
				    "\"annotations\":{\"a/b\":\"it's = $1\",\"c\":\"\",\"other\":\"stays\"}}," READY "},{\"metadata\":{\"name\":\"demo-w-2\",\"labels\":"
				    "{\"davit.dev/pool\":\"w\"},\"annotations\":{\"a/b\":\"old\",\"c\":\"\"}}," READY "}]}";
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	check_script(plan, nodes, false,
		     "jobs=\n$k annotate --overwrite node demo-w-2 'a/b=it'\\''s = $1' >/dev/null </dev/null &\njobs=\"$jobs $!\"\nstatus=0\n" END, "");
}

static void test_nodes(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;

	assert_success(spec_parse("c.yaml", FILE_TEXT, strlen(FILE_TEXT), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	check_script(plan,
		     "{\"items\":[" NODE("demo-cp-1", CP_LABELS, CP_TAINTS, READY) "," NODE(
			     "demo-w-1", W_LABELS, W_TAINTS, READY) "," NODE("demo-w-2", W_LABELS, W_TAINTS, READY) "]}",
		     true, "jobs=\nstatus=0\n" END, "");
	check_script(
		plan, "{\"items\":[]}", false,
		"jobs=\n$k wait --for=create --timeout=60s node/demo-cp-1 node/demo-w-1 node/demo-w-2 >/dev/null </dev/null || "
		"exit\n"
		"$k label --overwrite node demo-cp-1 'node-role.kubernetes.io/control-plane=' "
		"'davit.dev/pool=control-plane' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
		"$k label --overwrite node demo-w-1 demo-w-2 'davit.dev/pool=w' 'tier=a' >/dev/null </dev/null &\njobs=\"$jobs "
		"$!\"\n"
		"$k taint --overwrite node demo-cp-1 'node-role.kubernetes.io/control-plane:NoSchedule' >/dev/null </dev/null "
		"&\njobs=\"$jobs $!\"\n"
		"$k taint --overwrite node demo-w-1 demo-w-2 'gpu=yes:NoSchedule' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
		"status=0\n$k wait --for=condition=Ready --timeout=60s node/demo-cp-1 node/demo-w-1 node/demo-w-2 </dev/null || "
		"status=1\n" END,
		"demo-cp-1 has not registered (see: davit ssh demo-cp-1 sudo journalctl -u kubelet -n 30); "
		"demo-w-1 has not registered (see: davit ssh demo-w-1 sudo journalctl -u kubelet -n 30); "
		"demo-w-2 has not registered (see: davit ssh demo-w-2 sudo journalctl -u kubelet -n 30)");
	plan->nodes[plan->n_nodes - 1].node.cloud = NODE_FAILED;
	check_script(plan,
		     "{\"items\":[" NODE("demo-cp-1", CP_LABELS, CP_TAINTS, READY) "," NODE(
			     "demo-w-1", "\"labels\":{\"tier\":\"b\",\"davit.dev/pool\":\"w\"}", W_TAINTS,
			     "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":"
			     "\"KubeletNotReady\",\"message\":\"no CNI\"}]}") "]}",
		     false,
		     "jobs=\n$k label --overwrite node demo-w-1 'tier=a' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
		     "status=0\n$k wait --for=condition=Ready --timeout=60s node/demo-w-1 </dev/null || status=1\n" END,
		     "demo-w-1: KubeletNotReady: no CNI");
}

static void test_nodes_refuses(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_JSON struct json_object *list = json_object_new_object();
	struct node_states states = {0};

	assert_success(spec_parse("c.yaml", FILE_TEXT, strlen(FILE_TEXT), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	assert_failure(node_states_read(plan, NULL, list, &states, &test_error), "kubectl get nodes: ");
}

#define OURS "\"managedFields\":[{\"manager\":\"davit\",\"operation\":\"Apply\"}]"
#define DEPLOYMENT(name, managed, generation, available)                                                                         \
	"{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"kube-system\",\"generation\":2," managed   \
	"},"                                                                                                                     \
	"\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":" generation                                               \
	",\"updatedReplicas\":2,\"availableReplicas\":" available "}}"

static void test_rollout(void **state UNUSED)
{
	static const char json[] =
		"{\"items\":[" DEPLOYMENT("out", OURS, "2", "2") "," DEPLOYMENT("late", OURS, "2", "1") "," DEPLOYMENT(
			"unseen", OURS, "1",
			"2") "," DEPLOYMENT("theirs", "\"managedFields\":[{\"manager\":\"kubectl\"}]", "1",
					    "0") ","
						 "{\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"set\",\"namespace\":\"x\","
						 "\"generation\":1," OURS "},"
						 "\"status\":{\"observedGeneration\":1,\"desiredNumberScheduled\":3,"
						 "\"updatedNumberScheduled\":3,\"numberAvailable\":2}}]}";
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_STRV struct strv waiting = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	assert_success(json_parse(json, strlen(json), "test", &list, &test_error));
	assert_success(rollout_waiting(list, &waiting, &test_error));
	joined = strv_join(&waiting, "|");
	assert_string_equal(joined, "deployment/late -n kube-system|deployment/unseen -n kube-system|daemonset/set -n x");
}

/* Those whose pods have a token, and with it the authorities: davit's own, or all others. */
static void test_workloads_that_know_authorities(void **state UNUSED)
{
#define WORKLOAD(kind, name, managed, more)                                                                                      \
	"{\"kind\":\"" kind "\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"x\"," managed "},\"spec\":{\"template\":{\"spec\":{" more "}}}}"
	static const char json[] = "{\"items\":[" WORKLOAD("Deployment", "ours", OURS, "") "," WORKLOAD("DaemonSet", "set", "\"a\":1", "") "," WORKLOAD(
		"StatefulSet", "db", "\"a\":1", "") "," WORKLOAD("Deployment", "without", "\"a\":1", "\"automountServiceAccountToken\":false") "," WORKLOAD("Pod", "p", "\"a\":1", "") "]}";
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_STRV struct strv ours = STRV_INIT, others = STRV_INIT;
	CLEANUP_FREE char *a = NULL, *b = NULL;

	assert_success(json_parse(json, strlen(json), "test", &list, &test_error));
	published_workloads(list, false, &ours);
	published_workloads(list, true, &others);
	a = strv_join(&ours, "|");
	b = strv_join(&others, "|");
	assert_string_equal(a, "deployment/ours -n x");
	assert_string_equal(b, "daemonset/set -n x|statefulset/db -n x");
}

/* What is out is not waited for, nor what nobody but a person begins again. */
static void test_workloads_that_begin_again(void **state UNUSED)
{
#define SET(name, strategy, updated)                                                                                             \
	"{\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"x\",\"generation\":2},"                        \
	"\"spec\":{\"replicas\":2,\"updateStrategy\":{\"type\":\"" strategy "\"}},"                                                 \
	"\"status\":{\"observedGeneration\":2,\"updatedReplicas\":" updated ",\"availableReplicas\":2}}"
	static const char json[] = "{\"items\":[" SET("out", "RollingUpdate", "2") "," SET("late", "RollingUpdate", "1") "," SET("by-hand", "OnDelete", "0") "]}";
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_STRV struct strv ours = STRV_INIT, others = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	assert_success(json_parse(json, strlen(json), "test", &list, &test_error));
	published_waiting(list, false, &ours);
	assert_int_equal(ours.n, 0);
	published_waiting(list, true, &others);
	names = strv_join(&others, "|");
	assert_string_equal(names, "statefulset/late -n x");
}

static void test_published_everywhere(void **state UNUSED)
{
	static const struct {
		const char *json;
		bool is;
	} rows[] = {{"{\"items\":[]}", false},
		    {"{\"items\":[{\"data\":{\"ca.crt\":\"new\"}},{\"data\":{\"ca.crt\":\"new\"}}]}", true},
		    {"{\"items\":[{\"data\":{\"ca.crt\":\"new\"}},{\"data\":{\"ca.crt\":\"old\"}}]}", false},
		    {"{\"items\":[{\"data\":{\"ca.crt\":\"new\"}},{}]}", false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_JSON struct json_object *list = NULL;

		assert_success(json_parse(rows[i].json, strlen(rows[i].json), "test", &list, &test_error));
		assert_int_equal(published_everywhere(list, "new"), rows[i].is);
	}
}

static void test_what_control_planes_sign_anew(void **state UNUSED)
{
	struct json_object *data = json_object_new_object(), *map;
	CLEANUP_JSON struct json_object *maps = json_object_new_array(), *list = NULL;

	json_add_str(data, "kubelet", "PEM");
	json_object_array_add(maps, renewal_map("demo-w-1", data));
	list = renewal_list(maps);
	assert_int_equal(json_len(json_at(list, "items")), 4);
	assert_string_equal(json_get_str(json_object_array_get_idx(json_at(list, "items"), 0), "kind", ""), "Namespace");
	assert_string_equal(json_get_str(json_object_array_get_idx(json_at(list, "items"), 1), "rules[0].verbs[0]", ""), "get");
	assert_string_equal(json_get_str(json_object_array_get_idx(json_at(list, "items"), 2), "subjects[0].name", ""), "system:nodes");
	map = json_object_array_get_idx(json_at(list, "items"), 3);
	assert_string_equal(json_get_str(map, "metadata.name", ""), "demo-w-1");
	assert_string_equal(json_get_str(map, "metadata.namespace", ""), "davit-certificates");
	assert_string_equal(json_get_str(map, "data.kubelet", ""), "PEM");
}

static void test_claims(void **state UNUSED)
{
#define VOLUME(id, driver, by, policy)                                                                                           \
	"{\"metadata\":{\"annotations\":{\"pv.kubernetes.io/provisioned-by\":\"" by "\"}},\"spec\":{\"csi\":{\"driver\":\"" driver        \
	"\",\"volumeHandle\":\"" id "\"},\"persistentVolumeReclaimPolicy\":\"" policy "\"}}"
#define CINDER "cinder.csi.openstack.org"
	static const char volumes[] = "{\"items\":[" VOLUME("v1", CINDER, CINDER, "Delete") "," VOLUME("retained", CINDER, CINDER, "Retain") "," VOLUME(
		"by hand", CINDER, "", "Delete") "," VOLUME("other", "nfs", "nfs", "Delete") ",{\"spec\":{}},{}]}";
	static const char services[] = "{\"items\":[{\"metadata\":{\"uid\":\"u1\"},\"spec\":{\"type\":\"LoadBalancer\"}},"
				       "{\"metadata\":{\"uid\":\"u2\"},\"spec\":{\"type\":\"ClusterIP\"}},{}]}";
	CLEANUP_JSON struct json_object *v = NULL, *s = NULL;
	CLEANUP_STRV struct strv ids = STRV_INIT;
	CLEANUP_FREE char *found = NULL;

	assert_success(json_parse(volumes, strlen(volumes), "volumes", &v, &test_error));
	assert_success(json_parse(services, strlen(services), "services", &s, &test_error));
	claims_volumes(v, &ids);
	claims_services(s, &ids);
	found = strv_join(&ids, " ");
	assert_string_equal(found, "v1 u1");
}

static void test_kubectl_words(void **state UNUSED)
{
	CLEANUP_FREE char *words = remote_words("a\nb\n\nc\ne\n");

	assert_string_equal(words, "b; c; e");
	assert_true(kubectl_passing("The connection to the server 127.0.0.1:6443 was refused - connection refused\n"));
	assert_true(kubectl_passing("Error from server (Forbidden): nodes is forbidden: User \"x\" cannot list\n"));
	assert_false(kubectl_passing("error: no matches for kind \"X\" in version \"v1\"\n"));
	assert_false(kubectl_passing(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_a_node_stands),
		cmocka_unit_test(test_ready_since_a_start),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_nodes_refuses),
		cmocka_unit_test(test_rollout),
		cmocka_unit_test(test_workloads_that_know_authorities),
		cmocka_unit_test(test_workloads_that_begin_again),
		cmocka_unit_test(test_published_everywhere),
		cmocka_unit_test(test_what_control_planes_sign_anew),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_kubectl_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
