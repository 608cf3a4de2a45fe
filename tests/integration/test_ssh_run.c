#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/net/ssh_internal.h"
#include "tests/integration/ssh_fixture.h"
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

static void test_a_command_runs(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	CLEANUP_BUF struct buf out = BUF_INIT, errors = BUF_INIT;

	assert_int_equal(run_on(s, "echo hello; echo oops >&2; exit 7", &out, &errors), 7);
	assert_string_equal(buf_str(&out), "hello\n");
	assert_string_equal(buf_str(&errors), "oops\n");
	assert_int_equal(run_on(s, "true", NULL, NULL), 0);
}

static void test_a_signal_is_128_and_its_number(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	assert_int_equal(run_on(s, "kill -TERM $$", NULL, NULL), 128 + SIGTERM);
	assert_int_equal(run_on(s, "kill -KILL $$", NULL, NULL), 128 + SIGKILL);
}

/* A stream of a known pattern, and its digest. */
struct stream {
	size_t left, seen;
	struct digest *digest;
	unsigned char pattern[65536];
};

static void stream_init(struct stream *t, size_t n)
{
	random_bytes(t->pattern, sizeof(t->pattern));
	t->left = n;
	t->digest = digest_new();
}

static int stream_read(void *p, size_t n, size_t *ret_n, void *context, struct error **err UNUSED)
{
	struct stream *t = context;

	n = n < t->left ? n : t->left;
	n = n < sizeof(t->pattern) ? n : sizeof(t->pattern);
	memcpy(p, t->pattern, n);
	digest_update(t->digest, p, n);
	t->left -= n;
	*ret_n = n;
	return 0;
}

static int stream_write(const void *p, size_t n, void *context, struct error **err UNUSED)
{
	struct stream *t = context;

	digest_update(t->digest, p, n);
	t->seen += n;
	return 0;
}

static void check_up(struct ssh *s, size_t n)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct stream t = {0};
	struct ssh_command c = {
		.command = "sha256sum", .read = stream_read, .read_context = &t, .out = &out, .deadline = clock_deadline(60000)};
	char hex[DIGEST_HEX_LEN + 1];

	stream_init(&t, n);
	assert_success(ssh_must_run(s, &c, &test_error));
	digest_final(t.digest, hex);
	assert_memory_equal(buf_str(&out), hex, DIGEST_HEX_LEN);
}

static void test_200_mb_go_up(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	check_up(s, (size_t)200 * MIB + 12345);
}

/* Made by a file, so that its digest is known on both sides. */
static void check_down(struct ssh *s, size_t n)
{
	CLEANUP_BUF struct buf errors = BUF_INIT;
	struct stream t = {.digest = digest_new()};
	CLEANUP_FREE char *command =
		xasprintf("f=%s/down; head -c %zu /dev/urandom >$f; cat $f; sha256sum $f >&2; rm $f", server.dir, n);
	struct ssh_command c = {.command = command,
				.write = stream_write,
				.write_context = &t,
				.errors = &errors,
				.deadline = clock_deadline(60000)};
	char hex[DIGEST_HEX_LEN + 1];

	assert_success(ssh_must_run(s, &c, &test_error));
	digest_final(t.digest, hex);
	assert_int_equal(t.seen, n);
	assert_memory_equal(buf_str(&errors), hex, DIGEST_HEX_LEN);
}

static void test_200_mb_come_down(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	check_down(s, (size_t)200 * MIB + 4321);
}

static void check_both(struct ssh *s, size_t n)
{
	struct stream up = {0}, down = {.digest = digest_new()};
	struct ssh_command c = {.command = "tee /dev/stderr",
				.read = stream_read,
				.read_context = &up,
				.write = stream_write,
				.write_context = &down,
				.deadline = clock_deadline(60000)};
	char sent[DIGEST_HEX_LEN + 1], got[DIGEST_HEX_LEN + 1];

	stream_init(&up, n);
	assert_success(ssh_must_run(s, &c, &test_error));
	digest_final(up.digest, sent);
	digest_final(down.digest, got);
	assert_int_equal(down.seen, n);
	assert_string_equal(sent, got);
}

static void test_both_ways_at_once_do_not_block(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	check_both(s, (size_t)64 * MIB + 1);
}

static void test_keys_change_while_data_flows(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;
	struct sshd d = {0};

	assert_success(sshd_start("RekeyLimit 8M\n", &d, &test_error));
	sshd_leaks(true); /* libssh2 1.10 leaks the host key, 51 bytes, with each change */
	s = connect_to(&d);
	check_up(s, (size_t)100 * MIB + 1);
	check_down(s, (size_t)100 * MIB + 1);
	check_both(s, (size_t)50 * MIB + 1);
	sshd_leaks(false);
	sshd_stop(&d);
}

static void test_a_command_that_reads_nothing_ends(void **state UNUSED)
{
	static const struct {
		const char *command;
		int status;
	} commands[] = {
		{"exit 3", 3},
		{"head -c 10 >/dev/null; exit 4", 4},
		{"exec <&-; sleep 0.3; exit 5", 5},
		{"exec >&- 2>&-; cat >/dev/null; exit 6", 6}, /* its output ends before its input does */
	};
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct stream t = {0};
		struct ssh_command c = {.command = commands[i].command,
					.read = stream_read,
					.read_context = &t,
					.deadline = clock_deadline(20000)};
		int status = -1;

		stream_init(&t, (size_t)32 * MIB);
		assert_success(ssh_run(s, &c, &status, &test_error));
		digest_free(t.digest);
		assert_int_equal(status, commands[i].status);
	}
}

static void test_must_run_says_what_the_command_said(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	struct ssh_command c = {.command = "seq 1 100 >&2; echo no such disk >&2; exit 9", .deadline = clock_deadline(20000)};

	assert_int_equal(ssh_must_run(s, &c, &test_error), -1);
	assert_kind(ERROR_NODE);
	assert_non_null(strstr(error_message(test_error), "status 9"));
	assert_null(strstr(error_message(test_error), "\n50\n"));
	assert_failure(-1, "100\nno such disk");
}

static void test_only_the_end_of_much_error_output_is_kept(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	CLEANUP_BUF struct buf errors = BUF_INIT;

	assert_int_equal(run_on(s, "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2", NULL, &errors), 0);
	assert_int_equal(errors.len, 64 * 1024);
	assert_string_equal(errors.data + errors.len - 4, "end\n");
}

static void test_a_deadline_ends_the_wait_and_not_the_session(void **state UNUSED)
{
	static const char *const commands[] = {"sleep 30", "yes", "exec cat >/dev/null"};
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct ssh_command c = {.command = commands[i], .deadline = clock_deadline(500)};
		int64_t begin = clock_ms();
		struct stream t = {0};
		int status = -1;

		stream_init(&t, SIZE_MAX);
		if (i == 2) {
			c.read = stream_read;
			c.read_context = &t;
		}
		assert_int_equal(ssh_run(s, &c, &status, &test_error), -1);
		digest_free(t.digest);
		assert_kind(ERROR_TIMEOUT);
		assert_failure(-1, "node-1: cannot wait for the end of a command: it took too long");
		assert_in_range(clock_ms() - begin, 450, AT_ONCE_MS);
		assert_int_equal(run_on(s, "true", NULL, NULL), 0);
	}
}

static int refuse_write(const void *p UNUSED, size_t n UNUSED, void *context UNUSED, struct error **err)
{
	return error_set(err, ERROR_INTERNAL, "no room");
}

static void test_an_error_of_a_callback_comes_back(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	struct ssh_command c = {.command = "yes", .write = refuse_write, .deadline = clock_deadline(10000)};
	int status = -1;

	assert_failure(ssh_run(s, &c, &status, &test_error), "no room");
	assert_int_equal(run_on(s, "true", NULL, NULL), 0);
}

/* What runs beside a command: after a while it pulls the switch, or the server's process. */
struct later {
	int pid;
	int64_t ms;
};

static int do_later(void *context, struct error **err UNUSED)
{
	const struct later *l = context;
	struct timespec ts = {.tv_sec = l->ms / 1000, .tv_nsec = l->ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
	if (l->pid > 0)
		kill(l->pid, SIGKILL);
	else
		cancel_now();
	return 0;
}

static void interrupt(const char *command, bool streaming, struct ssh *s, struct later *l, enum error_kind kind)
{
	struct stream t = {0};
	struct ssh_command c = {.command = command, .deadline = clock_deadline(30000)};
	struct parallel_thread *thread = parallel_start(do_later, l);
	int64_t begin = clock_ms();
	int status = -1;

	stream_init(&t, SIZE_MAX);
	if (streaming) {
		c.read = stream_read;
		c.read_context = &t;
	}
	assert_int_equal(ssh_run(s, &c, &status, &test_error), -1);
	digest_free(t.digest);
	assert_int_equal(parallel_join(thread, NULL), 0);
	assert_kind(kind);
	error_clear(&test_error);
	assert_in_range(clock_ms() - begin, l->ms - 50, l->ms + AT_ONCE_MS);
}

static void test_cancelling_ends_a_command_at_once(void **state UNUSED)
{
	static const char *const commands[] = {"sleep 30", "yes", "cat"};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		CLEANUP_SSH struct ssh *s = connect_to(&server);
		struct later l = {.ms = 300};

		interrupt(commands[i], i == 2, s, &l, ERROR_CANCELLED);
		cancel_reset();
	}
}

/* The server's process of this connection is the parent of its shells. */
static int server_pid(struct ssh *s)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	assert_int_equal(run_on(s, "echo $PPID", &out, NULL), 0);
	return atoi(buf_str(&out));
}

static void test_a_killed_connection_is_noticed_at_once(void **state UNUSED)
{
	static const char *const commands[] = {"sleep 2", "exec yes", "exec cat"};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		CLEANUP_SSH struct ssh *s = connect_to(&server);
		struct later l = {.ms = 300, .pid = server_pid(s)};
		struct ssh_command c = {.command = "true"};
		int status = -1;

		interrupt(commands[i], i == 2, s, &l, ERROR_NETWORK);
		assert_failure(ssh_run(s, &c, &status, &test_error), "node-1: cannot run a command: ");
	}
}

static void test_a_silent_peer_is_given_up_and_an_idle_one_is_not(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	struct ssh_command c = {.command = "sleep 30", .deadline = clock_deadline(20000)};
	int pid = server_pid(s), status = -1;
	int64_t begin;

	s->ask_ms = 200;
	s->answer_ms = 500;
	assert_int_equal(run_on(s, "sleep 1.5", NULL, NULL), 0); /* its sshd answers */
	kill(pid, SIGSTOP);
	begin = clock_ms();
	assert_int_equal(ssh_run(s, &c, &status, &test_error), -1);
	kill(pid, SIGCONT);
	assert_kind(ERROR_NETWORK);
	assert_failure(-1, "nothing was heard from it");
	assert_in_range(clock_ms() - begin, 600, AT_ONCE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_runs),
		cmocka_unit_test(test_a_signal_is_128_and_its_number),
		cmocka_unit_test(test_200_mb_go_up),
		cmocka_unit_test(test_200_mb_come_down),
		cmocka_unit_test(test_both_ways_at_once_do_not_block),
		cmocka_unit_test(test_keys_change_while_data_flows),
		cmocka_unit_test(test_a_command_that_reads_nothing_ends),
		cmocka_unit_test(test_must_run_says_what_the_command_said),
		cmocka_unit_test(test_only_the_end_of_much_error_output_is_kept),
		cmocka_unit_test(test_a_deadline_ends_the_wait_and_not_the_session),
		cmocka_unit_test(test_an_error_of_a_callback_comes_back),
		cmocka_unit_test(test_cancelling_ends_a_command_at_once),
		cmocka_unit_test(test_a_killed_connection_is_noticed_at_once),
		cmocka_unit_test(test_a_silent_peer_is_given_up_and_an_idle_one_is_not),
	};

	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
