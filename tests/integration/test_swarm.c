/* A swarm through the API of its engines: nodes that are real sshds, with the engine of operate/engine.py. */
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

enum { NODES = 4, PATIENCE_MS = 60 * 1000, IMPATIENCE_MS = 3000 };
#define OURS "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
#define NEXT "-----BEGIN CERTIFICATE-----\nnext\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
#define FILE_OF(swarm)                                                                                                                               \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: whale}\nspec:\n  platform: {type: swarm, version: 29.9.3}\n"                         \
	"  openstack: {image: debian-12}\n  controlPlane: {count: 3, flavor: m1.small}\n  swarm: {" swarm "}\n"

static char names[NODES][16] = {"whale-cp-1", "whale-cp-2", "whale-cp-3", "whale-w-1"}, address[] = "10.6.0.10";
static struct sshd sshds[NODES];
static struct ssh *nodes[NODES];
static char *fake;
static bool has_client;

static int64_t soon(void)
{
	return clock_deadline(PATIENCE_MS);
}

static struct spec *spec_of(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

/* In the folder of the fake. */
static void shell(const char *command)
{
	CLEANUP_FREE char *line = xasprintf("cd %s && %s", fake, command);

	assert_int_equal(system(line), 0);
}

static void engine(const char *words)
{
	CLEANUP_FREE char *line = xasprintf("FAKE=$PWD ./curl %s", words);

	shell(line);
}

/* What an expression of Python says of all that there is. */
static void holds(const char *expression)
{
	CLEANUP_FREE char *words = xasprintf("--show '%s' | grep -qx True", expression);

	engine(words);
}

static void start(size_t i)
{
	const char *root = getenv("DAVIT_SOURCE_ROOT");
	CLEANUP_FREE char *extra = xasprintf("SetEnv NODE=%s FAKE=%s PATH=%s/tests/integration/operate/bin:/usr/bin:/bin\n", names[i], fake, root);

	assert_success(sshd_start(extra, &sshds[i], &test_error));
	assert_success(sshd_connect(&sshds[i], &nodes[i], &test_error));
}

static struct node node_of(size_t i)
{
	return (struct node){.name = names[i], .role = i == NODES - 1 ? NODE_WORKER : NODE_CONTROL_PLANE, .address = address};
}

/* The nodes' own client of docker, which says what it was asked for. */
static void give_client(void)
{
	static const char text[] = "#!/bin/sh\nprintf '%s\\n' \"$NODE: $*\" >>\"$FAKE/client\"\ncase $* in *broken*) echo 'no such image' >&2; exit 1 ;; *slow*) sleep 30 ;; *deploy*) cat >>\"$FAKE/client\" ;; esac\n";

	has_client = unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", "/opt", "tmpfs", 0, "mode=755") == 0;
	if (!has_client)
		return;
	assert_success(path_mkdirs("/opt/davit/bin", 0755, &test_error));
	assert_success(path_write("/opt/davit/bin/docker", text, strlen(text), 0755, &test_error));
}

static int begin(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	struct swarm_offer offer = {0};
	char folder[] = "/tmp/davit-swarm-XXXXXX";

	if (!sshd_available())
		exit(77);
	spec = spec_of(FILE_OF("certExpiry: 720h"));
	fake = xstrdup(mkdtemp(folder));
	shell("ln -s \"$DAVIT_SOURCE_ROOT/tests/integration/operate/engine.py\" curl");
	give_client();
	for (size_t i = 0; i < NODES; i++)
		start(i);
	assert_success(swarm_begin(nodes[0], spec, address, OURS, KEY, soon(), &test_error));
	assert_success(swarm_begin(nodes[0], spec, address, OURS, KEY, soon(), &test_error));
	assert_success(swarm_offer_read(nodes[0], address, soon(), &offer, &test_error));
	for (size_t i = 1; i < NODES; i++) {
		struct node n = node_of(i);

		assert_success(swarm_join(nodes[i], &n, &offer, soon(), &test_error));
	}
	swarm_offer_clear(&offer);
	return 0;
}

static int end(void **state UNUSED)
{
	for (size_t i = 0; i < NODES; i++) {
		ssh_free(nodes[i]);
		sshd_stop(&sshds[i]);
	}
	assert_success(path_remove_tree(fake, &test_error));
	free(fake);
	return 0;
}

static void test_it_has_begun(void **state UNUSED)
{
	holds("o[\"swarm\"][\"TLSInfo\"][\"TrustRoot\"].split()[2] == \"ours\"");
	holds("[n[\"Description\"][\"Hostname\"] for n in o[\"nodes\"]] == [\"whale-cp-1\", \"whale-cp-2\", \"whale-cp-3\", \"whale-w-1\"]");
	holds("[\"ManagerStatus\" in n for n in o[\"nodes\"]] == [True, True, True, False]");
	holds("o[\"swarm\"][\"Spec\"][\"CAConfig\"][\"NodeCertExpiry\"] == 720 * 3600 * 10**9");
}

static void differs(const char *file, const char *expected)
{
	CLEANUP_SPEC struct spec *spec = spec_of(file);
	CLEANUP_STRV struct strv list = STRV_INIT;
	CLEANUP_FREE char *found = NULL;

	assert_success(swarm_compare(nodes[0], spec, soon(), &list, &test_error));
	found = strv_join(&list, "; ");
	assert_string_equal(found, expected);
}

static void set(const char *file)
{
	CLEANUP_SPEC struct spec *spec = spec_of(file);

	assert_success(swarm_set(nodes[0], spec, soon(), &test_error));
	differs(file, "");
}

static char *key(void)
{
	char *k = NULL;

	assert_success(swarm_key_read(nodes[0], soon(), &k, &test_error));
	return k;
}

static void test_settings(void **state UNUSED)
{
	CLEANUP_FREE char *none = key(), *some = NULL, *same = NULL;

	assert_null(none);
	differs(FILE_OF("certExpiry: 720h"), "");
	differs(FILE_OF("autolock: true"), "autolock is off, and goes on; certExpiry is 720h, and becomes 2160h");
	/* somebody else writes in between */
	shell("echo 'POST /swarm/update 500 rpc error: code = Unknown desc = update out of sequence' >fault");
	set(FILE_OF("autolock: true"));
	some = key();
	assert_int_equal(strncmp(some, "SWMKEY-1-", 9), 0);
	holds("o[\"swarm\"][\"TLSInfo\"][\"TrustRoot\"].split()[2] == \"ours\"");
	set(FILE_OF("autolock: true"));
	same = key();
	assert_string_equal(some, same);
	set(FILE_OF(""));
	none = key();
	assert_null(none);
}

static enum swarm_standing standing(size_t i)
{
	enum swarm_standing s;

	assert_success(swarm_standing(nodes[i], soon(), &s, &test_error));
	return s;
}

static int unlock(size_t i, const char *keys)
{
	CLEANUP_STRV struct strv list = STRV_INIT;
	enum swarm_standing now = SWARM_BROKEN;

	strv_split(&list, keys, " ");
	if (swarm_unlock(nodes[i], &list, soon(), &now, &test_error) < 0)
		return -1;
	assert_int_equal(now, SWARM_MEMBER);
	return 0;
}

static void test_a_manager_is_unlocked(void **state UNUSED)
{
	char token[] = "SWMTKN-1-none";
	struct swarm_offer offer = {address, token, token};
	CLEANUP_JSON struct json_object *shape = NULL;
	CLEANUP_FREE char *k = NULL, *two = NULL;
	struct node n = node_of(0);

	set(FILE_OF("autolock: true"));
	k = key();
	engine("--restart whale-cp-1");
	assert_int_equal(standing(0), SWARM_LOCKED);
	assert_failure(platform_swarm.status(nodes[0], &shape, &test_error), "the manager is locked, since its engine was restarted: \"davit apply\" unlocks it");
	/* by force it would leave, and its data be lost */
	assert_failure(swarm_join(nodes[0], &n, &offer, soon(), &test_error), "it is locked");
	assert_int_equal(standing(0), SWARM_LOCKED);
	assert_failure(unlock(0, ""), "it is locked, and the state has no key that opens it");
	assert_failure(unlock(0, "SWMKEY-1-other SWMKEY-1-another"), "it is locked, and no key of the state opens it");
	two = xasprintf("SWMKEY-1-other %s", k);
	assert_int_equal(unlock(0, two), 0);
	assert_int_equal(unlock(0, ""), 0); /* it is none any more */
	engine("--restart whale-w-1");
	assert_int_equal(standing(3), SWARM_MEMBER);
}

/* The others have another key by then. */
static void test_who_was_away_has_the_former_key(void **state UNUSED)
{
	CLEANUP_FREE char *former = key(), *now = NULL;

	engine("--restart whale-cp-3");
	assert_success(swarm_key_rotate(nodes[0], soon(), &test_error));
	now = key();
	assert_string_not_equal(former, now);
	assert_int_equal(standing(2), SWARM_LOCKED);
	assert_failure(unlock(2, now), "no key of the state opens it");
	assert_int_equal(unlock(2, former), 0);
	engine("--restart whale-cp-3");
	assert_int_equal(unlock(2, now), 0);
}

/* It is no stranger, which the others would take out before it joins once more. */
static void test_a_manager_that_begins_anew_is_waited_for(void **state UNUSED)
{
	engine("--pend whale-cp-2 3");
	assert_int_equal(standing(1), SWARM_PENDING);
	assert_int_equal(unlock(1, ""), 0);
}

static void test_all_are_locked(void **state UNUSED)
{
	CLEANUP_FREE char *k = key();

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_FREE char *words = xasprintf("--restart %s", names[i]);

		engine(words);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(unlock(i, k), 0);
	set(FILE_OF(""));
}

static void test_another_authority(void **state UNUSED)
{
	engine("--stop whale-w-1");
	assert_failure(swarm_check_all_up(nodes[0], soon(), &test_error), "these are down: whale-w-1: mend them");
	assert_failure(swarm_take_authority(nodes[0], NEXT, KEY, clock_deadline(IMPATIENCE_MS), &test_error), "in time: the swarm waits for each node");
	engine("--restart whale-w-1");
	assert_success(swarm_check_all_up(nodes[0], soon(), &test_error));
	assert_success(swarm_take_authority(nodes[0], NEXT, KEY, soon(), &test_error));
	holds("o[\"swarm\"][\"TLSInfo\"][\"TrustRoot\"].split()[2] == \"next\" and not o[\"swarm\"][\"RootRotationInProgress\"]");
	holds("not o[\"swarm\"][\"Spec\"][\"EncryptionConfig\"][\"AutoLockManagers\"]");
}

static int deploys(const char *name, const char *text, int64_t ms)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_add(&b, text);
	return swarm_stack_deploy(nodes[0], name, &b, clock_deadline(ms), &test_error);
}

static void test_stacks(void **state UNUSED)
{
	if (!has_client)
		skip();
	assert_int_equal(deploys("shop", "services: {web: {image: a}}\n", PATIENCE_MS), 0);
	assert_success(swarm_stack_remove(nodes[1], "it's", soon(), &test_error));
	shell("test \"$(cat client)\" = 'whale-cp-1: stack deploy --compose-file - --with-registry-auth --prune --detach=false shop\nservices: {web: {image: a}}\nwhale-cp-2: stack rm "
	      "--detach=false it'\\''s'");
	assert_failure(deploys("broken", "", PATIENCE_MS), "stack broken: docker stack deploy ended with status 1: no such image");
	assert_failure(deploys("slow", "", IMPATIENCE_MS), "stack slow: its services did not all come up in time; see: docker stack ps slow");
}

/* The later text counts as long as nobody has it; what has another name stays. */
static void test_secrets(void **state UNUSED)
{
	assert_success(swarm_secret_remove(nodes[0], "page", soon(), &test_error));
	assert_success(swarm_secret_put(nodes[0], "page-2", "other", soon(), &test_error));
	assert_success(swarm_secret_put(nodes[0], "page", "p\"ss\nword", soon(), &test_error));
	holds("[s[\"Data\"] for s in o[\"secrets\"]] == [\"b3RoZXI=\", \"cCJzcwp3b3Jk\"]");
	assert_success(swarm_secret_put(nodes[1], "page", "password", soon(), &test_error));
	holds("[s[\"Data\"] for s in o[\"secrets\"]] == [\"b3RoZXI=\", \"cGFzc3dvcmQ=\"]");
	engine("--use page");
	assert_success(swarm_secret_put(nodes[0], "page", "too late", soon(), &test_error));
	holds("o[\"secrets\"][1][\"Data\"] == \"cGFzc3dvcmQ=\"");
	assert_failure(swarm_secret_remove(nodes[0], "page", soon(), &test_error), "secret 'page' is in use by the following service");
	assert_success(swarm_secret_remove(nodes[0], "page-2", soon(), &test_error));
	holds("len(o[\"secrets\"]) == 1");
	shell("! grep -q -e cGFzc3dvcmQ= -e password argv");
}

static void test_a_new_leader_is_waited_for(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *shape = NULL;

	shell("echo 'GET /nodes 503 The swarm does not have a leader.' >fault");
	assert_failure(platform_swarm.status(nodes[0], &shape, &test_error), "The swarm does not have a leader");
	shell("echo 'GET /nodes 503 The swarm does not have a leader.' >fault");
	assert_success(platform_swarm.facts(nodes[0], soon(), &shape, &test_error));
	shell("echo 'GET /nodes 503 This node is not a swarm manager.' >fault");
	assert_success(platform_swarm.wait_ready(nodes[0], "whale-w-1", soon(), &test_error));
	engine("--elect 3");
	assert_success(platform_swarm.wait_ready(nodes[0], "whale-cp-1", soon(), &test_error));
	holds("o[\"deaf\"] == 0");
	engine("--elect 1000");
	assert_failure(platform_swarm.wait_ready(nodes[0], "whale-cp-1", clock_deadline(IMPATIENCE_MS), &test_error),
		       "it is not well in time: the managers have a new leader, which has not heard of whale-cp-2, whale-cp-3, whale-w-1 yet");
	engine("--elect 0");
	assert_failure(platform_swarm.wait_ready(nodes[0], "whale-w-9", clock_deadline(IMPATIENCE_MS), &test_error), "the managers do not hear of its engine");
}

/* A service that is everywhere, of which the first manager has no task again yet. */
static void test_tasks_elsewhere_are_waited_for(void **state UNUSED)
{
	struct events *events = events_new();
	struct node_drain d = {.node = "whale-w-1", .ready = true, .force_after_ms = 2500, .events = events, .deadline = soon()};

	shell("cat >tasks.py <<'EOF'\n"
	      "import json\n"
	      "o = json.load(open('swarm.json'))\n"
	      "ids = {n['Description']['Hostname']: n['ID'] for n in o['nodes']}\n"
	      "o['services'] = [{'ID': 's1', 'Spec': {'Name': 'till', 'Mode': {'Global': {}}}}]\n"
	      "o['tasks'] = [{'ID': n, 'ServiceID': 's1', 'NodeID': ids[n], 'Status': {'State': s}} for n, s in (('whale-w-1', 'running'), ('whale-cp-1', 'shutdown'))]\n"
	      "json.dump(o, open('swarm.json', 'w'))\n"
	      "EOF\n"
	      "python3 tasks.py");
	assert_success(swarm_await_whole(nodes[0], &d, &test_error)); /* it may never be so: goes on, with a warning */
	d.force_after_ms = -1;
	shell("(sleep 2; flock swarm.lock sed -i 's/shutdown/running/' swarm.json) &");
	assert_success(swarm_await_whole(nodes[0], &d, &test_error));
	shell("! grep -q shutdown swarm.json");
	shell("sed -i 's/\"tasks\"/\"former\"/; s/\"services\"/\"formerly\"/' swarm.json");
	events_free(events);
}

static struct json_object *seen(const char *name)
{
	struct json_object *o = NULL;

	assert_success(platform_swarm.upgrade->node(nodes[1], name, soon(), &o, &test_error));
	return o;
}

static void test_what_an_upgrade_asks(void **state UNUSED)
{
	const struct platform_upgrade *up = platform_swarm.upgrade;
	struct node manager = node_of(2), worker = node_of(3);
	CLEANUP_STRV struct strv those = STRV_INIT;
	CLEANUP_JSON struct json_object *before = NULL, *after = NULL;
	struct upgrade_view view = {0};

	assert_success(up->look(nodes[1], NULL, soon(), &view, &test_error));
	assert_string_equal(view.version, "29.9.3");
	assert_string_equal(view.last, "whale-cp-1");
	assert_int_equal(view.ailing.n, 0);
	upgrade_view_clear(&view);
	before = seen("whale-w-1");
	assert_string_equal(json_get_str(before, "spec.availability", ""), "active");
	strv_add(&those, "whale-w-1");
	assert_success(platform_swarm.cordon(nodes[1], &those, soon(), &test_error));
	after = seen("whale-w-1");
	assert_string_equal(json_get_str(after, "spec.availability", ""), "pause");
	assert_success(platform_swarm.uncordon(nodes[1], &those, soon(), &test_error));
	assert_failure(up->node(nodes[1], "whale-w-9", soon(), &after, &test_error), "whale-w-9 is no member of the swarm");
	assert_success(up->await(nodes[1], &worker, "29.9.3", IMPATIENCE_MS, &test_error));
	assert_failure(up->await(nodes[1], &worker, "29.9.4", IMPATIENCE_MS, &test_error), "it is not well in time: its engine is 29.9.3, not 29.9.4");
	engine("--version whale-w-1 29.9.4");
	assert_success(up->await(nodes[1], &worker, "29.9.4", IMPATIENCE_MS, &test_error));
	/* an answer that only the others' absence keeps away is waited for */
	shell("echo 'GET /nodes 503 The swarm does not have a leader.' >fault");
	assert_success(up->await(nodes[1], &manager, NULL, IMPATIENCE_MS, &test_error));
	engine("--stop whale-cp-3");
	assert_failure(up->await(nodes[1], &manager, NULL, IMPATIENCE_MS, &test_error), "the managers do not hear of its engine");
	engine("--restart whale-cp-3");
	engine("--version whale-w-1 29.9.3");
}

static void test_no_secret_is_an_argument(void **state UNUSED)
{
	shell("! grep -E 'SWMKEY|SWMTKN|PRIVATE' argv");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_has_begun),		       cmocka_unit_test(test_settings),	      cmocka_unit_test(test_a_manager_is_unlocked),
		cmocka_unit_test(test_who_was_away_has_the_former_key), cmocka_unit_test(test_all_are_locked), cmocka_unit_test(test_a_manager_that_begins_anew_is_waited_for), cmocka_unit_test(test_another_authority),
		cmocka_unit_test(test_stacks), cmocka_unit_test(test_secrets), cmocka_unit_test(test_tasks_elsewhere_are_waited_for), cmocka_unit_test(test_a_new_leader_is_waited_for), cmocka_unit_test(test_what_an_upgrade_asks), cmocka_unit_test(test_no_secret_is_an_argument),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
