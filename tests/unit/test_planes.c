/* Clusters with several control planes: who begins etcd and who joins it, and the way from workers to the API. */
#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "manifests/manifests.h"
#include "pki/table.h"
#include "registry/catalogue.h"
#include "tests/unit/test.h"
#include <unistd.h>

struct fixture {
	char *folder;
	struct state *state;
	struct spec *spec;
	struct plan *plan;
};

/* The file with so many control planes, and these lines besides. */
static void plan_with(struct fixture *f, int count, const char *more)
{
	CLEANUP_FREE char *text = xasprintf("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
					    "  platform: {version: 1.36.3}\n  openstack: {image: debian-12}\n"
					    "  controlPlane: {count: %d, flavor: m1.small}\n"
					    "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n%s",
					    count, more);

	plan_free(f->plan);
	spec_free(f->spec);
	f->spec = NULL;
	assert_success(spec_parse("c.yaml", text, strlen(text), &f->spec, &test_error));
	assert_success(plan_make(f->spec, NULL, &f->plan, &test_error));
}

static void plan_of(struct fixture *f, int count)
{
	plan_with(f, count, "");
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->folder = xasprintf("%s/davit-planes-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	assert_success(path_remove_tree(f->folder, &test_error));
	assert_success(state_open(f->folder, "demo", STATE_WRITE, &f->state, &test_error));
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	plan_free(f->plan);
	spec_free(f->spec);
	state_close(f->state);
	assert_success(path_remove_tree(f->folder, &test_error));
	free(f->folder);
	free(f);
	return 0;
}

static void starts(const struct fixture *f, const char *node, bool join, const char *members)
{
	CLEANUP_ETCD_START struct etcd_start s;
	CLEANUP_FREE char *joined = NULL;

	etcd_start(f->state, f->plan, node, &s);
	joined = strv_join(&s.members, ", ");
	assert_string_equal(joined, members);
	assert_int_equal(s.join, join);
}

#define CP1 "demo-cp-1 10.6.0.10"
#define CP2 "demo-cp-2 10.6.0.11"
#define CP3 "demo-cp-3 10.6.0.12"

static void test_three_begin_together(void **state)
{
	struct fixture *f = *state;

	plan_of(f, 3);
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3); /* as `plan` and `render` show it */
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	/* before it had a quorum, a server that is made anew may not wait for one */
	assert_success(etcd_is_new(f->state, "demo-cp-2", &test_error));
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3);
	assert_success(etcd_has_formed(f->state, &test_error));
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3); /* the same ever after: nothing differs */
}

static void test_one_that_lost_its_data_joins(void **state)
{
	struct fixture *f = *state;

	plan_of(f, 3);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_has_formed(f->state, &test_error));
	assert_success(etcd_is_new(f->state, "demo-cp-1", &test_error));
	starts(f, "demo-cp-1", true, CP2 ", " CP3);
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3);
}

static void test_more_join_one_that_is_there(void **state)
{
	struct fixture *f = *state;

	plan_of(f, 1);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_has_formed(f->state, &test_error));
	plan_of(f, 3);
	starts(f, "demo-cp-1", false, CP1);
	starts(f, "demo-cp-2", true, CP1 ", " CP3);
	/* back, and again: a name that had a member once has none any more */
	plan_of(f, 1);
	starts(f, "demo-cp-1", false, CP1);
	plan_of(f, 3);
	assert_success(etcd_is_new(f->state, "demo-cp-3", &test_error));
	starts(f, "demo-cp-3", true, CP1 ", " CP2);
}

/* Its state says nothing of members. */
static void test_a_cluster_of_an_older_davit_has_one(void **state)
{
	struct fixture *f = *state;

	assert_success(state_set(f->state, "applied:demo-cp-1", "0123", &test_error));
	plan_of(f, 3);
	starts(f, "demo-cp-1", false, CP1);
	starts(f, "demo-cp-2", true, CP1 ", " CP3);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_is_new(f->state, "demo-cp-1", &test_error)); /* it had formed */
	starts(f, "demo-cp-1", true, CP2 ", " CP3);
}

static void test_the_only_one_begins_anew(void **state)
{
	struct fixture *f = *state;

	plan_of(f, 1);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_has_formed(f->state, &test_error));
	assert_success(etcd_is_new(f->state, "demo-cp-1", &test_error));
	starts(f, "demo-cp-1", false, CP1);
}

/* Nobody is left whom they could join. */
static void test_all_that_lost_their_data_begin_anew(void **state)
{
	struct fixture *f = *state;

	plan_of(f, 3);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_has_formed(f->state, &test_error));
	for (int i = 1; i <= 3; i++) {
		CLEANUP_FREE char *name = xasprintf("demo-cp-%d", i), *key = xasprintf("applied:%s", name);

		assert_success(etcd_is_new(f->state, name, &test_error));
		assert_success(state_set(f->state, key, "0123", &test_error));
	}
	assert_false(etcd_was_lost(f->state));
	assert_success(etcd_is_lost(f->state, f->plan, &test_error));
	assert_true(etcd_was_lost(f->state));
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	assert_success(etcd_is_new(f->state, "demo-cp-2", &test_error));
	starts(f, "demo-cp-2", false, CP1 ", " CP2 ", " CP3);
	assert_true(etcd_was_lost(f->state)); /* also after an interruption */
	assert_success(etcd_is_told(f->state, &test_error));
	assert_false(etcd_was_lost(f->state));
}

/* ---- the way from workers to the API */

static struct artifacts bundle;

static void render(struct fixture *f, const char *node, struct fileset *files)
{
	struct manifest_values values = {.registry_password = "0123456789abcdef",
					 .encryption_key = "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=",
					 .etcd_token = "7d1b6b0e-7a9c-4a43-9d2c-3b2f4a7f1c55",
					 .registry_ca = "-----BEGIN CERTIFICATE-----",
					 .artifacts = &bundle};
	CLEANUP_STRV struct strv units = STRV_INIT;

	etcd_start(f->state, f->plan, node, &values.etcd);
	assert_success(manifests_node(f->plan, &plan_find(f->plan, node)->node, &values, files, &units, &test_error));
	etcd_start_clear(&values.etcd);
}

static const char *text_of(const struct fileset *files, const char *path)
{
	const struct file *file = fileset_find(files, path);

	if (file == NULL)
		fail_msg("%s is not rendered", path);
	return buf_str(&file->content);
}

/* What the control planes alone have, and only where the file says so. */
static void test_what_control_planes_do_besides(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FILESET struct fileset files = FILESET_INIT, others = FILESET_INIT;
	CLEANUP_STRV struct strv units = STRV_INIT, plain = STRV_INIT;

	plan_with(f, 3, "  api: {endpoint: vip}\n  etcd: {snapshots: {schedule: \"*-*-* 03:00\", keep: 3}}\n");
	render(f, "demo-cp-2", &files);
	assert_non_null(strstr(text_of(&files, "/opt/davit/libexec/vip"), "\naddress='10.6.0.7'\nnode='10.6.0.11'\n"));
	assert_non_null(strstr(text_of(&files, "/etc/systemd/system/davit-etcd-snapshot.timer"), "\nOnCalendar=*-*-* 03:00\n"));
	assert_non_null(strstr(text_of(&files, "/opt/davit/libexec/etcd-snapshot"), "\nkeep='3'\n"));
	manifests_units(f->plan, &plan_find(f->plan, "demo-cp-2")->node, &units);
	assert_true(strv_has(&units, "davit-vip.service"));
	assert_true(strv_has(&units, "davit-etcd-snapshot.timer"));
	assert_non_null(fileset_find(&files, "/etc/systemd/system/davit-etcd-snapshot.service"));
	assert_false(strv_has(&units, "davit-etcd-snapshot.service")); /* the timer starts it */
	render(f, "demo-w-1", &others);
	assert_null(fileset_find(&others, "/opt/davit/libexec/vip"));
	plan_of(f, 3);
	manifests_units(f->plan, &plan_find(f->plan, "demo-cp-2")->node, &plain);
	assert_false(strv_has(&plain, "davit-vip.service"));
	assert_false(strv_has(&plain, "davit-etcd-snapshot.timer"));
}

static void test_workers_have_a_balancer(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_JSON struct json_object *pod = NULL;
	const char *config, *text;

	plan_of(f, 3);
	render(f, "demo-w-1", &files);
	config = text_of(&files, "/etc/davit/haproxy.cfg");
	assert_non_null(strstr(config, "\n  server demo-cp-1 10.6.0.10:6443\n  server demo-cp-2 10.6.0.11:6443\n  server demo-cp-3 10.6.0.12:6443\n"));
	assert_non_null(strstr(config, " check-ssl verify required ca-file /etc/kubernetes/pki/ca.crt inter 1s "));
	text = text_of(&files, "/etc/kubernetes/manifests/haproxy.json");
	assert_success(json_parse(text, strlen(text), "haproxy.json", &pod, &test_error));
	assert_string_equal(json_get_str(pod, "spec.containers[0].image", ""), "registry.davit.internal:5000/library/haproxy:3.2");
	assert_int_equal(strlen(json_get_key(json_at(pod, "metadata.annotations"), "davit.dev/config", "")), 64);
	assert_non_null(strstr(text_of(&files, "/var/lib/kubelet/config.yaml"), "\"staticPodPath\": \"/etc/kubernetes/manifests\""));
}

/* With one control plane there is nothing to balance; and a pod whose configuration changes is made anew. */
static void test_a_balancer_changes_with_the_control_planes(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FILESET struct fileset one = FILESET_INIT, three = FILESET_INIT, five = FILESET_INIT;

	plan_of(f, 1);
	render(f, "demo-w-1", &one);
	assert_null(fileset_find(&one, "/etc/davit/haproxy.cfg"));
	assert_null(fileset_find(&one, "/etc/kubernetes/manifests/haproxy.json"));
	assert_null(strstr(text_of(&one, "/var/lib/kubelet/config.yaml"), "staticPodPath"));
	plan_of(f, 3);
	render(f, "demo-w-1", &three);
	plan_of(f, 5);
	render(f, "demo-w-1", &five);
	assert_string_not_equal(text_of(&three, "/etc/kubernetes/manifests/haproxy.json"), text_of(&five, "/etc/kubernetes/manifests/haproxy.json"));
}

/* etcd reads it only where it has no data: a member that is added is no reason to begin again. */
static void test_members_are_in_no_unit(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FILESET struct fileset one = FILESET_INIT, three = FILESET_INIT;

	plan_of(f, 1);
	assert_success(etcd_decide(f->state, f->plan, &test_error));
	render(f, "demo-cp-1", &one);
	plan_of(f, 3);
	render(f, "demo-cp-1", &three);
	assert_string_equal(text_of(&one, ETCD_START_FILE), "new demo-cp-1 10.6.0.10\n" CP1 "\n");
	assert_string_equal(text_of(&three, ETCD_START_FILE), "new demo-cp-1 10.6.0.10\n" CP1 "\n");
	assert_string_equal(text_of(&one, "/etc/systemd/system/etcd.service"), text_of(&three, "/etc/systemd/system/etcd.service"));
	assert_null(strstr(text_of(&one, "/etc/systemd/system/etcd.service"), ETCD_START_FILE));
}

static void test_kubeconfigs_call_the_node_itself(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *plane = NULL, *worker = NULL, *alone = NULL;

	plan_of(f, 1);
	alone = table_server(f->plan, &plan_find(f->plan, "demo-w-1")->node);
	assert_string_equal(alone, "https://10.6.0.10:6443");
	plan_of(f, 3);
	plane = table_server(f->plan, &plan_find(f->plan, "demo-cp-2")->node);
	worker = table_server(f->plan, &plan_find(f->plan, "demo-w-1")->node);
	assert_string_equal(plane, "https://127.0.0.1:6443");
	assert_string_equal(worker, "https://127.0.0.1:6443");
}

static void test_bundles_hold_a_balancer_where_one_is_needed(void **state)
{
	struct fixture *f = *state;

	for (int count = 1; count <= 5; count += 2) {
		CLEANUP_CATALOGUE struct catalogue c = {0};
		bool has = false;

		plan_of(f, count);
		assert_success(catalogue_make(f->spec, &c, &test_error));
		for (size_t i = 0; i < c.images.n; i++)
			has = has || strncmp(c.images.v[i], "docker.io/library/haproxy:", 26) == 0;
		assert_int_equal(has, count > 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_three_begin_together, begin, end),
		cmocka_unit_test_setup_teardown(test_one_that_lost_its_data_joins, begin, end),
		cmocka_unit_test_setup_teardown(test_more_join_one_that_is_there, begin, end),
		cmocka_unit_test_setup_teardown(test_a_cluster_of_an_older_davit_has_one, begin, end),
		cmocka_unit_test_setup_teardown(test_the_only_one_begins_anew, begin, end),
		cmocka_unit_test_setup_teardown(test_all_that_lost_their_data_begin_anew, begin, end),
		cmocka_unit_test_setup_teardown(test_what_control_planes_do_besides, begin, end),
		cmocka_unit_test_setup_teardown(test_workers_have_a_balancer, begin, end),
		cmocka_unit_test_setup_teardown(test_a_balancer_changes_with_the_control_planes, begin, end),
		cmocka_unit_test_setup_teardown(test_members_are_in_no_unit, begin, end),
		cmocka_unit_test_setup_teardown(test_kubeconfigs_call_the_node_itself, begin, end),
		cmocka_unit_test_setup_teardown(test_bundles_hold_a_balancer_where_one_is_needed, begin, end),
	};
	int r;

	strv_split(&bundle.images, "pause:1 library/haproxy:3.2 coredns/coredns:1 metrics-server/metrics-server:1", " ");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	strv_free(&bundle.images);
	return r;
}
