#include "bootstrap/tarball.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/unit/test.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct node_world world;

static int open_world(void **state UNUSED)
{
	node_open(&world);
	return 0;
}

static int close_world(void **state UNUSED)
{
	node_close(&world);
	return 0;
}

static void mode_is(const char *path, unsigned mode)
{
	struct stat st = {0};

	assert_int_equal(stat(path, &st), 0);
	if ((st.st_mode & 07777) != mode)
		fail_msg("%s has mode %o", path, (unsigned)st.st_mode & 07777);
}

static void calls_are(const char *text)
{
	node_holds("/run/fake/calls", text);
	(void)unlink("/run/fake/calls");
}

static void runs(bool changed)
{
	bool found = !changed;

	assert_success(node_run(&world, &found, &test_error));
	assert_int_equal(found, changed);
}

static void fails(const char *part)
{
	bool changed = false;

	assert_failure(node_run(&world, &changed, &test_error), part);
}

static size_t count_sudo(void)
{
	CLEANUP_FREE char *text = node_read("/run/fake/sudo");

	(void)unlink("/run/fake/sudo");
	return strlen(text) / 2;
}

#define FIRST_CALLS                                                                                                              \
	"systemd-run\ndaemon-reload\nenable served.service other.service\nrestart served.service\nrestart other.service\n"

static void test_run_and_again(void **state UNUSED)
{
	node_blob(&world, "tool")->missing = 2; /* the registry is still being filled */
	runs(true);
	assert_int_equal(count_sudo(), 2);
	calls_are(FIRST_CALLS);
	node_holds("/etc/davit/served.conf", "a=b\n");
	mode_is("/etc/davit/served.conf", 0640);
	mode_is("/opt/davit/run", 0700);
	mode_is("/opt/davit/run/curl.conf", 0600);
	mode_is("/opt/davit", 0755);
	assert_int_equal(system("test \"$(/opt/davit/bin/tool)\" = tool && test -x /opt/davit/bin/served"), 0);
	assert_int_equal(system("test \"$(ls -A /opt/davit/artifacts)\" = ''"), 0);
	runs(false);
	assert_int_equal(count_sudo(), 1); /* one command, and it has changed nothing */
	calls_are("");
	assert_int_equal(server_count(world.registry, "GET", "/v2/davit/artifacts/blobs/"), 2 + 1 + 1);
}

static void test_only_what_changed_is_restarted(void **state UNUSED)
{
	runs(true);
	calls_are(FIRST_CALLS);
	node_reset(&world, "/etc/davit/served.conf", "a=c\n");
	runs(true);
	calls_are("systemd-run\ndaemon-reload\nenable served.service other.service\nrestart served.service\n");
	node_holds("/etc/davit/served.conf", "a=c\n");
	node_write("/run/fake/units/other.service", "inactive\n");
	runs(true);
	calls_are("systemd-run\nstart other.service\n");
}

static void test_what_was_changed_behind_our_back(void **state UNUSED)
{
	runs(true);
	calls_are(FIRST_CALLS);
	node_write("/etc/davit/served.conf", "a=evil\n");
	runs(true);
	calls_are("systemd-run\ndaemon-reload\nenable served.service other.service\nrestart served.service\n");
	node_holds("/etc/davit/served.conf", "a=b\n");
	assert_int_equal(unlink("/opt/davit/bin/tool"), 0);
	runs(true);
	assert_int_equal(access("/opt/davit/bin/tool", X_OK), 0);
	runs(false);
}

static void test_what_is_no_longer_wanted_goes(void **state UNUSED)
{
	runs(true);
	calls_are(FIRST_CALLS);
	strv_free(&world.units);
	strv_add(&world.units, "served");
	for (size_t i = 0; i < world.files.n; i++) {
		if (strcmp(world.files.files[i].path, "/etc/systemd/system/other.service") == 0) {
			free(world.files.files[i].path);
			world.files.files[i].path = xstrdup("/etc/davit/another");
		}
	}
	runs(true);
	calls_are("systemd-run\ndaemon-reload\nenable served.service\ndisable other.service\ndaemon-reload\n");
	assert_int_not_equal(access("/etc/systemd/system/other.service", F_OK), 0);
	assert_int_equal(access("/etc/davit/another", F_OK), 0);
	runs(false);
}

static void test_new_version_beside_the_old(void **state UNUSED)
{
	runs(true);
	calls_are(FIRST_CALLS);
	free(world.artifacts.items[0].version);
	world.artifacts.items[0].version = xstrdup("1.1.0");
	runs(true);
	calls_are("systemd-run\n"); /* the same bytes: nobody needs a restart */
	assert_int_equal(
		system("test /opt/davit/bin/tool -ef /opt/davit/lib/tool/1.1.0/tool && test -x /opt/davit/lib/tool/1.0.0/tool"),
		0);
}

static void test_power_cut(void **state UNUSED)
{
	runs(true);
	node_holds("/run/fake/settle", "systemd-run settle\n");
	/* as if another system had been running, and had not waited for the disk */
	assert_int_equal(system("cd /opt/davit/lib/tool/1.0.0 && sed -i 's/ .*/ another-boot/' .digest && : >tool"), 0);
	runs(true);
	assert_int_equal(system("test \"$(/opt/davit/bin/tool)\" = tool"), 0);
	assert_int_equal(system("sh /opt/davit/run/install.sh settle"), 0);
	assert_int_equal(system("grep -q ' settled$' /opt/davit/lib/tool/1.0.0/.digest /opt/davit/lib/served/1.0.0/.digest"), 0);
	runs(false);
	(void)unlink("/run/fake/settle");
	node_reset(&world, "/etc/davit/served.conf", "a=c\n");
	runs(true);
	node_holds("/run/fake/settle", "");
}

static void test_pushed_blob(void **state UNUSED)
{
	CLEANUP_FREE char *path = bootstrap_artifact_path(&world.artifacts.items[0]);
	struct node_blob *b = node_blob(&world, "tool");

	assert_success(path_write("/run/fake/blob", b->content.data, b->content.len, 0644, &test_error));
	fileset_source(&world.files, path, 0644, "/run/fake/blob");
	b->missing = -1;
	runs(true);
	assert_int_equal(server_count(world.registry, "GET", "/v2/davit/artifacts/blobs/"), 1);
	assert_int_not_equal(access(path, F_OK), 0);
	runs(false);
	assert_int_equal(system("rm -r /opt/davit/lib/tool"), 0);
	runs(true);
	assert_int_equal(access("/opt/davit/bin/tool", X_OK), 0);
}

static void test_broken_transfer_goes_on(void **state UNUSED)
{
	node_blob(&world, "tool")->cut = true;
	runs(true);
	assert_int_equal(world.ranges, 1);
}

static void test_broken_transfer_begins_again_where_it_must(void **state UNUSED)
{
	node_blob(&world, "tool")->cut = true;
	node_blob(&world, "tool")->whole_only = true;
	runs(true);
	assert_int_equal(world.ranges, 0);
}

static void test_damaged_blob(void **state UNUSED)
{
	node_blob(&world, "served")->damaged = true;
	fails("step artifacts failed on node-1:\n  served 1.0.0 arrived damaged: sha256:");
	node_blob(&world, "served")->damaged = false;
	runs(true);
}

static void test_refused_credentials(void **state UNUSED)
{
	world.run.registry_password = "wrong";
	fails("the registry refuses the credentials (HTTP 401)");
	world.run.registry_password = "pw";
	runs(true);
}

static void test_blob_that_never_comes(void **state UNUSED)
{
	world.run.deadline = clock_deadline(8 * 1000);
	node_blob(&world, "tool")->missing = -1;
	fails("gave up waiting for tool 1.0.0 from https://registry.davit.internal:5000/v2/davit/artifacts/blobs/sha256:");
}

static void test_unit_that_fails(void **state UNUSED)
{
	node_write("/run/fake/next/served.service", "failed\n");
	fails("step units failed on node-1:\n  the last words of served.service\n  served.service has failed\nRun the same "
	      "command again");
	(void)unlink("/run/fake/next/served.service");
	node_write("/run/fake/units/served.service", "activating\n");
	node_write("/run/fake/next/served.service", "activating\n");
	assert_int_equal(mkdir("/run/fake/restarts", 0755) == 0 || access("/run/fake/restarts", F_OK) == 0, true);
	node_write("/run/fake/restarts/served.service", "7\n");
	fails("served.service ended and was started again 7 times");
}

/* It asks to be read again however often it was: that is no reason to stop before its own step. */
static void test_unit_that_cannot_be_read(void **state UNUSED)
{
	assert_int_equal(mkdir("/run/fake/unreadable", 0755), 0);
	node_write("/run/fake/unreadable/served.service", "");
	node_write("/run/fake/next/served.service", "failed\n");
	fails("step units failed on node-1:\n  the last words of served.service");
}

static void test_step_by_name(void **state UNUSED)
{
	runs(true);
	calls_are(FIRST_CALLS);
	world.run.only = "units";
	runs(true);
	calls_are("systemd-run\n");
	world.run.only = "none";
	fails("there is no step \"none\" for node-1: its steps are preflight, enable, artifacts, retire, units, serve");
}

static int first_run(void *context, struct error **err)
{
	bool changed = false;

	(void)context;
	return node_run(&world, &changed, err);
}

static void await(const char *condition)
{
	int64_t deadline = clock_deadline(10 * 1000);

	while (system(condition) != 0) {
		if (clock_ms() > deadline)
			fail_msg("%s: not within 10 s", condition);
		(void)!cancel_sleep(50, NULL);
	}
}

/* After so many more questions. */
static void let_come(const char *artifact, int missing)
{
	pthread_mutex_lock(&world.lock);
	node_blob(&world, artifact)->missing = missing;
	pthread_mutex_unlock(&world.lock);
}

/* Starts a run that waits for a blob; ends what `command` says; the run must fail so. */
static void interrupted_by(const char *command, const char *part)
{
	struct parallel_thread *thread = NULL;

	node_blob(&world, "tool")->missing = -1;
	thread = parallel_start(first_run, NULL);
	await("grep -qs 'begin artifacts' /opt/davit/run/progress");
	assert_int_equal(system(command), 0);
	assert_failure(parallel_join(thread, &test_error), part);
}

static void test_dropped_connection(void **state UNUSED)
{
	/* the session's own process: a child of the one that listens */
	CLEANUP_FREE char *command =
		xasprintf("kill -9 $(ps -o pid= --ppid $(ps -o pid= --ppid %d)) $(ps -o pid= --ppid %d) || true", world.sshd.pid,
			  world.sshd.pid);

	interrupted_by(command, "following step artifacts on node-1: ");
	let_come("tool", 0);
	runs(true);
	calls_are(FIRST_CALLS); /* the same run was taken up */
	runs(false);
}

/* Once is made up for, since a connection that was given up may do it; twice is told. */
static void test_killed_run(void **state UNUSED)
{
	interrupted_by("first=$(cat /run/fake/pid); kill -9 -$first; "
		       "until [ \"$(cat /run/fake/pid)\" != $first ] && grep -qs 'begin artifacts' /opt/davit/run/progress; do sleep 0.05; done; "
		       "kill -9 -$(cat /run/fake/pid)",
		       "the installation on node-1 ended before it was complete");
	let_come("tool", 0);
	runs(true);
	calls_are("systemd-run\ndaemon-reload\nenable served.service other.service\nsystemd-run\nsystemd-run\nrestart served.service\n"
		  "restart other.service\n");
}

static void test_killed_run_is_taken_up(void **state UNUSED)
{
	struct parallel_thread *thread = NULL;

	node_blob(&world, "tool")->missing = -1;
	thread = parallel_start(first_run, NULL);
	await("grep -qs 'begin artifacts' /opt/davit/run/progress");
	let_come("tool", 0);
	assert_int_equal(system("kill -9 -$(cat /run/fake/pid) || true"), 0);
	assert_success(parallel_join(thread, &test_error));
	runs(false);
}

static void test_another_run_ends_the_old(void **state UNUSED)
{
	CLEANUP_FREE char *command =
		xasprintf("kill -9 $(ps -o pid= --ppid $(ps -o pid= --ppid %d)) $(ps -o pid= --ppid %d) || true", world.sshd.pid,
			  world.sshd.pid);

	interrupted_by(command, "following step artifacts on node-1: ");
	let_come("tool", 8); /* some seconds: the old run still waits */
	node_reset(&world, "/etc/davit/served.conf", "a=new\n");
	runs(true);
	calls_are("systemd-run\ndaemon-reload\nenable served.service other.service\nstop davit-install.service\nsystemd-run\n"
		  "daemon-reload\nenable served.service other.service\nrestart served.service\nrestart other.service\n");
	node_holds("/etc/davit/served.conf", "a=new\n");
}

/* ---- the host key */

static int pin(void *context, const char *keys, struct error **err UNUSED)
{
	buf_addf(context, "[%s]", keys);
	return 0;
}

static void test_host_key(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_FREE char *old = NULL, *fresh = NULL, *again = NULL, *expected = NULL, *line = NULL;
	CLEANUP_BUF struct buf pins = BUF_INIT;

	assert_int_equal(
		system("mkdir -p /etc/ssh && rm -f /etc/ssh/ssh_host_ed25519_key* && ssh-keygen -q -t ed25519 -N '' -C x -f "
		       "/etc/ssh/ssh_host_ed25519_key && printf %s \"$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)\" "
		       ">/etc/ssh/x && mv /etc/ssh/x /etc/ssh/ssh_host_ed25519_key.pub"),
		0);
	old = node_read("/etc/ssh/ssh_host_ed25519_key.pub");
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_success(bootstrap_rotate_host_key(s, old, pin, &pins, &fresh, &test_error));
	expected = xasprintf("[%s\n%s]", old, fresh);
	assert_string_equal(buf_str(&pins), expected);
	line = sshd_read_line("/etc/ssh/ssh_host_ed25519_key.pub");
	assert_memory_equal(line, fresh, strlen(fresh));
	mode_is("/etc/ssh/ssh_host_ed25519_key", 0600);
	/* once more, with what was pinned meanwhile: nothing is to be done */
	assert_success(bootstrap_rotate_host_key(s, expected + 1, pin, &pins, &again, &test_error));
	assert_string_equal(again, fresh);
	assert_string_equal(buf_str(&pins), expected);
	assert_failure(bootstrap_rotate_host_key(s, "nonsense", pin, &pins, &again, &test_error), "is no ed25519 key");
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_run_and_again),
		WORLD_TEST(test_only_what_changed_is_restarted),
		WORLD_TEST(test_what_was_changed_behind_our_back),
		WORLD_TEST(test_what_is_no_longer_wanted_goes),
		WORLD_TEST(test_new_version_beside_the_old),
		WORLD_TEST(test_power_cut),
		WORLD_TEST(test_pushed_blob),
		WORLD_TEST(test_broken_transfer_goes_on),
		WORLD_TEST(test_broken_transfer_begins_again_where_it_must),
		WORLD_TEST(test_damaged_blob),
		WORLD_TEST(test_refused_credentials),
		WORLD_TEST(test_blob_that_never_comes),
		WORLD_TEST(test_unit_that_fails),
		WORLD_TEST(test_unit_that_cannot_be_read),
		WORLD_TEST(test_step_by_name),
		WORLD_TEST(test_dropped_connection),
		WORLD_TEST(test_killed_run),
		WORLD_TEST(test_killed_run_is_taken_up),
		WORLD_TEST(test_another_run_ends_the_old),
		WORLD_TEST(test_host_key),
	};

	if (!node_enter())
		return 77;
	cancel_init();
	ssh_global_init();
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
