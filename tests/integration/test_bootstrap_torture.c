/*
 * A node that loses the way to the operator after any number of bytes, or has no room left: what the next run finds is whole or not
 * there, and it ends where an undisturbed one would.
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/integration/relay.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

enum { PLACES = 20, RUN_MS = 5 * 60 * 1000 }; /* of one run, on the busiest machine */

static struct node_world world;
static struct relay *relay;

static int open_world(void **state UNUSED)
{
	node_open(&world);
	relay = relay_start(world.sshd.port, &world.sshd.port);
	return 0;
}

static int close_world(void **state UNUSED)
{
	relay_stop(relay);
	node_close(&world);
	return 0;
}

/* How much one run is, with a change of the node's files to carry out. */
static uint64_t measure(void)
{
	bool changed = false;

	assert_success(node_run(&world, &changed, &test_error));
	node_reset(&world, "/etc/davit/served.conf", "a=measured\n");
	assert_success(node_run(&world, &changed, &test_error));
	assert_true(changed);
	return relay_passed(relay);
}

static void test_cut_after_any_number_of_bytes(void **state UNUSED)
{
	static const struct relay_fault cut = {.kind = RELAY_RESET};
	uint64_t whole = measure();
	unsigned failed = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		CLEANUP_FREE char *text = xasprintf("a=%u\n", i);
		struct error *err = NULL;
		bool changed = false;

		node_reset(&world, "/etc/davit/served.conf", text);
		relay_arm(relay, &cut, 1 + whole * i / PLACES);
		world.run.deadline = clock_deadline(RUN_MS);
		if (node_run(&world, &changed, &err) < 0) {
			if (!error_is(err, ERROR_NETWORK))
				fail_msg("after %u of %u: %s", i, PLACES, error_message(err));
			failed++;
		}
		error_free(err);
		relay_arm(relay, NULL, 0);
		world.run.deadline = clock_deadline(RUN_MS);
		assert_success(node_run(&world, &changed, &test_error));
		node_holds("/etc/davit/served.conf", text);
		assert_int_equal(system("test \"$(/opt/davit/bin/tool)\" = tool"), 0);
	}
	printf("# %u places in %llu bytes, %u runs failed\n", PLACES, (unsigned long long)whole, failed);
	assert_in_range(failed, PLACES / 2, PLACES);
}

enum { MANY = 60, ENOUGH = 1000, ROOM_MIB = 256 };

/* An empty file system for the programs (flags 0), or another size of it (MS_REMOUNT). */
static void mount_opt(unsigned long flags, unsigned mib, unsigned files)
{
	CLEANUP_FREE char *size = xasprintf("size=%um,nr_inodes=%u,mode=755", mib, files);

	assert_int_equal(mount("none", "/opt", "tmpfs", flags, size), 0);
}

static void test_disk_that_is_too_small(void **state UNUSED)
{
	bool changed = false;

	mount_opt(0, 64, ENOUGH);
	assert_failure(node_run(&world, &changed, &test_error), "MiB are free: use a larger root disk");
	mount_opt(MS_REMOUNT, ROOM_MIB, ENOUGH);
	assert_success(node_run(&world, &changed, &test_error));
	assert_int_equal(umount("/opt"), 0);
}

/* Room enough, says the file system, but each file may be the one too many. */
static void test_disk_that_is_full_at_any_file(void **state UNUSED)
{
	unsigned failed = 0;

	for (unsigned files = 2; files < MANY; files++) {
		struct error *err = NULL;
		bool changed = false;

		mount_opt(0, ROOM_MIB, files);
		world.run.deadline = clock_deadline(RUN_MS);
		if (node_run(&world, &changed, &err) < 0) {
			failed++;
			if (strstr(error_message(err), "No space left on device") == NULL &&
			    strstr(error_message(err), "is the disk full?") == NULL && strstr(error_message(err), "its disk is full") == NULL)
				fail_msg("%u files: %s", files, error_message(err));
		}
		error_free(err);
		mount_opt(MS_REMOUNT, ROOM_MIB, ENOUGH);
		world.run.deadline = clock_deadline(RUN_MS);
		assert_success(node_run(&world, &changed, &test_error));
		assert_int_equal(system("test \"$(/opt/davit/bin/tool)\" = tool && test -x /opt/davit/bin/served"), 0);
		assert_int_equal(umount("/opt"), 0);
	}
	printf("# full at each of %u files\n", failed);
	assert_in_range(failed, 10, MANY - 3);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_cut_after_any_number_of_bytes),
		WORLD_TEST(test_disk_that_is_too_small),
		WORLD_TEST(test_disk_that_is_full_at_any_file),
	};

	cancel_init();
	if (!node_enter())
		_exit(77);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
