#include "core/net/bastion.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/net/dial.h"
#include "tests/integration/peer.h"
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

/* libssh2 1.10 leaks the host key, 51 bytes, each time the keys of a connection change. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libssh2.so\n";
}

static struct sshd server;

static int start(void **state UNUSED)
{
	ssh_global_init();
	cancel_init();
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_available()) {
		print_message("there is no sshd that can be started here\n");
		_exit(77); /* meson: skipped */
	}
	assert_success(sshd_start(NULL, &server, &test_error));
	return 0;
}

static int stop(void **state UNUSED)
{
	sshd_stop(&server);
	return 0;
}

static void bastion_free_ptr(struct bastion **b)
{
	bastion_free(*b);
}
#define CLEANUP_BASTION CLEANUP(bastion_free_ptr)

static struct bastion *bastion_to(const struct sshd *d)
{
	struct ssh *s = NULL;
	struct bastion *b = NULL;

	assert_success(sshd_connect(d, &s, &test_error));
	assert_success(bastion_new(s, &b, &test_error));
	return b;
}

static int dial(struct bastion *b, uint16_t port)
{
	int fd = -1;

	assert_success(bastion_dial(b, "127.0.0.1", port, clock_deadline(20000), &fd, &test_error));
	return fd;
}

static int send_all(int fd, const void *p, size_t n, struct error **err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t r = send(fd, at, n, MSG_NOSIGNAL);

		if (r < 0)
			return error_set(err, ERROR_INTERNAL, "send: %s", strerror(errno));
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

/* To the end of the stream, or until n bytes are there. */
static int receive(int fd, void *p, size_t n, size_t *ret, struct error **err)
{
	*ret = 0;
	while (*ret < n) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t r = poll(&ready, 1, 20000) > 0 ? recv(fd, (char *)p + *ret, n - *ret, 0) : -1;

		if (r < 0)
			return error_set(err, ERROR_INTERNAL, "recv: %s", strerror(errno));
		if (r == 0)
			break;
		*ret += (size_t)r;
	}
	return 0;
}

static void assert_echo(int fd, const char *text)
{
	char back[64];
	size_t n = 0;

	assert_success(send_all(fd, text, strlen(text), &test_error));
	assert_success(receive(fd, back, strlen(text), &n, &test_error));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(back, text, n);
}

static bool ends_within(int fd, int ms)
{
	int64_t deadline = clock_deadline(ms);
	char chunk[4096];

	while (clock_ms() < deadline) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 10) > 0 && recv(fd, chunk, sizeof(chunk), 0) <= 0)
			return true;
	}
	return false;
}

struct many {
	struct bastion *bastion;
	uint16_t port;
	size_t bytes;
};

static int one_echo(size_t i, void *context, struct error **err)
{
	const struct many *m = context;
	CLEANUP_FREE unsigned char *sent = xcalloc(m->bytes, 1), *got = xcalloc(m->bytes, 1);
	size_t n = 0;
	char last;
	int fd = -1, r;

	peer_fill(sent, m->bytes, i * 1000);
	if (bastion_dial(m->bastion, "127.0.0.1", m->port, clock_deadline(30000), &fd, err) < 0)
		return -1;
	r = send_all(fd, sent, m->bytes, err);
	shutdown(fd, SHUT_WR);
	if (r == 0)
		r = receive(fd, got, m->bytes, &n, err);
	if (r == 0 && (n != m->bytes || memcmp(sent, got, n) != 0))
		r = error_set(err, ERROR_INTERNAL, "connection %zu: %zu bytes of %zu, or others, came back", i, n, m->bytes);
	if (r == 0 && (receive(fd, &last, 1, &n, err) < 0 || n != 0))
		r = error_set(err, ERROR_INTERNAL, "connection %zu did not end", i);
	close(fd);
	return r;
}

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

static void test_one_side_may_end_first(void **state UNUSED)
{
	uint16_t port;
	struct peer *peer = peer_start(PEER_SUM, &port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	char expected[DIGEST_HEX_LEN + 1], got[DIGEST_HEX_LEN + 1] = "";
	size_t n = 0;
	int fd = dial(b, port);

	digest_hex("half a connection", 17, expected);
	assert_success(send_all(fd, "half a connection", 17, &test_error));
	shutdown(fd, SHUT_WR);
	assert_success(receive(fd, got, DIGEST_HEX_LEN, &n, &test_error));
	assert_string_equal(got, expected);
	assert_true(ends_within(fd, 2000));
	close(fd);
	peer_stop(peer);
}

static void test_what_was_written_before_a_close_arrives(void **state UNUSED)
{
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	int64_t deadline;

	for (int i = 0; i < 20; i++) {
		int fd = dial(b, port);

		assert_success(send_all(fd, "good bye", 8, &test_error));
		close(fd);
	}
	deadline = clock_deadline(5000);
	while (peer_connections(peer) > 0 && clock_ms() < deadline)
		usleep(5000);
	assert_int_equal(peer_connections(peer), 0);
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
	assert_in_range(clock_ms() - begin, 0, 1000);
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
static void test_a_silent_port_is_waited_for_and_blocks_nobody(void **state UNUSED)
{
	uint16_t silent, echo;
	struct opener o = {.ms = 2500};
	struct peer *peer = peer_start(PEER_ECHO, &echo);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	struct parallel_thread *thread;
	int64_t begin = clock_ms();
	int fd = -1;

	o.port = silent_port_new(&silent);
	assert_int_equal(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(1500), &fd, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_TIMEOUT);
	assert_failure(-1, "did not open in time, seen from node-1");
	assert_in_range(clock_ms() - begin, 1400, 2500);
	begin = clock_ms();
	fd = dial(b, echo);
	assert_in_range(clock_ms() - begin, 0, 500);
	close(fd);

	begin = clock_ms();
	thread = parallel_start(open_later, &o);
	assert_success(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(15000), &fd, &test_error));
	assert_in_range(clock_ms() - begin, 2400, 6000);
	close(fd);
	assert_int_equal(parallel_join(thread, NULL), 0);
	silent_port_free(o.port);
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
	int64_t deadline = clock_deadline(2000);

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

/* 300 MB up: the sum comes back. */
static void check_up(struct bastion *b, uint64_t total)
{
	static unsigned char chunk[65536];
	uint16_t port;
	struct peer *peer = peer_start(PEER_SUM, &port);
	struct digest *d = digest_new();
	char expected[DIGEST_HEX_LEN + 1], got[DIGEST_HEX_LEN + 1] = "";
	size_t n = 0;
	int fd = dial(b, port);

	for (uint64_t at = 0; at < total; at += n) {
		n = MIN(sizeof(chunk), total - at);
		peer_fill(chunk, n, at);
		digest_update(d, chunk, n);
		assert_success(send_all(fd, chunk, n, &test_error));
	}
	shutdown(fd, SHUT_WR);
	digest_final(d, expected);
	assert_success(receive(fd, got, DIGEST_HEX_LEN, &n, &test_error));
	assert_string_equal(got, expected);
	close(fd);
	peer_stop(peer);
}

static void check_down(struct bastion *b)
{
	static unsigned char chunk[65536], expected[65536];
	uint16_t port;
	struct peer *peer = peer_start(PEER_GIVE, &port);
	uint64_t at = 0;
	size_t n = 0;
	int fd = dial(b, port);

	do {
		assert_success(receive(fd, chunk, sizeof(chunk), &n, &test_error));
		peer_fill(expected, n, at);
		assert_memory_equal(chunk, expected, n);
		at += n;
	} while (n > 0);
	assert_int_equal(at, PEER_GIVEN);
	close(fd);
	peer_stop(peer);
}

static void test_300_mb_go_both_ways(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);

	check_up(b, PEER_GIVEN + 17);
	check_down(b);
}

static size_t memory_now(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	size_t pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*s %zu", &pages), 1);
	fclose(f);
	return pages * 4096;
}

static void test_who_does_not_read_stops_the_sender_and_nobody_else(void **state UNUSED)
{
	uint16_t flood, echo;
	struct peer *flooding = peer_start(PEER_FLOOD, &flood), *echoing = peer_start(PEER_ECHO, &echo);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	struct many m = {.bastion = b, .port = echo, .bytes = 300000};
	int fds[10];
	size_t before = memory_now(), after;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial(b, flood);
	usleep(500000);
	assert_success(parallel_for(20, 5, one_echo, &m, NULL, &test_error));
	after = memory_now();
	assert_in_range(after > before ? after - before : 0, 0, 150u << 20); /* ten windows of 2 MiB, and the tools' own */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	assert_success(parallel_for(20, 5, one_echo, &m, NULL, &test_error));
	peer_stop(flooding);
	peer_stop(echoing);
}

/* Also the sender that is stopped in the other direction: an echo whose answers nobody reads. */
static void test_a_connection_that_is_full_in_both_directions_recovers(void **state UNUSED)
{
	static unsigned char chunk[65536], got[65536];
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);
	struct many m = {.bastion = b, .port = port, .bytes = 1000};
	uint64_t sent = 0, seen = 0;
	size_t n = 0;
	int fd = dial(b, port);

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t r;

		if (poll(&p, 1, 500) == 0)
			break; /* all buffers on the way are full */
		peer_fill(chunk, sizeof(chunk), sent);
		r = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);
		assert_true(r > 0);
		sent += (uint64_t)r;
	}
	assert_success(parallel_for(5, 5, one_echo, &m, NULL, &test_error));
	shutdown(fd, SHUT_WR);
	do {
		assert_success(receive(fd, got, sizeof(got), &n, &test_error));
		peer_fill(chunk, n, seen);
		assert_memory_equal(got, chunk, n);
		seen += n;
	} while (n > 0);
	assert_int_equal(seen, sent);
	close(fd);
	peer_stop(peer);
}

static int session_through(struct bastion *b, const struct sshd *d, const char *name, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.name = name,
				  .user = d->user,
				  .key_file = d->key_file,
				  .host_key = d->host_key,
				  .deadline = clock_deadline(20000)};
	int fd = -1;

	if (bastion_dial_wait(b, "127.0.0.1", d->port, login.deadline, &fd, err) < 0)
		return -1;
	return ssh_connect(fd, &login, ret, err);
}

static int one_session(size_t i, void *context, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_FREE char *text = xasprintf("node %zu\n", i);
	struct ssh_command c = {.command = "cat; head -c 3000000 /dev/zero >&2",
				.in = text,
				.in_len = strlen(text),
				.out = &out,
				.deadline = clock_deadline(30000)};

	if (session_through(context, &server, "inner", &s, err) < 0 || ssh_must_run(s, &c, err) < 0)
		return -1;
	return strcmp(buf_str(&out), text) == 0
		       ? 0
		       : error_set(err, ERROR_INTERNAL, "\"%s\" came back as \"%s\"", text, buf_str(&out));
}

static void test_sessions_go_through_it(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *b = bastion_to(&server);

	assert_success(parallel_for(20, 10, one_session, b, NULL, &test_error));
}

static void test_a_bastion_goes_through_a_bastion(void **state UNUSED)
{
	CLEANUP_BASTION struct bastion *outer = bastion_to(&server), *inner = NULL;
	struct many m = {.bytes = 200000};
	struct peer *peer = peer_start(PEER_ECHO, &m.port);
	struct ssh *s = NULL;

	assert_success(session_through(outer, &server, "inner", &s, &test_error));
	assert_success(bastion_new(s, &inner, &test_error));
	m.bastion = inner;
	assert_success(parallel_for(30, 10, one_echo, &m, NULL, &test_error));
	bastion_free(inner);
	inner = NULL;
	peer_stop(peer);
}

static void test_keys_change_while_data_flows(void **state UNUSED)
{
	struct many m = {.bytes = 3000000};
	struct peer *peer = peer_start(PEER_ECHO, &m.port);
	struct sshd d = {0};

	assert_success(sshd_start("RekeyLimit 8M\n", &d, &test_error));
	m.bastion = bastion_to(&d);
	assert_success(parallel_for(20, 10, one_echo, &m, NULL, &test_error));
	check_up(m.bastion, 60000000);
	bastion_free(m.bastion);
	sshd_stop(&d);
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
	int64_t begin = clock_ms(), deadline = clock_deadline(2000);
	int fd = -1;

	assert_int_equal(bastion_dial_wait(b, "127.0.0.1", silent, clock_deadline(20000), &fd, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CANCELLED);
	error_clear(&test_error);
	assert_in_range(clock_ms() - begin, 100, 1000);
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
		cmocka_unit_test(test_one_side_may_end_first),
		cmocka_unit_test(test_what_was_written_before_a_close_arrives),
		cmocka_unit_test(test_a_refused_connection_fails_at_once),
		cmocka_unit_test(test_forwarding_may_be_forbidden),
		cmocka_unit_test(test_a_silent_port_is_waited_for_and_blocks_nobody),
		cmocka_unit_test(test_waiting_works_without_commands_on_the_jump_host),
		cmocka_unit_test(test_all_connections_end_with_the_session),
		cmocka_unit_test(test_an_idle_session_is_seen_to_die),
		cmocka_unit_test(test_freeing_ends_all_connections),
		cmocka_unit_test(test_300_mb_go_both_ways),
		cmocka_unit_test(test_who_does_not_read_stops_the_sender_and_nobody_else),
		cmocka_unit_test(test_a_connection_that_is_full_in_both_directions_recovers),
		cmocka_unit_test(test_sessions_go_through_it),
		cmocka_unit_test(test_a_bastion_goes_through_a_bastion),
		cmocka_unit_test(test_keys_change_while_data_flows),
		cmocka_unit_test(test_cancelling_ends_it),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
