/*
 * Whatever befalls the connection to a node, or to the jump host that it goes through: davit notices, connects again, and the node ends as wanted in
 * one run; what the dead connection still had under way changes nothing afterwards.  Real sshd, and this machine as the node.
 * STORM_PLACES (1): at how many places of a run each fault strikes on each way; STORM_SEED (the day): which.
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/integration/reach_fixture.h"
#include "tests/integration/relay.h"
#include "tests/unit/test.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { LOGIN_MS = 3000, ASK_MS = 300, ANSWER_MS = 1000, DAY_MS = 24 * 60 * 60 * 1000, PUSH_PLACES = 6, BALLAST = 300000 };

static const struct relay_fault faults[] = {
	{"a reset", RELAY_RESET, RELAY_BOTH, 0},
	{"an end", RELAY_CLOSE, RELAY_BOTH, 0},
	{"silence both ways", RELAY_SILENCE, RELAY_BOTH, 0},
	{"silence up", RELAY_SILENCE, RELAY_UP, 0},
	{"silence down", RELAY_SILENCE, RELAY_DOWN, 0},
	{"0.2 s of silence", RELAY_SILENCE, RELAY_BOTH, 200},
	{"0.7 s of silence", RELAY_SILENCE, RELAY_BOTH, 700},   /* the sign of life comes late */
	{"2.5 s of silence", RELAY_SILENCE, RELAY_BOTH, 2500}, /* what was given up comes through after all */
	{"2.5 s of silence up", RELAY_SILENCE, RELAY_UP, 2500},
	{"delay up", RELAY_DELAY, RELAY_UP, 20},
	{"delay down", RELAY_DELAY, RELAY_DOWN, 20},
	{"byte by byte", RELAY_DRIP, RELAY_BOTH, 0},
};

enum where { TO_THE_NODE, TO_THE_JUMP_HOST, BEHIND_THE_JUMP_HOST };

struct storm {
	enum where where; /* the relay is */
	struct node_world node;
	struct sshd jump;
	struct relay *relay;
	uint16_t relay_port;
	struct cluster cluster;
	unsigned usual;	      /* connections that a run makes */
	unsigned runs, again; /* and that were made again */
};

static void open_storm(struct storm *w, enum where where)
{
	*w = (struct storm){.where = where};
	node_open(&w->node);
	assert_success(sshd_start(NULL, &w->jump, &test_error));
	w->relay = relay_start(where == TO_THE_JUMP_HOST ? w->jump.port : w->node.sshd.port, &w->relay_port);
}

static void close_storm(struct storm *w)
{
	relay_stop(w->relay);
	sshd_stop(&w->jump);
	node_close(&w->node);
}

/* A cluster that was not connected yet. */
static void open_cluster(struct storm *w)
{
	struct reach_tuning t = {.port = w->where == TO_THE_JUMP_HOST ? w->node.sshd.port : w->relay_port,
				 .login_ms = LOGIN_MS,
				 .ask_ms = ASK_MS,
				 .answer_ms = ANSWER_MS};
	CLEANUP_FREE char *jump =
		jump_access(&w->jump, w->where == TO_THE_JUMP_HOST ? w->relay_port : w->jump.port, w->jump.host_key);

	w->cluster = cluster_open_on(&w->node.sshd, NULL, w->where == TO_THE_NODE ? "bastion: none, hostKeys: first-use" : jump);
	cluster_add(&w->cluster, "demo-w-1", NODE_WORKER);
	cluster_add(&w->cluster, "demo-w-2", NODE_WORKER);
	reach_tune(w->cluster.reach, &t);
}

static int install(struct ssh *s, void *context, struct error **err)
{
	struct storm *w = context;
	bool changed = false;

	return bootstrap_node(s, &w->node.run, &changed, err);
}

/* Something that says a word now and then. */
static int listen_to(struct ssh *s, void *context UNUSED, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct ssh_command c = {.command = "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done", .out = &out};

	if (ssh_must_run(s, &c, err) < 0)
		return -1;
	if (strcmp(buf_str(&out), "1\n2\n3\n4\n5\n") != 0)
		return error_set(err, ERROR_INTERNAL, "it said \"%s\"", buf_str(&out));
	return 0;
}

static int visit(size_t i, void *context, struct error **err)
{
	static const char *const nodes[] = {"demo-cp-1", "demo-w-1", "demo-w-2"};
	struct storm *w = context;
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_run(w->cluster.reach, nodes[i], &s, i == 0 ? install : listen_to, w, err);
}

/* A run that gives the node's file this text. */
static int run(struct storm *w, const char *text, struct error **err)
{
	node_reset(&w->node, "/etc/davit/served.conf", text);
	w->node.run.deadline = clock_deadline(PATIENCE_MS);
	return parallel_for(3, 0, visit, w, NULL, err);
}

/* Nothing of any connection is left at the servers. */
static void wait_for_quiet(const struct storm *w)
{
	CLEANUP_FREE char *command =
		xasprintf("test -z \"$(ps -o pid= --ppid %d; ps -o pid= --ppid %d)\"", w->node.sshd.pid, w->jump.pid);
	int64_t deadline = clock_deadline(PATIENCE_MS);

	while (system(command) != 0) {
		assert_true(clock_ms() < deadline);
		usleep(20000);
	}
}

static bool is_whole(void)
{
	return system("sha256sum --check --quiet /opt/davit/run/files.sha256 && test \"$(/opt/davit/bin/tool)\" = tool && "
		      "test -x /opt/davit/bin/served") == 0;
}

/* All is as wanted.  Words of a dead connection that came through after all may have begun the same run again; then there is nothing to do. */
static void check_node(struct storm *w, const char *text, const struct relay_fault *fault, uint64_t at)
{
	bool changed = true;

	node_holds("/etc/davit/served.conf", text);
	if (!is_whole())
		fail_msg("%s after %" PRIu64 " bytes: files are not as they were sent", fault->name, at);
	assert_success(node_run(&w->node, &changed, &test_error));
	assert_success(node_run(&w->node, &changed, &test_error));
	if (changed)
		fail_msg("%s after %" PRIu64 " bytes: something is still to be done", fault->name, at);
}

static uint64_t measure(struct storm *w)
{
	for (int i = 0; i < 2; i++) { /* the first installs more than those that follow */
		w->usual = relay_connections(w->relay);
		open_cluster(w);
		assert_success(run(w, i == 0 ? "a=first\n" : "a=measured\n", &test_error));
		cluster_end(&w->cluster);
		wait_for_quiet(w);
		w->usual = relay_connections(w->relay) - w->usual;
	}
	return relay_most(w->relay);
}

static void strike(struct storm *w, const struct relay_fault *fault, uint64_t at)
{
	CLEANUP_FREE char *text = xasprintf("a=%s at %" PRIu64 "\n", fault->name, at);
	unsigned before = relay_connections(w->relay), made;
	struct error *err = NULL;

	open_cluster(w);
	relay_arm(w->relay, fault, at);
	if (run(w, text, &err) < 0)
		fail_msg("%s after %" PRIu64 " bytes: %s", fault->name, at, error_message(err));
	made = relay_connections(w->relay) - before;
	w->again += made > w->usual ? made - w->usual : 0;
	w->runs++;
	relay_arm(w->relay, NULL, 0);
	cluster_end(&w->cluster);
	relay_end_silence(w->relay);
	wait_for_quiet(w);
	check_node(w, text, fault, at);
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

static void all_faults(enum where where)
{
	long places = setting("STORM_PLACES", 1), seed = setting("STORM_SEED", clock_wall_ms() / DAY_MS);
	struct storm w;
	uint64_t whole;

	srandom((unsigned)seed + where);
	open_storm(&w, where);
	whole = measure(&w);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (long k = 0; k < places; k++)
			strike(&w, &faults[i], 1 + (whole * (uint64_t)k + (uint64_t)random() % whole) / (uint64_t)places);
	}
	print_message("STORM_SEED=%ld: %u runs of up to %" PRIu64 " bytes a connection, %u connections made again\n", seed, w.runs, whole,
		      w.again);
	assert_true(w.again >= 1);
	close_storm(&w);
}

static void test_the_way_to_a_node(void **state UNUSED)
{
	all_faults(TO_THE_NODE);
}

static void test_the_way_to_the_jump_host(void **state UNUSED)
{
	all_faults(TO_THE_JUMP_HOST);
}

static void test_the_way_from_the_jump_host_to_a_node(void **state UNUSED)
{
	all_faults(BEHIND_THE_JUMP_HOST);
}

/* The node keeps the connection for long after davit has given it up; in the end it is told that there is no more to come. */
static void test_a_push_that_fell_silent_writes_nothing_in_the_end(void **state UNUSED)
{
	static const struct relay_fault silence = {"silence", RELAY_SILENCE, RELAY_BOTH, 0};
	CLEANUP_FREE char *ballast = random_hex(BALLAST);
	struct storm w;
	uint64_t whole;

	open_storm(&w, TO_THE_NODE);
	fileset_add(&w.node.files, "/etc/davit/ballast", 0644, ballast); /* a packet of SSH comes whole or not at all: there have to be several */
	whole = measure(&w);
	for (uint64_t i = 1; i <= PUSH_PLACES; i++)
		strike(&w, &silence, whole * i / (PUSH_PLACES + 1));
	close_storm(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_push_that_fell_silent_writes_nothing_in_the_end),
		cmocka_unit_test(test_the_way_to_a_node),
		cmocka_unit_test(test_the_way_to_the_jump_host),
		cmocka_unit_test(test_the_way_from_the_jump_host_to_a_node),
	};

	ssh_global_init();
	cancel_init();
	signal(SIGPIPE, SIG_IGN);
	if (!node_enter())
		_exit(77);
	log_init(getenv("STORM_VERBOSE") != NULL ? LOG_VERBOSE : LOG_ERROR, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
