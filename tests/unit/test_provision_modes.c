/*
 * Clusters that are laid out in other ways, against the cloud in memory: made in one go and after every kind of interruption,
 * found complete afterwards, and removed so that only what belongs to others is left.
 */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "provision/provision.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <unistd.h>

#define HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
#define CLOUD "  openstack: {image: debian-12}\n"
#define CP "  controlPlane: {flavor: m1.small}\n"
#define REGISTRY "  registry: {volume: {size: 5}}\n"

struct cluster {
	char *folder;
	struct spec *spec;
	struct plan *plan;
	struct state *state;
	struct inventory *inventory;
	void (*others)(void); /* what the cloud holds of others */
	size_t before[KIND_COUNT];
};

static void use(struct cluster *c, const char *text)
{
	plan_free(c->plan);
	spec_free(c->spec);
	assert_success(spec_parse("c.yaml", text, strlen(text), &c->spec, &test_error));
	assert_success(plan_make(c->spec, c->inventory, &c->plan, &test_error));
	for (size_t i = 0; i < c->plan->n_nodes; i++)
		inventory_put(c->inventory, &c->plan->nodes[i].node);
}

static void begin(struct cluster *c, const char *text, void (*others)(void))
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	*c = (struct cluster){.folder = xasprintf("%s/davit-test-modes-%d", base, (int)getpid()), .inventory = inventory_new()};
	assert_success(path_remove_tree(c->folder, &test_error));
	fake_reset();
	if (others != NULL)
		others();
	for (int kind = 0; kind < KIND_COUNT; kind++)
		c->before[kind] = fake_count((enum kind)kind);
	assert_success(state_open(c->folder, "demo", STATE_WRITE, &c->state, &test_error));
	use(c, text);
}

static void end(struct cluster *c)
{
	inventory_free(c->inventory);
	state_close(c->state);
	plan_free(c->plan);
	spec_free(c->spec);
	assert_success(path_remove_tree(c->folder, &test_error));
	free(c->folder);
}

static int user_data(void *context UNUSED, const struct plan_node *node, char **ret, struct error **err UNUSED)
{
	*ret = xasprintf("#cloud-config\nhostname: %s\n", node->node.name);
	return 0;
}

/* As `davit apply` does it. */
static int apply(struct cluster *c, struct error **err)
{
	CLEANUP_VIEW struct view *view = NULL;
	struct provision_job job = {.cloud = fake_cloud(),
				    .plan = c->plan,
				    .state = c->state,
				    .inventory = c->inventory,
				    .public_key = "ssh-ed25519 AAAA demo",
				    .user_data = user_data};

	if (provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, err) < 0)
		return -1;
	job.view = view;
	return provision_create(&job, err);
}

static char *differences(struct cluster *c)
{
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT;
	struct changes changes = {0};

	assert_success(provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, &test_error));
	assert_success(provision_compare(c->plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++)
		buf_addf(&b, "%s %s: %s\n", changes.items[i].kind, changes.items[i].name,
			 changes.items[i].reason != NULL ? changes.items[i].reason : "create");
	changes_free(&changes);
	return buf_steal(&b);
}

static void assert_complete(struct cluster *c)
{
	CLEANUP_FREE char *text = differences(c);

	assert_string_equal(text, "");
}

static void assert_removed(struct cluster *c)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	assert_success(provision_remove(&job, &test_error));
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (fake_count((enum kind)kind) != c->before[kind])
			fail_msg("%zu %ss are left, %zu are of others", fake_count((enum kind)kind),
				 kind_info((enum kind)kind)->name, c->before[kind]);
}

/* Every call fails once, in every way; the next run completes it, and the one after that has nothing to do. */
static void torture(const char *text, void (*others)(void))
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
		unsigned calls = 1, n = 0;

		while (++n <= calls) {
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};

			begin(&c, text, others);
			fake_fail(n, faults[f]);
			(void)!apply(&c, &err);
			calls = fake_calls();
			fake_fail(0, FAULT_NONE);
			assert_success(apply(&c, &test_error));
			assert_complete(&c);
			assert_removed(&c);
			end(&c);
		}
	}
}

#define GROUPS(count, rest) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: " count ", flavor: m1.small, " rest "}]\n"

static void test_a_pool_grows_into_another_group(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, GROUPS("2", "serverGroup: anti-affinity, serverGroupSize: 2"), NULL);
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	use(&c, GROUPS("5", "serverGroup: anti-affinity, serverGroupSize: 2"));
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(fake_count(KIND_SERVER_GROUP), 4);
	assert_removed(&c);
	end(&c);
}

static void test_a_group_keeps_its_policy(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, GROUPS("1", "serverGroup: anti-affinity"), NULL);
	assert_success(apply(&c, &test_error));
	use(&c, GROUPS("1", "serverGroup: affinity"));
	assert_failure(apply(&c, &test_error),
		       "its policy is anti-affinity, which cannot be changed into affinity\n    why: nova can change neither it nor "
		       "the group that a server is in\n    do: write serverGroup: anti-affinity, or make another pool");
	assert_removed(&c);
	end(&c);
}

static void test_a_group_without_hosts_is_told(void **state UNUSED)
{
	struct cluster c = {0};
	struct node node = {0};

	begin(&c, GROUPS("2", "serverGroup: anti-affinity"), NULL);
	fake_break_server("demo-w-2", 3);
	assert_success(apply(&c, &test_error));
	assert_true(inventory_get(c.inventory, "demo-w-2", &node));
	assert_non_null(strstr(node.fault, "No valid host was found; made 3 times, the last one is left for inspection; "
					   "serverGroup: anti-affinity wants a host of its own for each server of the pool"));
	node_clear(&node);
	end(&c);
}

static void test_torture_without_a_group(void **state UNUSED)
{
	torture(GROUPS("1", "serverGroup: none"), NULL);
}

#define VOLUMES                                                                                                                  \
	HEAD CLOUD "  controlPlane: {flavor: m1.small, volumes: [{size: 5, mount: /var/lib/etcd}]}\n" REGISTRY                   \
		   "  workerPools: [{name: w, count: 2, flavor: m1.small, volume: {size: 8}, volumes: [{size: 1, mount: /srv/a}, " \
		   "{size: 2, mount: /srv/b}]}]\n"

static void test_torture_volumes(void **state UNUSED)
{
	torture(VOLUMES, NULL);
}

static void test_volumes_for_servers_that_are_there(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 2, flavor: m1.small}]\n", NULL);
	assert_success(apply(&c, &test_error));
	use(&c, HEAD CLOUD CP REGISTRY
	    "  workerPools: [{name: w, count: 2, flavor: m1.small, volumes: [{size: 1, mount: /srv/a}, {size: 1, mount: /b}]}]\n");
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	assert_int_equal(fake_count(KIND_VOLUME), 5);
	assert_string_equal(json_get_str(fake_find(KIND_VOLUME, "demo-w-2-srv-a"), "attachments[0].server_id", ""),
			    json_get_str(fake_find(KIND_SERVER, "demo-w-2"), "id", "?"));
	assert_removed(&c);
	end(&c);
}

/* Only the one that is loose is waited for: the others are in use for good. */
static void test_one_volume_is_attached_again(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *text = NULL;

	begin(&c, VOLUMES, NULL);
	assert_success(apply(&c, &test_error));
	json_add_str(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "status", "available");
	json_object_object_del(fake_find(KIND_VOLUME, "demo-w-1-srv-b"), "attachments");
	text = differences(&c);
	assert_string_equal(text, "volume demo-w-1-srv-b: is not attached to demo-w-1\n");
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	end(&c);
}

#define DRIVE "  openstack: {image: debian-12, configDrive: true}\n"

/* In the cloud in memory the interface waits for a server: were it the other way round, this would never end well. */
static void test_servers_with_a_drive_need_no_router(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, HEAD DRIVE CP REGISTRY, NULL);
	fake_interface_after_server();
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	assert_true(json_get_bool(fake_find(KIND_SERVER, "demo-cp-1"), "config_drive", false));
	assert_removed(&c);
	end(&c);
}

static void test_torture_with_a_drive(void **state UNUSED)
{
	torture(HEAD DRIVE CP REGISTRY, NULL);
}

#define ZONES(zones) HEAD CLOUD CP REGISTRY "  workerPools: [{name: w, count: 3, flavor: m1.small, " zones "}]\n"

static const char *zone_of(enum kind kind, const char *name)
{
	return json_get_str(fake_find(kind, name), "availability_zone", "none");
}

/* Cinder has az1 in this cloud, and no az2. */
static void test_volumes_follow_their_servers_zones(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, ZONES("zones: [az1, az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"), NULL);
	assert_success(apply(&c, &test_error));
	assert_complete(&c);
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-1"), "az1");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-1-root"), "az1");
	assert_string_equal(zone_of(KIND_SERVER, "demo-w-2"), "az2");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-root"), "none");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-w-2-srv"), "nova");
	assert_string_equal(zone_of(KIND_VOLUME, "demo-registry-data"), "none");
	use(&c, ZONES("zones: [az2], volume: {size: 8}, volumes: [{size: 1, mount: /srv, zone: nova}]"));
	assert_complete(&c); /* what is there stays where it is */
	use(&c, ZONES("volumes: [{size: 1, mount: /srv, zone: az9}]"));
	assert_failure(apply(&c, &test_error), "volume zone \"az9\": cinder has no such availability zone; it has az1, nova");
	assert_removed(&c);
	end(&c);
}

static void test_pools_of_other_images(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, ZONES("image: debian-13"), NULL);
	assert_success(apply(&c, &test_error));
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-w-1"), "imageRef", ""), "i2");
	assert_string_equal(json_get_str(fake_find(KIND_SERVER, "demo-cp-1"), "imageRef", ""), "i1");
	use(&c, ZONES("image: i1, volume: {size: 8}")); /* the same as the others', by its id */
	assert_success(apply(&c, &test_error));
	use(&c, ZONES("image: debian-11"));
	assert_failure(apply(&c, &test_error),
		       "image \"debian-11\": the cloud has no such image; it has debian-12, debian-13; did you mean");
	assert_removed(&c);
	end(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pool_grows_into_another_group),
		cmocka_unit_test(test_a_group_keeps_its_policy),
		cmocka_unit_test(test_a_group_without_hosts_is_told),
		cmocka_unit_test(test_torture_without_a_group),
		cmocka_unit_test(test_torture_volumes),
		cmocka_unit_test(test_servers_with_a_drive_need_no_router),
		cmocka_unit_test(test_torture_with_a_drive),
		cmocka_unit_test(test_volumes_follow_their_servers_zones),
		cmocka_unit_test(test_pools_of_other_images),
		cmocka_unit_test(test_volumes_for_servers_that_are_there),
		cmocka_unit_test(test_one_volume_is_attached_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
