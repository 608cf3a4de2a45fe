/* Labels, annotations and taints that the file drops: taken off the nodes, but for those that others have set. */
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/worn.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define FILE_OF(pools)                                                                                                           \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                       \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  workerPools:\n" pools
#define DRESSED FILE_OF("  - {name: w, count: 2, flavor: f, labels: {tier: a, rack: r1}, annotations: {a/b: 'x=-'}, taints: ['gpu=yes:NoSchedule', 'gpu:NoExecute']}\n")
#define BARE FILE_OF("  - {name: w, count: 2, flavor: f, labels: {tier: b}, taints: ['gpu=no:NoSchedule']}\n")
#define NODE(name, labels, taints)                                                                                               \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"davit.dev/pool\":\"w\"," labels "},\"annotations\":{\"a/b\":\"x=-\",\"other\":\"-\"}}," \
	"\"spec\":{\"taints\":[" taints "]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"

struct fixture {
	char *folder;
	struct state *state;
};

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->folder = xasprintf("%s/davit-worn-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	assert_success(path_remove_tree(f->folder, &test_error));
	assert_success(state_open(f->folder, "demo", STATE_WRITE, &f->state, &test_error));
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	state_close(f->state);
	assert_success(path_remove_tree(f->folder, &test_error));
	free(f->folder);
	free(f);
	return 0;
}

static struct spec *parsed(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

static void note(struct fixture *f, const char *text)
{
	CLEANUP_SPEC struct spec *s = parsed(text);

	assert_success(worn_note(s, f->state, &test_error));
}

static void settle(struct fixture *f, const char *text, bool failed)
{
	CLEANUP_SPEC struct spec *s = parsed(text);
	CLEANUP_PLAN struct plan *plan = NULL;

	assert_success(plan_make(s, NULL, &plan, &test_error));
	if (failed)
		plan->nodes[plan->n_nodes - 1].node.cloud = NODE_FAILED;
	assert_success(worn_settle(plan, f->state, &test_error));
}

/* What that file drops of pool w, by kind. */
static void check_dropped(struct fixture *f, const char *text, const char *labels, const char *annotations, const char *taints)
{
	const char *const expected[][2] = {{"label", labels}, {"annotation", annotations}, {"taint", taints}};
	CLEANUP_SPEC struct spec *s = parsed(text);
	CLEANUP_JSON struct json_object *worn = NULL;

	assert_success(worn_read(f->state, &worn, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		CLEANUP_STRV struct strv found = STRV_INIT;
		CLEANUP_FREE char *joined = NULL;

		worn_dropped(worn, &s->pools[0], expected[i][0], &found);
		joined = strv_join(&found, " ");
		assert_string_equal(joined, expected[i][1]);
	}
}

static void test_noted_until_it_is_off(void **state)
{
	struct fixture *f = *state;

	check_dropped(f, BARE, "", "", "");
	note(f, DRESSED);
	check_dropped(f, DRESSED, "", "", "");
	check_dropped(f, BARE, "rack", "a/b", "gpu:NoExecute");
	note(f, BARE); /* interrupted after this: still known */
	check_dropped(f, BARE, "rack", "a/b", "gpu:NoExecute");
	settle(f, BARE, true); /* one of its nodes was not there */
	check_dropped(f, BARE, "rack", "a/b", "gpu:NoExecute");
	settle(f, BARE, false);
	check_dropped(f, BARE, "", "", "");
	check_dropped(f, FILE_OF("  - {name: w, count: 2, flavor: f}\n"), "tier", "", "gpu:NoSchedule");
	settle(f, FILE_OF("  - {name: other, count: 0, flavor: f}\n"), false); /* w is gone */
	check_dropped(f, FILE_OF("  - {name: w, count: 2, flavor: f}\n"), "", "", "");
}

/* A davit that noted nothing left the file by which it labelled. */
static void test_older_state(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *copy = state_path(f->state, "cluster.yaml");

	assert_success(path_write(copy, DRESSED, strlen(DRESSED), 0600, &test_error));
	check_dropped(f, BARE, "rack", "a/b", "gpu:NoExecute");
	note(f, BARE);
	assert_success(path_write(copy, BARE, strlen(BARE), 0600, &test_error));
	check_dropped(f, BARE, "rack", "a/b", "gpu:NoExecute");
	assert_success(state_set(f->state, "worn", NULL, &test_error));
	assert_success(path_write(copy, "spec: [", 7, 0600, &test_error));
	check_dropped(f, BARE, "", "", "");
}

static void test_taken_off(void **state)
{
	static const char nodes[] =
		"{\"items\":[" NODE("demo-w-1", "\"tier\":\"b\",\"rack\":\"r1\",\"mine\":\"x\"",
				    "{\"key\":\"gpu\",\"value\":\"yes\",\"effect\":\"NoSchedule\"},{\"key\":\"gpu\",\"effect\":\"NoExecute\"}") ","
		NODE("demo-w-2", "\"tier\":\"b\"", "{\"key\":\"gpu\",\"value\":\"no\",\"effect\":\"NoSchedule\"},{\"key\":\"mine\",\"effect\":\"NoExecute\"}") "]}";
	struct fixture *f = *state;
	CLEANUP_SPEC struct spec *s = parsed(BARE);
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_JSON struct json_object *list = NULL, *worn = NULL;
	struct node_states states = {0};
	CLEANUP_BUF struct buf script = BUF_INIT;
	CLEANUP_FREE char *first = NULL, *second = NULL;

	note(f, DRESSED);
	assert_success(worn_read(f->state, &worn, &test_error));
	assert_success(plan_make(s, NULL, &plan, &test_error));
	plan->nodes[1].node.cloud = NODE_FAILED; /* the control plane is another test's */
	assert_success(json_parse(nodes, strlen(nodes), "test", &list, &test_error));
	assert_success(node_states_read(plan, worn, list, &states, &test_error));
	assert_int_equal(states.n, 2);
	assert_false(node_states_done(&states));
	node_states_script(&states, 60, &script);
	assert_string_equal(buf_str(&script), "jobs=\n"
					      "$k label --overwrite node demo-w-1 'rack-' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
					      "$k annotate --overwrite node demo-w-1 demo-w-2 'a/b-' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
					      "$k taint --overwrite node demo-w-1 'gpu=no:NoSchedule' 'gpu:NoExecute-' >/dev/null </dev/null &\njobs=\"$jobs $!\"\n"
					      "status=0\nfor job in $jobs; do wait \"$job\" || status=1; done\nexit $status\n");
	first = node_state_differs(&states.items[0]);
	second = node_state_differs(&states.items[1]);
	assert_string_equal(first, "has the label rack, which the file no longer wants; has the annotation a/b, which the file no longer wants; "
				   "lacks the taint gpu=no:NoSchedule; has the taint gpu:NoExecute, which the file no longer wants");
	assert_string_equal(second, "has the annotation a/b, which the file no longer wants");
	node_states_free(&states);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_noted_until_it_is_off, begin, end),
		cmocka_unit_test_setup_teardown(test_older_state, begin, end),
		cmocka_unit_test_setup_teardown(test_taken_off, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
