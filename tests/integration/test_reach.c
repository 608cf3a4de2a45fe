/* The ways to the servers, and what is made of their host keys, with real sshd on the loopback: all servers are this machine. */
#include "cmd/jump.h"
#include "cmd/openssh.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "tests/integration/bastion_fixture.h"
#include "tests/integration/reach_fixture.h"
#include "tests/integration/relay.h"
#include <sys/wait.h>
#include <unistd.h>

static struct cluster cluster_open(char *folder, const char *access)
{
	return cluster_open_on(&server, folder, access);
}

static int reach_node(struct cluster *c, const char *name, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	struct ssh_command command = {.command = "true", .deadline = clock_deadline(PATIENCE_MS)};

	return reach_ssh(c->reach, name, clock_deadline(PATIENCE_MS), &s, err) < 0 ? -1 : ssh_must_run(s, &command, err);
}

static char *known_key(struct cluster *c, const char *name)
{
	struct node n = {0};
	char *key;

	assert_true(inventory_get(c->inventory, name, &n));
	key = steal_ptr(n.host_key);
	node_clear(&n);
	return key;
}

static char *other_key(void)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key);

	return sshd_read_line(path);
}

static void test_the_first_key_is_kept(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none, hostKeys: first-use");
	CLEANUP_FREE char *other = other_key(), *kept = NULL, *print = ssh_fingerprint(server.host_key);

	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	c = cluster_open(cluster_close(&c), "bastion: none, hostKeys: first-use"); /* it is in the state */
	kept = known_key(&c, "demo-cp-1");
	assert_int_equal(strncmp(server.host_key, kept, strlen(kept)), 0);
	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	inventory_host_key(c.inventory, "demo-cp-1", other); /* as if it had changed since */
	assert_int_equal(reach_node(&c, "demo-cp-1", &test_error), -1);
	assert_kind(ERROR_CONFLICT);
	assert_failure(-1, print);
	cluster_end(&c);
}

static void test_another_key_is_kept_once_compared(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none");
	CLEANUP_FREE char *other = other_key(), *print = ssh_fingerprint(server.host_key), *wrong = ssh_fingerprint(other), *kept = NULL;

	inventory_host_key(c.inventory, "demo-cp-1", other);
	assert_int_equal(reach_node(&c, "demo-cp-1", &test_error), -1);
	assert_failure(-1, "\"davit ssh --host-key SHA256:… demo-cp-1\"");
	assert_failure(reach_accept(c.reach, "demo-cp-1", "SHA256:short", &test_error), "is no fingerprint of a host key");
	assert_success(reach_accept(c.reach, "demo-cp-1", wrong, &test_error));
	assert_int_equal(reach_node(&c, "demo-cp-1", &test_error), -1);
	assert_kind(ERROR_CONFLICT);
	assert_failure(-1, print);
	assert_null(known_key(&c, "demo-cp-1"));
	c = cluster_open(cluster_close(&c), "bastion: none");
	assert_success(reach_accept(c.reach, "demo-cp-1", print, &test_error));
	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	c = cluster_open(cluster_close(&c), "bastion: none");
	kept = known_key(&c, "demo-cp-1");
	assert_int_equal(strncmp(server.host_key, kept, strlen(kept)), 0);
	cluster_end(&c);
}

static int one_first_contact(size_t i UNUSED, void *context, struct error **err)
{
	return reach_node(context, "demo-cp-1", err);
}

static void test_many_first_contacts_agree(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none, hostKeys: first-use");

	assert_success(parallel_for(10, 0, one_first_contact, &c, NULL, &test_error));
	cluster_end(&c);
}

/* Files of known_hosts, and what comes of the first contact. */
static void check_file(const char *host, const char *key, enum error_kind kind, const char *with)
{
	CLEANUP_FREE char *file = xasprintf("%s/known", server.dir), *text = xasprintf("%s %s\n", host, key);
	CLEANUP_FREE char *access = xasprintf("bastion: none, hostKeys: %s", file), *kept = NULL;
	struct cluster c = cluster_open(NULL, access);

	assert_success(path_write(file, text, strlen(text), 0600, &test_error));
	if (with == NULL) {
		assert_success(reach_node(&c, "demo-cp-1", &test_error));
		kept = known_key(&c, "demo-cp-1");
		assert_non_null(kept);
	} else {
		assert_int_equal(reach_node(&c, "demo-cp-1", &test_error), -1);
		assert_kind(kind);
		assert_failure(-1, with);
		assert_null(known_key(&c, "demo-cp-1"));
	}
	cluster_end(&c);
}

static void test_keys_of_a_file(void **state UNUSED)
{
	CLEANUP_FREE char *other = other_key();

	check_file("127.0.0.1", server.host_key, 0, NULL);
	check_file("demo-cp-1", server.host_key, 0, NULL);
	check_file("127.0.0.1", other, ERROR_CONFLICT, "the host key is not the expected one");
	check_file("127.0.0.2", server.host_key, ERROR_CONFIG, "has no host key of demo-cp-1, 127.0.0.1");
}

static int console(void *context, const struct node *n, int64_t deadline UNUSED, char **ret, struct error **err)
{
	if (context == NULL)
		return error_set(err, ERROR_TIMEOUT, "the console of %s stays empty", n->name);
	*ret = xasprintf("%s\n%s", (const char *)context, server.host_key);
	return 0;
}

static void test_keys_of_the_console(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none, hostKeys: console");
	CLEANUP_FREE char *other = other_key(), *kept = NULL;

	assert_failure(reach_node(&c, "demo-cp-1", &test_error), "\"davit apply\" reads it from its console");
	reach_set_console(c.reach, console, NULL);
	assert_failure(reach_node(&c, "demo-cp-1", &test_error), "the console of demo-cp-1 stays empty");
	reach_set_console(c.reach, console, other);
	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	kept = known_key(&c, "demo-cp-1"); /* the one that it showed, not both */
	assert_int_equal(strncmp(server.host_key, kept, strlen(kept)), 0);
	cluster_end(&c);
}

static void test_without_a_key_nothing_is_said(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none");

	assert_failure(reach_node(&c, "demo-cp-1", &test_error), "its SSH host key is not known here");
	cluster_end(&c);
}

static void test_floating_ips_and_the_control_plane(void **state UNUSED)
{
	static const char *const access[] = {"bastion: floatingIPs, hostKeys: first-use", "hostKeys: first-use"};

	for (size_t i = 0; i < ARRAY_SIZE(access); i++) {
		struct cluster c = cluster_open(NULL, access[i]);

		inventory_close(c.inventory, NULL);
		assert_failure(reach_node(&c, "demo-cp-1", &test_error), "has no floating IP");
		inventory_cloud(c.inventory, "demo-cp-1", NODE_ACTIVE, NULL, "127.0.0.1", NULL);
		cluster_add(&c, "demo-w-1", NODE_WORKER);
		inventory_cloud(c.inventory, "demo-w-1", NODE_ACTIVE, NULL, i == 0 ? "127.0.0.1" : NULL, NULL);
		assert_success(reach_node(&c, "demo-cp-1", &test_error));
		assert_success(reach_node(&c, "demo-w-1", &test_error));
		cluster_end(&c);
	}
}

static void test_a_bastion_that_is_not_there(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: server, hostKeys: first-use");

	assert_failure(reach_node(&c, "demo-cp-1", &test_error), "cluster demo has no bastion to go through");
	cluster_add(&c, "demo-bastion", NODE_BASTION);
	inventory_cloud(c.inventory, "demo-bastion", NODE_ACTIVE, NULL, "127.0.0.1", NULL);
	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	cluster_end(&c);
}

static size_t count(const char *file, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	size_t n = 0;

	assert_success(path_read(file, &b, &test_error));
	for (const char *at = buf_str(&b); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static int one_of_fifty(size_t i, void *context, struct error **err)
{
	CLEANUP_FREE char *name = xasprintf("demo-w-%zu", i);

	return reach_node(context, name, err);
}

/* sshd's own limits: MaxStartups 10:30:100, MaxSessions 10. */
static void test_fifty_nodes_through_a_jump_host_with_default_limits(void **state UNUSED)
{
	struct sshd jump = {0};
	CLEANUP_FREE char *access = NULL, *log = NULL;
	struct cluster c;

	assert_success(sshd_start("MaxStartups 10:30:100\nMaxSessions 10\n", &jump, &test_error));
	access = jump_access(&jump, jump.port, jump.host_key);
	log = xasprintf("%s/log", jump.dir);
	c = cluster_open(NULL, access);
	for (int i = 0; i < 50; i++) {
		CLEANUP_FREE char *name = xasprintf("demo-w-%d", i);

		cluster_add(&c, name, NODE_WORKER);
	}
	assert_success(parallel_for(50, 0, one_of_fifty, &c, NULL, &test_error));
	assert_int_equal(count(log, "Accepted publickey"), 1);
	cluster_end(&c);
	sshd_stop(&jump);
}

static void test_a_jump_host_that_refuses(void **state UNUSED)
{
	struct sshd jump = {0};
	CLEANUP_FREE char *other = other_key(), *good = NULL, *bad = NULL;
	struct cluster c;

	assert_success(sshd_start("AllowTcpForwarding no\n", &jump, &test_error));
	good = jump_access(&jump, jump.port, jump.host_key);
	bad = jump_access(&jump, jump.port, other);
	c = cluster_open(NULL, good);
	assert_failure(reach_node(&c, "demo-cp-1", &test_error), "does its sshd_config say AllowTcpForwarding yes?");
	cluster_end(&c);
	c = cluster_open(NULL, bad);
	assert_int_equal(reach_node(&c, "demo-cp-1", &test_error), -1);
	assert_kind(ERROR_CONFLICT);
	assert_failure(-1, "the way in through the jump host 127.0.0.1: ");
	cluster_end(&c);
	sshd_stop(&jump);
}

/* Ports that only nodes may reach are dialled from the control plane, here through the jump host. */
static void test_dials_from_the_control_plane(void **state UNUSED)
{
	CLEANUP_FREE char *access = jump_access(&server, server.port, server.host_key);
	struct cluster c = cluster_open(NULL, access);
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	int fd = -1;

	assert_success(reach_dial(c.reach, "127.0.0.1", port, &fd, &test_error));
	assert_echo(fd, "from the inside");
	close(fd);
	cluster_end(&c);
	peer_stop(peer);
}

/* A peer that takes the connection and then says nothing is tried again. */
static int come_back(void *context, struct error **err UNUSED)
{
	struct relay *r = context;

	while (relay_connections(r) < 2)
		usleep(1000);
	relay_swallow(r, false);
	return 0;
}

static void test_a_silent_login_is_tried_again(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: none, hostKeys: first-use");
	uint16_t port;
	struct relay *r = relay_start(server.port, &port);
	struct parallel_thread *thread;

	relay_swallow(r, true);
	reach_tune(c.reach, &(struct reach_tuning){.port = port, .login_ms = 700});
	thread = parallel_start(come_back, r);
	assert_success(reach_node(&c, "demo-cp-1", &test_error));
	assert_true(relay_connections(r) >= 2);
	assert_int_equal(parallel_join(thread, NULL), 0);
	cluster_end(&c);
	relay_stop(r);
}

struct way_in {
	struct sshd through; /* the relay's port */
	struct relay *relay;
	uint64_t login; /* bytes */
	struct silent_port *port;
};

static int connect_through(void *context, int64_t deadline UNUSED, struct ssh **ret, struct error **err)
{
	const struct way_in *w = context;

	return sshd_connect(&w->through, ret, err);
}

/* Once the port is asked for through it. */
static int break_it(void *context, struct error **err UNUSED)
{
	static const struct relay_fault reset = {.kind = RELAY_RESET};
	struct way_in *w = context;

	while (relay_connections(w->relay) < 2 || relay_passed(w->relay) < w->login + 100)
		usleep(1000);
	relay_arm(w->relay, &reset, relay_passed(w->relay) + 1);
	while (relay_connections(w->relay) < 3)
		usleep(1000);
	silent_port_open(w->port);
	return 0;
}

static void test_who_waits_for_a_port_outlasts_the_way_in(void **state UNUSED)
{
	struct way_in w = {.through = server};
	struct parallel_thread *thread;
	struct jump *jump;
	uint16_t port;
	int fd = -1;

	w.relay = relay_start(server.port, &w.through.port);
	ssh_free(connect_to(&w.through));
	w.login = relay_passed(w.relay);
	w.port = silent_port_new(&port);
	jump = jump_new(connect_through, &w);
	thread = parallel_start(break_it, &w);
	assert_success(jump_dial(jump, "127.0.0.1", port, clock_deadline(PATIENCE_MS), true, &fd, &test_error));
	assert_int_equal(parallel_join(thread, NULL), 0);
	assert_true(relay_connections(w.relay) >= 3);
	close(fd);
	jump_free(jump);
	silent_port_free(w.port);
	relay_stop(w.relay);
}

/* A way in that neither opens nor fails, and that no cancellation ends. */
struct stuck {
	struct jump *jump;
	struct cond moved;
	bool begun, over;
};

static int connect_never(void *context, int64_t deadline UNUSED, struct ssh **ret UNUSED, struct error **err)
{
	struct stuck *s = context;

	cond_lock(&s->moved);
	s->begun = true;
	cond_tell(&s->moved);
	while (!s->over)
		pthread_cond_wait(&s->moved.news, &s->moved.lock);
	cond_unlock(&s->moved);
	return error_set(err, ERROR_NETWORK, "it was never there");
}

static int dial_it(void *context, struct error **err)
{
	struct stuck *s = context;
	int fd = -1;

	return jump_dial(s->jump, "127.0.0.1", 1, clock_deadline(PATIENCE_MS), true, &fd, err);
}

static int cancel_it(void *context UNUSED, struct error **err UNUSED)
{
	cancel_now();
	return 0;
}

static void test_nobody_is_held_up_by_who_connects(void **state UNUSED)
{
	struct stuck s = {0};
	struct parallel_thread *first, *other;
	int fd = -1;

	cond_init(&s.moved);
	s.jump = jump_new(connect_never, &s);
	first = parallel_start(dial_it, &s);
	cond_lock(&s.moved);
	while (!s.begun)
		assert_int_equal(cond_wait(&s.moved, clock_deadline(PATIENCE_MS), &test_error), 1);
	cond_unlock(&s.moved);
	assert_failure(jump_dial(s.jump, "127.0.0.1", 1, clock_deadline(20), true, &fd, &test_error), "did not open in time");
	other = parallel_start(cancel_it, NULL);
	assert_int_equal(dial_it(&s, &test_error), -1);
	assert_kind(ERROR_CANCELLED);
	error_clear(&test_error);
	assert_int_equal(parallel_join(other, NULL), 0);
	cond_lock(&s.moved);
	s.over = true;
	cond_tell(&s.moved);
	cond_unlock(&s.moved);
	assert_int_equal(parallel_join(first, &test_error), -1);
	assert_kind(ERROR_NETWORK);
	error_clear(&test_error);
	cancel_reset();
	jump_free(s.jump);
	cond_destroy(&s.moved);
}

/* ssh(1) with what openssh_config() writes; its port is the tests' own. */
static int run_openssh(struct cluster *c, const char *node)
{
	CLEANUP_FREE char *key = state_path(c->state, "ssh/id_ed25519"), *known = state_path(c->state, "ssh/known %hosts");
	CLEANUP_FREE char *config = state_path(c->state, "ssh/config");
	CLEANUP_FREE char *command = xasprintf("ssh -F %s -p %u -o BatchMode=yes %s exit 7 </dev/null 2>%s.log", config, server.port, node, config);
	CLEANUP_BUF struct buf text = BUF_INIT, keys = BUF_INIT;
	int status;

	openssh_config(c->spec, c->inventory, key, known, &text);
	openssh_known_hosts(c->spec, c->inventory, &keys);
	assert_success(path_write(config, text.data, text.len, 0600, &test_error));
	assert_success(path_write(known, keys.data, keys.len, 0600, &test_error));
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_openssh_goes_the_same_ways(void **state UNUSED)
{
	CLEANUP_FREE char *jump = jump_access(&server, server.port, server.host_key), *other = other_key();
	const char *const access[] = {"bastion: none, hostKeys: first-use", "bastion: floatingIPs, hostKeys: first-use", jump};

	for (size_t i = 0; i < ARRAY_SIZE(access); i++) {
		struct cluster c = cluster_open(NULL, access[i]);

		inventory_cloud(c.inventory, "demo-cp-1", NODE_ACTIVE, NULL, "127.0.0.1", NULL);
		assert_success(reach_node(&c, "demo-cp-1", &test_error));
		assert_int_equal(run_openssh(&c, "demo-cp-1"), 7);
		inventory_host_key(c.inventory, "demo-cp-1", other);
		assert_int_equal(run_openssh(&c, "demo-cp-1"), 255); /* the host key is checked */
		cluster_end(&c);
	}
}

static void test_openssh_gets_the_jumps(void **state UNUSED)
{
	struct cluster c = cluster_open(NULL, "bastion: server");
	CLEANUP_BUF struct buf text = BUF_INIT;

	cluster_add(&c, "demo-bastion", NODE_BASTION);
	cluster_add(&c, "demo-w-1", NODE_WORKER);
	inventory_cloud(c.inventory, "demo-bastion", NODE_ACTIVE, NULL, "192.0.2.7", NULL);
	inventory_host_key(c.inventory, "demo-bastion", server.host_key);
	inventory_host_key(c.inventory, "demo-cp-1", server.host_key);
	openssh_config(c.spec, c.inventory, "/key", "/known", &text);
	assert_non_null(strstr(buf_str(&text), "Host demo-bastion\n\tHostName 192.0.2.7\n"));
	assert_non_null(strstr(buf_str(&text), "\tHostKeyAlias demo-cp-1\n\tProxyJump demo-bastion\n"));
	assert_non_null(strstr(buf_str(&text), "# demo-w-1 was not reached yet\n"));
	assert_null(strstr(buf_str(&text), "Host demo-w-1"));
	cluster_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_key_is_kept),
		cmocka_unit_test(test_another_key_is_kept_once_compared),
		cmocka_unit_test(test_many_first_contacts_agree),
		cmocka_unit_test(test_keys_of_a_file),
		cmocka_unit_test(test_keys_of_the_console),
		cmocka_unit_test(test_without_a_key_nothing_is_said),
		cmocka_unit_test(test_floating_ips_and_the_control_plane),
		cmocka_unit_test(test_a_bastion_that_is_not_there),
		cmocka_unit_test(test_fifty_nodes_through_a_jump_host_with_default_limits),
		cmocka_unit_test(test_a_jump_host_that_refuses),
		cmocka_unit_test(test_dials_from_the_control_plane),
		cmocka_unit_test(test_a_silent_login_is_tried_again),
		cmocka_unit_test(test_who_waits_for_a_port_outlasts_the_way_in),
		cmocka_unit_test(test_nobody_is_held_up_by_who_connects),
		cmocka_unit_test(test_openssh_goes_the_same_ways),
		cmocka_unit_test(test_openssh_gets_the_jumps),
	};

	log_init(LOG_ERROR, false); /* first use is told each time */
	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
