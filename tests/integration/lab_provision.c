/*
 * A cluster's resources in a real cloud: made, the control plane's root as a volume and the worker's as the image, looked at, broken behind davit's
 * back, repaired and removed; the project holds afterwards what it held before.  Needs $OS_CLOUD (`tests/lab/lab exec`), else it is skipped; prints times and calls of each part.
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "provision/kind.h"
#include "provision/provision.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <unistd.h>

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: provision}\nspec:\n"
			   "  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12, externalNetwork: public}\n"
			   "  network: {cidr: 10.61.0.0/24, dns: [9.9.9.9], plugin: none}\n"
			   "  controlPlane: {count: 1, flavor: m1.small, volume: {size: 8}}\n"
			   "  workerPools: [{name: w, count: 1, flavor: m1.small}]\n"
			   "  registry: {flavor: m1.small, volume: {size: 1}}\n";

static struct {
	struct cloud *cloud;
	struct spec *spec;
	struct plan *plan;
	struct state *state;
	struct inventory *inventory;
	struct events *events;
	struct buf public_key;
	char *folder, *before;
	int64_t began, call_began;
	uint64_t calls;
} lab;

static void show(const struct event *e, void *context UNUSED)
{
	static const char *const types[] = {"begin", "progress", "end", "fail"};

	printf("# %6.2f s  %-8s %-16s %s %s\n", (double)(e->at_ms - lab.began) / 1000, types[e->type], e->subject, e->phase,
	       e->text);
}

static void part_begins(const char *what)
{
	printf("# --- %s\n", what);
	lab.began = clock_ms();
	lab.calls = http_requests_total();
}

static void part_ends(const char *what)
{
	printf("# === %s: %.2f s, %llu calls\n", what, (double)(clock_ms() - lab.began) / 1000,
	       (unsigned long long)(http_requests_total() - lab.calls));
	fflush(stdout);
}

/* Ids of everything in the project, of whichever owner, one line each. */
static char *listing(void)
{
	CLEANUP_STRV struct strv all = STRV_INIT;

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const struct kind_info *k = kind_info((enum kind)kind);
		CLEANUP_JSON struct json_object *list = NULL;

		assert_success(cloud_list(lab.cloud, k->service, k->list, k->keys, NULL, &list, &test_error));
		for (size_t i = 0; i < json_len(list); i++) {
			struct json_object *o = json_object_array_get_idx(list, i);

			/* other tests may run at the same time: only what bears our name counts */
			if (strncmp(json_get_str(o, kind == KIND_KEYPAIR ? "keypair.name" : "name", ""), "provision", 9) == 0)
				strv_addf(&all, "%s %s", k->name,
					  json_get_str(o, kind == KIND_KEYPAIR ? "keypair.name" : "id", ""));
		}
	}
	strv_sort(&all);
	return strv_join(&all, "\n");
}

static void make_plan(void)
{
	assert_success(spec_parse("c.yaml", file, strlen(file), &lab.spec, &test_error));
	assert_success(plan_make(lab.spec, NULL, &lab.plan, &test_error));
	lab.inventory = inventory_new();
	for (size_t i = 0; i < lab.plan->n_nodes; i++)
		inventory_put(lab.inventory, &lab.plan->nodes[i].node);
}

static int remove_marked(const char *uuid, struct state *state, struct events *events, struct error **err)
{
	struct removal_job job = {.cloud = lab.cloud, .cluster = "provision", .uuid = uuid, .state = state, .events = events};

	return provision_remove(&job, err);
}

/* What earlier runs left that were ended in between. */
static void clean(void)
{
	static const enum kind kinds[] = {KIND_SERVER, KIND_VOLUME, KIND_PORT, KIND_NETWORK, KIND_GROUP};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		CLEANUP_JSON struct json_object *list = NULL;

		assert_success(cloud_list(lab.cloud, kind_info(kinds[k])->service, kind_info(kinds[k])->list,
					  kind_info(kinds[k])->keys, NULL, &list, &test_error));
		for (size_t i = 0; i < json_len(list); i++) {
			struct json_object *o = json_object_array_get_idx(list, i);
			const char *mark = json_get_str(o, "description", "");
			const char *uuid = strncmp(mark, "davit:", 6) == 0 ? mark + 6 : json_get_str(o, "metadata.davit", NULL);

			if (strncmp(json_get_str(o, "name", ""), "provision", 9) != 0 || uuid == NULL)
				continue;
			printf("# cleaning %s\n", uuid);
			assert_success(remove_marked(uuid, NULL, NULL, &test_error));
		}
	}
}

static int begin(void **state UNUSED)
{
	if (getenv("OS_CLOUD") == NULL) {
		print_message("there is no cloud here: run it by tests/lab/lab exec\n");
		_exit(77);
	}
	http_global_init();
	cancel_init();
	cancel_signals();
	log_init(getenv("DAVIT_DEBUG") != NULL ? LOG_DEBUG : LOG_WARNING, false);
	lab.folder = xasprintf("/tmp/davit-lab-provision-%d", (int)getpid());
	make_plan();
	assert_success(state_open(lab.folder, "provision", STATE_WRITE, &lab.state, &test_error));
	lab.events = events_new();
	events_listen(lab.events, show, NULL);
	buf_add(&lab.public_key, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1yWbdmvLp1RUMTRt3Vy0p1uH1Qh2yyZ0hZ0g8sR3Nn provision");
	part_begins("login");
	assert_success(cloud_open(NULL, &lab.cloud, &test_error));
	part_ends("login");
	clean();
	lab.before = listing();
	return 0;
}

static int end(void **state UNUSED)
{
	struct error *err = NULL;

	cancel_reset();
	if (lab.cloud != NULL && remove_marked(state_uuid(lab.state), lab.state, NULL, &err) < 0)
		print_error("%s\n", error_message(err));
	error_free(err);
	cloud_close(lab.cloud);
	inventory_free(lab.inventory);
	plan_free(lab.plan);
	spec_free(lab.spec);
	events_free(lab.events);
	state_close(lab.state);
	buf_free(&lab.public_key);
	free(lab.before);
	err = NULL;
	if (path_remove_tree(lab.folder, &err) < 0)
		print_error("%s\n", error_message(err));
	free(lab.folder);
	return 0;
}

static int user_data(void *context UNUSED, const struct plan_node *node, char **ret, struct error **err UNUSED)
{
	*ret = xasprintf("#cloud-config\nhostname: %s\n", node->node.name);
	return 0;
}

static int apply(const char *what)
{
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_FREE char *look = xasprintf("%s: look", what), *create = xasprintf("%s: create", what);
	struct provision_job job = {.cloud = lab.cloud,
				    .plan = lab.plan,
				    .state = lab.state,
				    .inventory = lab.inventory,
				    .events = lab.events,
				    .public_key = buf_str(&lab.public_key),
				    .user_data = user_data};
	int r;

	part_begins(look);
	assert_success(provision_look(lab.cloud, lab.plan, state_uuid(lab.state), &view, &test_error));
	part_ends(look);
	job.view = view;
	part_begins(create);
	r = provision_create(&job, &test_error);
	part_ends(create);
	return r;
}

static char *changes_text(void)
{
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT;
	struct changes changes = {0};

	assert_success(provision_look(lab.cloud, lab.plan, state_uuid(lab.state), &view, &test_error));
	assert_success(provision_compare(lab.plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++)
		buf_addf(&b, "%s %s: %s\n", changes.items[i].kind, changes.items[i].name,
			 changes.items[i].reason != NULL ? changes.items[i].reason : "create");
	changes_free(&changes);
	return buf_steal(&b);
}

static void test_makes_a_cluster(void **state UNUSED)
{
	CLEANUP_FREE char *text = NULL;
	struct node node = {0};

	assert_success(apply("first apply"));
	for (size_t i = 0; i < lab.plan->n_nodes; i++) {
		assert_true(inventory_get(lab.inventory, lab.plan->nodes[i].node.name, &node));
		printf("# %s %s %s %s\n", node.name, node.address, node.floating_ip != NULL ? node.floating_ip : "-",
		       node.fault != NULL ? node.fault : "");
		assert_int_equal(node.cloud, NODE_ACTIVE);
		node_clear(&node);
	}
	text = changes_text();
	assert_string_equal(text, "");
}

static void test_does_nothing_the_second_time(void **state UNUSED)
{
	uint64_t calls = http_requests_total();

	assert_success(apply("second apply"));
	assert_in_range(http_requests_total() - calls, 1, 14);
}

static void call(enum cloud_service service, const char *method, const char *path)
{
	struct cloud_call c = {.service = service, .method = method, .path = path, .retry = RETRY_A};
	struct json_object *answer = NULL;

	assert_success(cloud_call(lab.cloud, &c, &answer, NULL, NULL, &test_error));
	json_object_put(answer);
}

static void break_rule(void)
{
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_FREE char *path = NULL;

	assert_success(cloud_list(lab.cloud, CLOUD_NETWORK, "/security-groups?name=provision-registry", "security_groups", NULL,
				  &list, &test_error));
	for (size_t i = 0; i < json_len(json_at(list, "[0].security_group_rules")); i++) {
		struct json_object *rule = json_object_array_get_idx(json_at(list, "[0].security_group_rules"), i);

		if (json_get_int(rule, "port_range_min", 0) == 5000)
			path = xasprintf("/security-group-rules/%s", json_get_str(rule, "id", ""));
	}
	assert_non_null(path);
	call(CLOUD_NETWORK, "DELETE", path);
}

static void break_server(const char *name)
{
	CLEANUP_FREE char *id = state_id(lab.state, "server", name), *path = xasprintf("/servers/%s", id);
	struct cloud_call c = {.service = CLOUD_COMPUTE, .method = "GET", .path = path, .retry = RETRY_A, .not_found_ok = true};

	call(CLOUD_COMPUTE, "DELETE", path);
	for (int i = 0; i < 60; i++) {
		CLEANUP_JSON struct json_object *answer = NULL;

		assert_success(cloud_call(lab.cloud, &c, &answer, NULL, NULL, &test_error));
		if (answer == NULL)
			return;
		assert_success(cancel_sleep(500, &test_error));
	}
	fail_msg("server %s does not go", name);
}

static void test_repairs(void **state UNUSED)
{
	CLEANUP_FREE char *text = NULL, *after = NULL;

	break_rule();
	break_server("provision-w-1");
	text = changes_text();
	assert_string_equal(
		text, "security group provision-registry: lacks the rule \"tcp 5000 from node\"\nserver provision-w-1: create\n");
	assert_success(apply("repair"));
	after = changes_text();
	assert_string_equal(after, "");
}

static void test_removes_everything(void **state UNUSED)
{
	CLEANUP_FREE char *after = NULL;
	struct changes marked = {0};
	struct removal_job job = {.cloud = lab.cloud, .cluster = "provision", .uuid = state_uuid(lab.state)};

	part_begins("delete");
	assert_success(remove_marked(state_uuid(lab.state), lab.state, lab.events, &test_error));
	part_ends("delete");
	after = listing();
	assert_string_equal(after, lab.before);
	assert_success(provision_removal(&job, &marked, &test_error));
	assert_int_equal(marked.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_a_cluster),
		cmocka_unit_test(test_does_nothing_the_second_time),
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_removes_everything),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, begin, end);
}
