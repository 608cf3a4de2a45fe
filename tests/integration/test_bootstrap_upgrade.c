/* A node on its way to another version, and back, with the real scripts. */
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/unit/test.h"
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static struct node_world world;
static struct ssh *session;

static int open_world(void **state UNUSED)
{
	node_open(&world);
	return sshd_connect(&world.sshd, &session, &test_error);
}

static int close_world(void **state UNUSED)
{
	ssh_free(session);
	node_close(&world);
	return 0;
}

static void holds(const char *condition)
{
	if (system(condition) != 0)
		fail_msg("not so: %s", condition);
}

static void calls_are(const char *text)
{
	CLEANUP_FREE char *found = node_read("/run/fake/calls");

	assert_string_equal(found, text);
	(void)unlink("/run/fake/calls");
}

static void runs(void)
{
	bool changed = false;

	assert_success(node_run(&world, &changed, &test_error));
	assert_true(changed);
	(void)unlink("/run/fake/calls");
}

/* As the newer version would be: another configuration, a file more, a program in another folder. */
static void make_newer(void)
{
	node_reset(&world, "/etc/davit/served.conf", "a=new\n");
	fileset_add(&world.files, "/etc/davit/only-new", 0644, "x\n");
	free(world.artifacts.items[0].version);
	world.artifacts.items[0].version = xstrdup("1.1.0");
}

static void fails_with_newer(void)
{
	bool changed = false;

	make_newer();
	node_write("/run/fake/next/served.service", "failed\n");
	assert_failure(node_run(&world, &changed, &test_error), "served.service has failed");
	(void)unlink("/run/fake/next/served.service");
	(void)unlink("/run/fake/calls");
	holds("grep -qx a=new /etc/davit/served.conf && test -e /etc/davit/only-new");
	holds("test /opt/davit/bin/tool -ef /opt/davit/lib/tool/1.1.0/tool");
}

static int go_back(struct error **err)
{
	struct bootstrap_run run = {.node = "node-1", .role = NODE_REGISTRY, .deadline = clock_deadline(60 * 1000)};

	return bootstrap_restore(session, &run, err);
}

static void is_as_before(void)
{
	holds("grep -qx a=b /etc/davit/served.conf && test ! -e /etc/davit/only-new");
	holds("test \"$(stat -c %a /etc/davit/served.conf)\" = 640");
	holds("test /opt/davit/bin/tool -ef /opt/davit/lib/tool/1.0.0/tool");
	holds("cmp /opt/davit/run/done /opt/davit/run/archive.sha256 && cmp /opt/davit/run/done /run/fake/done");
	holds("grep -qx active /run/fake/units/served.service");
}

static void test_back_to_what_it_had(void **state UNUSED)
{
	runs();
	holds("cp /opt/davit/run/done /run/fake/done");
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	holds("test \"$(stat -c %a /opt/davit/before)\" = 700 && test \"$(stat -c %a /opt/davit/before/files.tar)\" = 600");
	fails_with_newer();
	assert_success(go_back(&test_error));
	is_as_before();
	/* the other one has the same as ever */
	calls_are("stop davit-install.service\ndaemon-reload\nsystemd-run\ndaemon-reload\nenable served.service other.service\nrestart served.service\n");
}

/* A unit that the newer version has not is there again, and one that only it has is gone. */
static void test_units_come_and_go(void **state UNUSED)
{
	runs();
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	strv_free(&world.units);
	strv_split(&world.units, "served third", " ");
	for (size_t i = 0; i < world.files.n; i++) {
		if (strcmp(world.files.files[i].path, "/etc/systemd/system/other.service") == 0) {
			free(world.files.files[i].path);
			world.files.files[i].path = xstrdup("/etc/systemd/system/third.service");
		}
	}
	runs();
	holds("test ! -e /etc/systemd/system/other.service && grep -qx active /run/fake/units/third.service");
	assert_success(go_back(&test_error));
	calls_are("stop davit-install.service\ndisable third.service\ndaemon-reload\nsystemd-run\ndaemon-reload\nenable served.service other.service\n"
		  "restart other.service\n");
	holds("test -e /etc/systemd/system/other.service && test ! -e /etc/systemd/system/third.service");
}

/* What was kept is the last that was whole, whatever is tried after it. */
static void test_a_broken_node_is_not_kept(void **state UNUSED)
{
	runs();
	holds("cp /opt/davit/run/done /run/fake/done");
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	fails_with_newer();
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	assert_success(bootstrap_keep(session, "2.0.1", &test_error));
	holds("grep -qx 2.0.1 /opt/davit/before/target");
	assert_success(go_back(&test_error));
	is_as_before();
}

/* The run was through on the node, and whoever began it does not know that: what it had before is still kept. */
static void test_a_node_that_is_through_keeps_the_old_one(void **state UNUSED)
{
	runs();
	holds("cp /opt/davit/run/done /run/fake/done");
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	make_newer();
	runs();
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	assert_success(go_back(&test_error));
	is_as_before();
}

static void test_the_old_goes_at_the_end(void **state UNUSED)
{
	CLEANUP_ERROR struct error *err = NULL;

	runs();
	assert_success(bootstrap_keep(session, "2.0.0", &test_error));
	make_newer();
	runs();
	assert_success(bootstrap_prune(session, &test_error));
	holds("test ! -e /opt/davit/before && test ! -e /opt/davit/lib/tool/1.0.0");
	holds("test \"$(/opt/davit/bin/tool)\" = tool && test -x /opt/davit/bin/served");
	assert_int_equal(go_back(&err), -1);
	assert_true(error_is(err, ERROR_NOT_FOUND));
	holds("grep -qx a=new /etc/davit/served.conf && test -e /opt/davit/run/done");
}

static void test_room(void **state UNUSED)
{
	int64_t need = 0, more = 0, room = 0;

	runs();
	assert_success(bootstrap_room(session, &world.run, &need, &room, &test_error));
	assert_int_equal(need, 100);
	assert_true(room > 0);
	world.artifacts.items[0].size = 100 << 20;
	free(world.artifacts.items[0].version);
	world.artifacts.items[0].version = xstrdup("1.1.0");
	assert_success(bootstrap_room(session, &world.run, &more, &room, &test_error));
	assert_int_equal(more, 100 + 4 * 100);
}

static void test_services_that_are_well(void **state UNUSED)
{
	runs();
	assert_success(bootstrap_healthy(session, clock_deadline(60 * 1000), &test_error));
	node_write("/run/fake/units/other.service", "activating\n");
	assert_failure(bootstrap_healthy(session, clock_deadline(1000), &test_error), "the last words of other.service; other.service is activating");
}

/* answers: what each call of kubectl says, a word each. */
static void kubectl_says(const char *answers)
{
	CLEANUP_STRV struct strv list = STRV_INIT;

	strv_split(&list, answers, " ");
	holds("mkdir -p /opt/davit/bin && ln -sfn /usr/local/bin/kubectl /opt/davit/bin/kubectl && rm -f /run/fake/kubectl.n /run/fake/answer.*");
	for (size_t i = 0; i < list.n; i++) {
		CLEANUP_FREE char *path = xasprintf("/run/fake/answer.%zu", i + 1);

		node_write(path, list.v[i]);
	}
}

/* A lease that stays as it is is that of a process that is gone. */
static void test_leaders_that_renew(void **state UNUSED)
{
	kubectl_says("10:00:01 10:00:01 10:00:16 10:00:02 10:00:17");
	assert_success(kubernetes_await_leaders(session, clock_deadline(30 * 1000), &test_error));
	holds("test $(grep -c 'get lease -n kube-system kube-controller-manager' /run/fake/kubectl) = 3");
	holds("test $(grep -c 'get lease -n kube-system kube-scheduler' /run/fake/kubectl) = 2");
	kubectl_says("10:00:01 10:00:02 10:00:03 10:00:03 10:00:03 10:00:03 10:00:03 10:00:03");
	assert_failure(kubernetes_await_leaders(session, clock_deadline(2000), &test_error), "nobody renews the lease of kube-scheduler");
}

static void test_what_the_api_says(void **state UNUSED)
{
	CLEANUP_FREE char *version = NULL;
	CLEANUP_STRV struct strv gone = STRV_INIT;

	kubectl_says("{\"serverVersion\":{\"gitVersion\":\"v1.35.4\"}} "
		     "apiserver_requested_deprecated_apis{group=\"a.io\",removed_release=\"1.36\",resource=\"x\",version=\"v1\"}");
	assert_success(kubernetes_api_version(session, clock_deadline(30 * 1000), &version, &test_error));
	assert_string_equal(version, "v1.35.4");
	assert_success(kubernetes_deprecated(session, "1.36.3", clock_deadline(30 * 1000), &gone, &test_error));
	assert_int_equal(gone.n, 1);
	assert_string_equal(gone.v[0], "a.io/v1 x (gone with 1.36)");
	assert_success(kubernetes_deprecated(session, "1.36.3", clock_deadline(30 * 1000), &gone, &test_error)); /* nobody has asked for any */
	assert_int_equal(gone.n, 1);
}

/* As etcdctl, which writes what the test wants; a snapshot that is cut off on the way is none. */
static void test_snapshot(void **state UNUSED)
{
	static const char etcdctl[] = "#!/bin/sh\ncase $* in *' snapshot save '*) ;; *) exit 0 ;; esac\nfor f; do :; done\nhead -c 300000 /dev/urandom >\"$f\" && cp \"$f\" /run/fake/written\n";
	static const char etcdutl[] =
		"#!/bin/sh\n[ \"$1\" = version ] && echo 'etcdutl version: 3.6.16' || echo '{\"hash\":4043526893,\"revision\":2,\"totalKey\":1}'\n";
	CLEANUP_ERROR struct error *err = NULL;

	holds("mkdir -p /opt/davit/bin /opt/davit/run");
	node_write("/opt/davit/bin/etcdutl", etcdutl);
	node_write("/opt/davit/bin/etcdctl", etcdctl);
	holds("chmod 755 /opt/davit/bin/etcdctl /opt/davit/bin/etcdutl");
	assert_success(kubernetes_snapshot(session, "/run/fake/snapshot.db", &test_error));
	holds("cmp /run/fake/written /run/fake/snapshot.db && test \"$(stat -c %a /run/fake/snapshot.db)\" = 600");
	holds("test ! -e /run/fake/snapshot.db.part && test ! -e /opt/davit/run/snapshot.db");
	holds("rm /run/fake/snapshot.db && printf '#!/bin/sh\\necho no quorum >&2; exit 1\\n' >/opt/davit/bin/etcdctl");
	assert_int_equal(kubernetes_snapshot(session, "/run/fake/snapshot.db", &err), -1);
	assert_non_null(strstr(error_message(err), "the snapshot of etcd: etcdctl ended with status 1: no quorum"));
	holds("test ! -e /run/fake/snapshot.db && test ! -e /run/fake/snapshot.db.part");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
	static const struct CMUnitTest tests[] = {
		WITH(test_back_to_what_it_had),	    WITH(test_units_come_and_go),
		   WITH(test_a_broken_node_is_not_kept), WITH(test_a_node_that_is_through_keeps_the_old_one),
		WITH(test_the_old_goes_at_the_end), WITH(test_room),			  WITH(test_services_that_are_well),
		WITH(test_leaders_that_renew),	    WITH(test_what_the_api_says),	  WITH(test_snapshot),
	};

	if (!node_enter())
		return 77;
	cancel_init();
	ssh_global_init();
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
