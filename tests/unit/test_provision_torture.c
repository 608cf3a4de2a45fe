/*
 * Creation and removal against the cloud in memory: whichever call fails, and however, running again ends with exactly what
 * the plan wants, nothing twice, and removing it leaves nothing but what belongs to others.
 */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"
#include <stdio.h>

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
			   "  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12}\n"
			   "  controlPlane: {count: 1, flavor: m1.small, volume: {size: 20}}\n"
			   "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n"
			   "  registry: {volume: {size: 5}}\n";

static const size_t wanted[KIND_COUNT] = {
	[KIND_KEYPAIR] = 1,	 [KIND_NETWORK] = 1, [KIND_SUBNET] = 1,	     [KIND_ROUTER] = 1, [KIND_GROUP] = 3,
	[KIND_SERVER_GROUP] = 2, [KIND_PORT] = 5,    [KIND_FLOATING_IP] = 1, [KIND_VOLUME] = 2, [KIND_SERVER] = 4};

static int begin(void **state)
{
	return cluster_setup(state, file);
}

static int drop(struct cluster *c, struct error **err)
{
	struct removal_job job = {
		.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	return provision_remove(&job, err);
}

static void assert_no_changes(struct cluster *c)
{
	CLEANUP_VIEW struct view *view = NULL;
	struct changes changes = {0};

	assert_success(provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, &test_error));
	assert_success(provision_compare(c->plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++)
		fail_msg("%s %s: %s", changes.items[i].kind, changes.items[i].name, changes.items[i].reason);
	changes_free(&changes);
}

static void assert_complete(struct cluster *c, size_t others)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (fake_count((enum kind)kind) != wanted[kind] + others)
			fail_msg("%zu %ss instead of %zu", fake_count((enum kind)kind), kind_info((enum kind)kind)->name,
				 wanted[kind] + others);
	assert_no_changes(c);
}

static void assert_empty(size_t others)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (fake_count((enum kind)kind) != others)
			fail_msg("%zu %ss are left, %zu of them are of others", fake_count((enum kind)kind),
				 kind_info((enum kind)kind)->name, others);
}

static void assert_state_knows(struct cluster *c, size_t n)
{
	struct resource *resources = NULL;
	size_t found = 0;

	assert_success(state_resources(c->state, &resources, &found, &test_error));
	assert_int_equal(found, n);
	for (size_t i = 0; i < found; i++)
		assert_non_null(resources[i].id);
	resource_list_free(resources, found);
}

static size_t all_wanted(void)
{
	size_t n = 0;

	for (int kind = 0; kind < KIND_COUNT; kind++)
		n += wanted[kind];
	return n;
}

static void test_makes_and_removes(void **state)
{
	struct cluster *c = *state;
	struct node node = {0};
	unsigned calls;

	assert_success(cluster_apply(c, &test_error));
	printf("# a cluster of 4 servers took %u calls\n", fake_calls());
	assert_in_range(fake_calls(), 30, 50);
	assert_complete(c, 0);
	assert_state_knows(c, all_wanted());
	assert_true(inventory_get(c->inventory, "demo-cp-1", &node));
	assert_int_equal(node.cloud, NODE_ACTIVE);
	assert_non_null(node.floating_ip);
	node_clear(&node);

	calls = fake_calls();
	assert_success(cluster_apply(c, &test_error));
	assert_int_equal(fake_calls() - calls, KIND_COUNT + 3); /* one look, nothing else */

	assert_success(drop(c, &test_error));
	assert_empty(0);
	assert_state_knows(c, 0);
}

static void test_leaves_what_is_not_marked(void **state)
{
	struct cluster *c = *state;

	for (int kind = 0; kind < KIND_COUNT; kind++) /* same names, no mark */
		fake_put((enum kind)kind,
			 "{\"id\":\"foreign\",\"name\":\"demo\",\"description\":\"\",\"metadata\":{},\"status\":\"ACTIVE\"}");
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 1);
	assert_success(drop(c, &test_error));
	assert_empty(1);
}

static void test_works_without_bulk(void **state)
{
	struct cluster *c = *state;

	fake_without_bulk();
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
}

/* Every call of a creation fails once, in every way. */
static void torture_creation(enum fake_fault fault)
{
	unsigned calls = 0, n = 0, recovered = 0;

	do {
		void *state = NULL;
		struct cluster *c;
		CLEANUP_ERROR struct error *err = NULL;

		begin(&state);
		c = state;
		fake_fail(++n, fault);
		if (cluster_apply(c, &err) == 0)
			recovered++;
		calls = fake_calls();
		fake_fail(0, FAULT_NONE);
		assert_success(cluster_apply(c, &test_error)); /* also where one worker failed */
		assert_complete(c, 0);
		assert_state_knows(c, all_wanted());
		assert_success(drop(c, &test_error));
		assert_empty(0);
		cluster_teardown(&state);
	} while (n <= calls);
	if (fault == FAULT_REPEATED)
		assert_int_equal(recovered, n);
	printf("# fault %d: %u places, %u recovered in the same run\n", fault, n, recovered);
}

static void test_torture_lost(void **state UNUSED)
{
	torture_creation(FAULT_LOST);
}

static void test_torture_applied(void **state UNUSED)
{
	torture_creation(FAULT_APPLIED);
}

static void test_torture_refused(void **state UNUSED)
{
	torture_creation(FAULT_REFUSED);
}

static void test_torture_repeated(void **state UNUSED)
{
	torture_creation(FAULT_REPEATED);
}

static void test_torture_removal(void **state UNUSED)
{
	for (unsigned n = 1; n < 70; n++) {
		void *fresh = NULL;
		CLEANUP_ERROR struct error *err = NULL;

		begin(&fresh);
		assert_success(cluster_apply(fresh, &test_error));
		fake_fail(n, n % 2 == 0 ? FAULT_LOST : FAULT_APPLIED);
		if (drop(fresh, &err) < 0) {
			fake_fail(0, FAULT_NONE);
			assert_success(drop(fresh, &test_error));
		}
		assert_empty(0);
		cluster_teardown(&fresh);
	}
}

static void test_repairs_what_went_behind_its_back(void **state)
{
	struct cluster *c = *state;
	struct node node = {0};

	assert_success(cluster_apply(c, &test_error));
	fake_drop(KIND_SERVER, "demo-w-1"); /* its port still names the server */
	json_add_str(fake_find(KIND_SERVER, "demo-registry"), "status", "SHUTOFF");
	fake_drop(KIND_SERVER_GROUP, "demo");
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
	assert_true(inventory_get(c->inventory, "demo-w-1", &node));
	assert_int_equal(node.cloud, NODE_ACTIVE);
	node_clear(&node);
}

/* A run that was cut off: its server is still being built, and holds neither volume nor port yet when the next run looks. */
static void test_takes_up_a_server_that_is_being_built(void **state)
{
	struct cluster *c = *state;
	struct json_object *server, *volume;

	assert_success(cluster_apply(c, &test_error));
	server = fake_find(KIND_SERVER, "demo-registry");
	volume = fake_find(KIND_VOLUME, "demo-registry-data");
	json_add_str(server, "status", "BUILD");
	json_add_str(server, "OS-EXT-STS:task_state", "spawning");
	json_add_str(volume, "status", "reserved");
	json_object_object_del(volume, "attachments");
	json_add_str(fake_find(KIND_PORT, "demo-registry"), "device_id", "");
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
	assert_string_equal(json_get_str(volume, "attachments[0].server_id", ""), json_get_str(server, "id", "?"));
}

/* The groups of a run that was ended while it waited for the answer. */
static void forget_groups(struct cluster *c)
{
	static const char *const names[] = {"demo-control-plane", "demo-node", "demo-registry"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_success(state_gone(c->state, kind_info(KIND_GROUP)->name, names[i], &test_error));
		assert_success(state_intend(c->state, kind_info(KIND_GROUP)->name, names[i], &test_error));
	}
}

static void test_what_was_asked_for_may_come_late(void **state)
{
	struct cluster *c = *state;

	assert_success(cluster_apply(c, &test_error));
	forget_groups(c);
	fake_hide(KIND_GROUP, 4);
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
	assert_state_knows(c, all_wanted());
}

/* It is not waited for for ever, nor where the cloud has said that it made none. */
static void test_what_was_asked_for_may_never_come(void **state)
{
	static const char *const names[] = {"demo-control-plane", "demo-node", "demo-registry"};
	struct cluster *c = *state;
	unsigned calls, waited;

	assert_success(cluster_apply(c, &test_error));
	forget_groups(c);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fake_drop(KIND_GROUP, names[i]);
	calls = fake_calls();
	assert_success(cluster_apply(c, &test_error));
	waited = fake_calls() - calls;
	assert_complete(c, 0);
	forget_groups(c);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fake_drop(KIND_GROUP, names[i]);
		assert_success(state_refused(c->state, kind_info(KIND_GROUP)->name, names[i], &test_error));
	}
	calls = fake_calls();
	assert_success(cluster_apply(c, &test_error));
	assert_in_range(waited - (fake_calls() - calls), 9, 12); /* a look a second, for ten seconds */
	assert_complete(c, 0);
}

static void test_pods_pass_where_bulk_forgets_them(void **state)
{
	struct cluster *c = *state;

	free(c->spec->network.plugin);
	c->spec->network.plugin = xstrdup("none");
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
	assert_string_equal(json_get_str(fake_find(KIND_PORT, "demo-w-2"), "allowed_address_pairs[0].ip_address", ""),
			    "10.244.0.0/16");
}

static void test_a_worker_that_fails_is_told_and_kept(void **state)
{
	struct cluster *c = *state;
	struct node node = {0};

	fake_break_server("demo-w-2", 3);
	assert_success(cluster_apply(c, &test_error));
	assert_true(inventory_get(c->inventory, "demo-w-2", &node));
	assert_int_equal(node.cloud, NODE_FAILED);
	assert_non_null(strstr(node.fault, "ERROR: No valid host was found; made 3 times, the last one is left for inspection"));
	node_clear(&node);
	assert_true(inventory_get(c->inventory, "demo-w-1", &node));
	assert_int_equal(node.cloud, NODE_ACTIVE);
	node_clear(&node);
	assert_success(cluster_apply(c, &test_error)); /* it is made again */
	assert_complete(c, 0);
}

static void test_a_control_plane_is_made_again(void **state)
{
	struct cluster *c = *state;

	fake_break_server("demo-cp-1", 2);
	assert_success(cluster_apply(c, &test_error));
	assert_complete(c, 0);
}

static void test_a_control_plane_that_fails_for_good_fails_all(void **state)
{
	struct cluster *c = *state;

	fake_break_server("demo-cp-1", 3);
	assert_failure(cluster_apply(c, &test_error), "server \"demo-cp-1\"");
	assert_success(drop(c, &test_error));
	assert_empty(0);
}

static void test_leftovers_are_named(void **state)
{
	struct cluster *c = *state;

	assert_success(cluster_apply(c, &test_error));
	fake_put(
		KIND_PORT,
		"{\"id\":\"foreign\",\"name\":\"x\",\"network_id\":\"\",\"device_owner\":\"compute:nova\",\"device_id\":\"vm\"}");
	json_add_str(fake_find(KIND_PORT, "x"), "network_id", json_get_str(fake_find(KIND_NETWORK, "demo"), "id", ""));
	assert_int_equal(drop(c, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_LEFTOVERS);
	assert_non_null(strstr(error_message(test_error), "network demo (id-"));
	assert_non_null(strstr(error_message(test_error), "still in use by port foreign of compute:nova vm"));
	error_clear(&test_error);
	fake_drop(KIND_PORT, "x");
	assert_success(drop(c, &test_error));
	assert_empty(0);
}

/* Listed as attached, while the server that a cut-off delete had taken away is already gone. */
static void test_a_volume_whose_server_is_gone_is_free_soon(void **state)
{
	struct cluster *c = *state;
	struct json_object *list = json_object_new_array(), *one = json_object_new_object();

	assert_success(cluster_apply(c, &test_error));
	json_add_str(one, "server_id", "gone");
	json_object_array_add(list, one);
	json_add(fake_find(KIND_VOLUME, "demo-registry-data"), "attachments", list);
	json_add_str(fake_find(KIND_VOLUME, "demo-registry-data"), "status", "available");
	assert_success(drop(c, &test_error));
	assert_empty(0);
}

static void test_another_key_of_that_name_is_a_conflict(void **state)
{
	struct cluster *c = *state;
	CLEANUP_FREE char *name = mark_name("demo", state_uuid(c->state));
	CLEANUP_FREE char *text =
		xasprintf("{\"name\":\"%s\",\"public_key\":\"ssh-ed25519 BBBB me\",\"fingerprint\":\"aa:bb\"}", name);

	fake_put(KIND_KEYPAIR, text);
	assert_failure(cluster_apply(c, &test_error), "the cloud has one of that name with another key (fingerprint aa:bb)");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, cluster_teardown)
	static const struct CMUnitTest tests[] = {
		WITH(test_makes_and_removes),
		WITH(test_leaves_what_is_not_marked),
		WITH(test_works_without_bulk),
		cmocka_unit_test(test_torture_lost),
		cmocka_unit_test(test_torture_applied),
		cmocka_unit_test(test_torture_refused),
		cmocka_unit_test(test_torture_repeated),
		cmocka_unit_test(test_torture_removal),
		WITH(test_repairs_what_went_behind_its_back),
		WITH(test_takes_up_a_server_that_is_being_built),
		WITH(test_what_was_asked_for_may_come_late),
		WITH(test_what_was_asked_for_may_never_come),
		WITH(test_pods_pass_where_bulk_forgets_them),
		WITH(test_a_worker_that_fails_is_told_and_kept),
		WITH(test_a_control_plane_is_made_again),
		WITH(test_a_control_plane_that_fails_for_good_fails_all),
		WITH(test_leftovers_are_named),
		WITH(test_a_volume_whose_server_is_gone_is_free_soon),
		WITH(test_another_key_of_that_name_is_a_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
