#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/net/ssh_internal.h"
#include "tests/integration/bastion_fixture.h"
#include "tests/integration/relay.h"
#include <poll.h>
#include <stdio.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* The session's keepalives find that nothing comes any more; who waits on a connection through it is told by its end. */
static void test_a_black_hole_is_noticed(void **state UNUSED)
{
	struct many m = {.bytes = 1000};
	struct peer *peer = peer_start(PEER_ECHO, &m.port);
	struct sshd through = server;
	struct relay *relay = relay_start(server.port, &through.port);
	struct ssh *s = connect_to(&through);
	int64_t begin;
	int fd;

	s->ask_ms = 200;
	s->answer_ms = 300;
	assert_success(bastion_new(s, &m.bastion, &test_error));
	fd = dial(m.bastion, m.port);
	assert_echo(fd, "before");
	relay_swallow(relay, true);
	begin = clock_ms();
	assert_true(ends_within(fd, 20000));
	assert_in_range(clock_ms() - begin, 200, 15000);
	assert_false(bastion_alive(m.bastion));
	close(fd);
	bastion_free(m.bastion);

	relay_swallow(relay, false); /* and a new one works */
	m.bastion = bastion_to(&through);
	assert_success(parallel_for(5, 5, one_echo, &m, NULL, &test_error));
	bastion_free(m.bastion);
	relay_stop(relay);
	peer_stop(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_side_may_end_first),
		cmocka_unit_test(test_what_was_written_before_a_close_arrives),
		cmocka_unit_test(test_300_mb_go_both_ways),
		cmocka_unit_test(test_who_does_not_read_stops_the_sender_and_nobody_else),
		cmocka_unit_test(test_a_connection_that_is_full_in_both_directions_recovers),
		cmocka_unit_test(test_sessions_go_through_it),
		cmocka_unit_test(test_a_bastion_goes_through_a_bastion),
		cmocka_unit_test(test_keys_change_while_data_flows),
		cmocka_unit_test(test_a_black_hole_is_noticed),
	};

	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
