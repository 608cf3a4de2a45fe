#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "tests/integration/bastion_fixture.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_many_connections_at_the_same_time(void **state UNUSED)
{
	struct many m = {.bytes = 100000};
	struct peer *peer = peer_start(PEER_ECHO, &m.port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);

	m.bastion = b;
	assert_success(parallel_for(50, 0, one_echo, &m, NULL, &test_error));
	assert_success(parallel_for(300, 100, one_echo, &m, NULL, &test_error));
	assert_true(bastion_alive(b));
	peer_stop(peer);
}

static void test_a_refused_connection_fails_at_once(void **state UNUSED)
{
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	int64_t begin = clock_ms();
	int fd = -1;

	peer_stop(peer); /* now nobody listens there */
	assert_int_equal(bastion_dial(b, "127.0.0.1", port, clock_deadline(20000), &fd, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_NETWORK);
	assert_failure(-1, "through node-1: ");
	assert_in_range(clock_ms() - begin, 0, AT_ONCE_MS);
	assert_failure(bastion_dial(b, "bad host\n", 1, clock_deadline(1000), &fd, &test_error), "is no host name");
}

static void test_forwarding_may_be_forbidden(void **state UNUSED)
{
	struct sshd d = {0};
	int fd = -1;

	assert_success(sshd_start("AllowTcpForwarding no\n", &d, &test_error));
	{
		CLEANUP_BASTION struct bastion *b = bastion_to(&d);

		assert_int_equal(bastion_dial_wait(b, "127.0.0.1", d.port, clock_deadline(5000), &fd, &test_error), -1);
		assert_int_equal(error_kind(test_error), ERROR_REMOTE);
		assert_failure(-1, "AllowTcpForwarding");
	}
	sshd_stop(&d);
}

struct opener {
	struct silent_port *port;
	int64_t ms;
};

static int open_later(void *context, struct error **err UNUSED)
{
	const struct opener *o = context;

	usleep((useconds_t)(o->ms * 1000));
	silent_port_open(o->port);
	return 0;
}

/* As long as a host is silent the others must not wait for it. */
static void check_silent_port(const struct sshd *d)
{
	uint16_t silent, echo;
	struct opener o = {.ms = 2500};
	struct peer *peer = peer_start(PEER_ECHO, &echo);
	CLEANUP_BASTION struct bastion *b = bastion_to(d);
	struct parallel_thread *thread;
	int64_t begin = clock_ms();
	int fd = -1;

	o.port = silent_port_new(&silent);
	assert_int_equal(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(1500), &fd, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_TIMEOUT);
	assert_failure(-1, "did not open in time, seen from node-1");
	assert_in_range(clock_ms() - begin, 1400, AT_ONCE_MS);
	begin = clock_ms();
	fd = dial(b, echo);
	assert_in_range(clock_ms() - begin, 0, AT_ONCE_MS);
	close(fd);

	begin = clock_ms();
	thread = parallel_start(open_later, &o);
	assert_success(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(30000), &fd, &test_error));
	assert_in_range(clock_ms() - begin, 2400, 2500 + AT_ONCE_MS);
	close(fd);
	assert_int_equal(parallel_join(thread, NULL), 0);
	silent_port_free(o.port);
	peer_stop(peer);
}

static void test_a_silent_port_is_waited_for_and_blocks_nobody(void **state UNUSED)
{
	check_silent_port(&server);
}

static void test_the_same_where_there_is_no_python(void **state UNUSED)
{
	CLEANUP_FREE char *bin = xasprintf("%s/bin", server.dir), *path = xasprintf("SetEnv PATH=%s\n", bin);
	CLEANUP_FREE char *bash = xasprintf("%s/bash", bin), *timeout = xasprintf("%s/timeout", bin);
	struct sshd d = {0};

	assert_int_equal(mkdir(bin, 0700), 0);
	assert_int_equal(symlink("/bin/bash", bash), 0);
	assert_int_equal(symlink("/usr/bin/timeout", timeout), 0);
	assert_success(sshd_start(path, &d, &test_error));
	check_silent_port(&d);
	sshd_stop(&d);
}

static int one_wait(size_t i UNUSED, void *context, struct error **err)
{
	const struct many *m = context;
	int fd = -1;

	if (bastion_dial_wait(m->bastion, "127.0.0.1", m->port, clock_deadline(30000), &fd, err) < 0)
		return -1;
	close(fd);
	return 0;
}

static void test_many_wait_for_their_ports(void **state UNUSED)
{
	struct many m = {0};
	struct peer *peer = peer_start(PEER_ECHO, &m.port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);

	m.bastion = b;
	assert_success(parallel_for(300, 0, one_wait, &m, NULL, &test_error));
	peer_stop(peer);
}

static void test_waiting_works_without_commands_on_the_jump_host(void **state UNUSED)
{
	static const char *const limits[] = {"ForceCommand /bin/false\n", "MaxSessions 0\n"};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		uint16_t port;
		struct peer *peer = peer_start(PEER_ECHO, &port);
		struct sshd d = {0};
		int fd = -1;

		assert_success(sshd_start(limits[i], &d, &test_error));
		{
			CLEANUP_BASTION struct bastion *b = bastion_to(&d);

			assert_success(bastion_dial_wait(b, "127.0.0.1", port, clock_deadline(10000), &fd, &test_error));
			assert_echo(fd, "without a shell");
			close(fd);
		}
		sshd_stop(&d);
		peer_stop(peer);
	}
}

/* The server's process of the bastion's connection: the child of sshd that began last. */
static int newest_child(int parent)
{
	CLEANUP_FREE char *command = xasprintf("ps -o pid= --ppid %d --sort=-start_time,-pid | head -n 1", parent);
	FILE *f = popen(command, "r");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	pclose(f);
	return pid;
}

static void test_all_connections_end_with_the_session(void **state UNUSED)
{
	struct sshd d = {0};
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	int fds[30], fd = -1;

	assert_success(sshd_start(NULL, &d, &test_error));
	{
		CLEANUP_BASTION struct bastion *b = bastion_to(&d);

		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			fds[i] = dial(b, port);
			assert_echo(fds[i], "still there");
		}
		assert_true(bastion_alive(b));
		kill(newest_child(d.pid), SIGKILL);
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			assert_true(ends_within(fds[i], 1000));
			close(fds[i]);
		}
		assert_false(bastion_alive(b));
		assert_int_equal(bastion_dial(b, "127.0.0.1", port, clock_deadline(5000), &fd, &test_error), -1);
		assert_int_equal(error_kind(test_error), ERROR_NETWORK);
		error_clear(&test_error);
		assert_int_equal(bastion_dial_wait(b, "127.0.0.1", port, clock_deadline(5000), &fd, &test_error), -1);
		assert_failure(-1, "through node-1");
	}
	sshd_stop(&d);
	peer_stop(peer);
}

static void test_an_idle_session_is_seen_to_die(void **state UNUSED)
{
	struct sshd d = {0};
	int64_t deadline = clock_deadline(AT_ONCE_MS);

	assert_success(sshd_start(NULL, &d, &test_error));
	{
		CLEANUP_BASTION struct bastion *b = bastion_to(&d);

		usleep(300000); /* what sshd says after the login has been read */
		assert_true(bastion_alive(b));
		kill(newest_child(d.pid), SIGKILL);
		while (bastion_alive(b) && clock_ms() < deadline)
			usleep(5000);
		assert_false(bastion_alive(b));
	}
	sshd_stop(&d);
}

static void test_freeing_ends_all_connections(void **state UNUSED)
{
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	struct bastion *b = bastion_to(&server);
	int fds[5];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial(b, port);
	assert_echo(fds[2], "in the middle");
	bastion_free(b);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_true(ends_within(fds[i], 100));
		close(fds[i]);
	}
	peer_stop(peer);
}

static int pull_the_switch(void *context UNUSED, struct error **err UNUSED)
{
	usleep(200000);
	cancel_now();
	return 0;
}

static void test_cancelling_ends_it(void **state UNUSED)
{
	uint16_t silent;
	struct silent_port *port = silent_port_new(&silent);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	struct parallel_thread *thread = parallel_start(pull_the_switch, NULL);
	int64_t begin = clock_ms(), deadline = clock_deadline(AT_ONCE_MS);
	int fd = -1;

	assert_int_equal(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(20000), &fd, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CANCELLED);
	error_clear(&test_error);
	assert_in_range(clock_ms() - begin, 100, AT_ONCE_MS);
	while (bastion_alive(b) && clock_ms() < deadline)
		usleep(5000);
	assert_false(bastion_alive(b));
	assert_int_equal(parallel_join(thread, NULL), 0);
	cancel_reset();
	silent_port_free(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_connections_at_the_same_time),
		cmocka_unit_test(test_a_refused_connection_fails_at_once),
		cmocka_unit_test(test_forwarding_may_be_forbidden),
		cmocka_unit_test(test_a_silent_port_is_waited_for_and_blocks_nobody),
		cmocka_unit_test(test_the_same_where_there_is_no_python),
		cmocka_unit_test(test_many_wait_for_their_ports),
		cmocka_unit_test(test_waiting_works_without_commands_on_the_jump_host),
		cmocka_unit_test(test_all_connections_end_with_the_session),
		cmocka_unit_test(test_an_idle_session_is_seen_to_die),
		cmocka_unit_test(test_freeing_ends_all_connections),
		cmocka_unit_test(test_cancelling_ends_it),
	};

	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
