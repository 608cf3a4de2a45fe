/* Single nodes leave the cloud; the others stay as they are.  Against the cloud in memory. */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

#define FILE_OF(w, v)                                                                                                             \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                     \
	"  openstack: {image: debian-12, externalNetwork: public}\n  access: {bastion: floatingIPs}\n"                            \
	"  controlPlane: {count: 1, flavor: m1.small}\n  workerPools:\n"                                                          \
	"  - {name: w, count: " w ", flavor: m1.small, volume: {size: 8}, volumes: [{size: 1, mount: /srv}], serverGroupSize: 2}\n" v
#define V "  - {name: w-1, count: 1, flavor: m1.small, volume: {size: 8}}\n"

static void begin(struct cluster *c)
{
	cluster_begin(c);
	cluster_use(c, FILE_OF("3", V));
	assert_success(cluster_apply(c, &test_error));
	for (size_t i = 0; i < c->plan->n_nodes; i++)
		assert_success(state_put_node(c->state, &c->plan->nodes[i].node, &test_error));
}

static int withdraw(struct cluster *c, struct error **err)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};
	struct withdrawal *w = NULL;
	int r = provision_withdraw_begin(&job, c->plan, &w, err);

	for (size_t i = 0; i < c->plan->leaving.n && r == 0; i++)
		r = provision_withdraw(w, c->plan->leaving.v[i], err);
	if (r == 0)
		r = provision_withdraw_finish(w, err);
	provision_withdraw_end(w);
	return r;
}

/* The changes that are leavings, counted by kind; the rest is to be nothing that a run would do. */
static size_t leavings(struct cluster *c)
{
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_VIEW struct view *view = NULL;
	size_t n = 0;

	assert_success(provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, &test_error));
	assert_success(provision_compare(c->plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++) {
		if (!changes.items[i].leaving && changes.items[i].action != CHANGE_MANUAL)
			fail_msg("%s %s: %s", changes.items[i].kind, changes.items[i].name, changes.items[i].reason);
		n += changes.items[i].leaving;
	}
	return n;
}

static void assert_known(struct cluster *c, const char *node, bool there)
{
	struct inventory *known = inventory_new();
	struct node n = {0};

	assert_success(state_nodes(c->state, known, &test_error));
	assert_int_equal(inventory_get(known, node, &n), there);
	node_clear(&n);
	inventory_free(known);
}

static void assert_rows(struct cluster *c, const char *node, bool there)
{
	struct resource *rows = NULL;
	size_t count = 0, of_it = 0;

	assert_known(c, node, there);
	assert_success(state_resources(c->state, &rows, &count, &test_error));
	for (size_t i = 0; i < count; i++)
		of_it += strcmp(rows[i].name, node) == 0;
	resource_list_free(rows, count);
	assert_int_equal(of_it > 0, there);
}

static void assert_gone(struct cluster *c)
{
	assert_null(fake_find(KIND_SERVER, "demo-w-3"));
	assert_null(fake_find(KIND_PORT, "demo-w-3"));
	assert_null(fake_find(KIND_VOLUME, "demo-w-3-root"));
	assert_null(fake_find(KIND_VOLUME, "demo-w-3-srv"));
	assert_int_equal(fake_count(KIND_SERVER), 5);
	assert_int_equal(fake_count(KIND_PORT), 6);
	assert_int_equal(fake_count(KIND_FLOATING_IP), 5);
	assert_int_equal(fake_count(KIND_VOLUME), 6);
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 3); /* w.2 is empty and gone */
	assert_rows(c, "demo-w-3", false);
	assert_rows(c, "demo-w-2", true);
	assert_int_equal(leavings(c), 0);
}

/* Of every kind of note about a node under way; one about another node stays. */
static void put_notes(struct cluster *c)
{
	static const char *const keys[] = {"applied:demo-w-3", "rebooting:demo-w-3", "cordoned:demo-w-3", "renewing:demo-w-3",
					   "upgrade:kept:demo-w-3", "rebooting:demo-w-1-3", "rebooting:demo-w-33"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_success(state_set(c->state, keys[i], "1", &test_error));
}

static void count_notes(const char *key, const char *value UNUSED, void *context)
{
	const char *colon = strrchr(key, ':');
	int *n = context;

	if (colon != NULL && strcmp(colon, ":demo-w-3") == 0)
		n[0]++;
	else if (strncmp(key, "rebooting:", 10) == 0)
		n[1]++;
}

static void assert_notes(struct cluster *c, int of_it, int of_others)
{
	int n[2] = {0};

	assert_success(state_values(c->state, count_notes, n, &test_error));
	assert_int_equal(n[0], of_it);
	assert_int_equal(n[1], of_others);
}

static void test_one_goes_with_all_that_is_its_own(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c);
	put_notes(&c);
	assert_notes(&c, 5, 2);
	assert_int_equal(fake_count(KIND_SERVER), 6);
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 4);
	cluster_use(&c, FILE_OF("2", V));
	assert_int_equal(leavings(&c), 5); /* server, port, floating IP, two volumes */
	assert_success(withdraw(&c, &test_error));
	inventory_remove(c.inventory, "demo-w-3");
	cluster_use(&c, FILE_OF("2", V));
	assert_gone(&c);
	assert_notes(&c, 0, 2);
	cluster_end(&c);
}

/* "demo-w-1-1" is a node of its own, and its volume "demo-w-1-1-root" not one of demo-w-1. */
static void test_names_that_begin_alike(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c);
	inventory_leaving(c.inventory, "demo-w-1", true);
	cluster_use(&c, FILE_OF("2", V));
	assert_string_equal(c.plan->leaving.v[0], "demo-w-1");
	assert_success(withdraw(&c, &test_error));
	assert_null(fake_find(KIND_VOLUME, "demo-w-1-root"));
	assert_non_null(fake_find(KIND_VOLUME, "demo-w-1-1-root"));
	assert_non_null(fake_find(KIND_SERVER, "demo-w-1-1"));
	cluster_end(&c);
}

static void test_a_pool_goes(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c);
	cluster_use(&c, FILE_OF("3", ""));
	assert_success(withdraw(&c, &test_error));
	assert_null(fake_find(KIND_SERVER, "demo-w-1-1"));
	assert_non_null(fake_find(KIND_VOLUME, "demo-w-1-root"));
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 3);
	cluster_end(&c);
}

/* Whatever call fails, and however: the next run takes away what is left. */
static void test_torture(void **state UNUSED)
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED, FAULT_REPEATED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++)
		for (unsigned n = 1;; n++) {
			struct cluster c = {0};
			unsigned before;
			bool hit;

			begin(&c);
			cluster_use(&c, FILE_OF("2", V));
			before = fake_calls();
			fake_fail(n, faults[f]);
			if (withdraw(&c, &test_error) < 0)
				error_clear(&test_error);
			hit = fake_calls() >= before + n;
			fake_fail(0, FAULT_NONE);
			assert_success(withdraw(&c, &test_error));
			inventory_remove(c.inventory, "demo-w-3");
			cluster_use(&c, FILE_OF("2", V));
			assert_gone(&c);
			cluster_end(&c);
			if (!hit)
				break;
		}
}

/* nova had a server in its queue when the run that asked for it was cut off: it is listed only when all else is gone. */
static void test_what_turns_up_late(void **state UNUSED)
{
	struct cluster c = {0};
	struct removal_job job;
	struct withdrawal *w = NULL;
	CLEANUP_JSON struct json_object *late = NULL;

	begin(&c);
	assert_int_equal(json_object_deep_copy(fake_find(KIND_SERVER, "demo-w-3"), &late, NULL), 0);
	json_add_str(late, "id", "late");
	cluster_use(&c, FILE_OF("2", V));
	job = (struct removal_job){.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c.state), .state = c.state};
	assert_success(provision_withdraw_begin(&job, c.plan, &w, &test_error));
	assert_success(provision_withdraw(w, "demo-w-3", &test_error));
	assert_known(&c, "demo-w-3", true); /* a run that is cut off here is taken up */
	fake_put(KIND_SERVER, json_object_to_json_string(late));
	assert_success(provision_withdraw_finish(w, &test_error));
	provision_withdraw_end(w);
	inventory_remove(c.inventory, "demo-w-3");
	cluster_use(&c, FILE_OF("2", V));
	assert_gone(&c);
	cluster_end(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_goes_with_all_that_is_its_own),
		cmocka_unit_test(test_names_that_begin_alike),
		cmocka_unit_test(test_a_pool_goes),
		cmocka_unit_test(test_what_turns_up_late),
		cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
