#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/net/dial.h"
#include "core/net/ssh_internal.h"
#include "core/net/ssh_keys.h"
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

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
	assert_success(sshd_start("MaxSessions 10\n", &server, &test_error));
	return 0;
}

static int stop(void **state UNUSED)
{
	sshd_stop(&server);
	return 0;
}

static struct ssh *connect_to(const struct sshd *d)
{
	struct ssh *s = NULL;

	assert_success(sshd_connect(d, &s, &test_error));
	return s;
}

static int try_login(const char *key_file, const char *host_key, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.name = "node-1",
				  .user = server.user,
				  .key_file = key_file,
				  .host_key = host_key,
				  .deadline = clock_deadline(10000)};
	int fd = -1;

	assert_success(dial_tcp("127.0.0.1", server.port, login.deadline, &fd, &test_error));
	return ssh_connect(fd, &login, ret, err);
}

static int run(struct ssh *s, const char *command, struct buf *out, struct buf *errors)
{
	struct ssh_command c = {.command = command, .out = out, .errors = errors, .deadline = clock_deadline(20000)};
	int status = -1;

	assert_success(ssh_run(s, &c, &status, &test_error));
	return status;
}

static void assert_kind(enum error_kind kind)
{
	assert_int_equal(error_kind(test_error), kind);
}

static void test_a_command_runs(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	CLEANUP_BUF struct buf out = BUF_INIT, errors = BUF_INIT;

	assert_int_equal(run(s, "echo hello; echo oops >&2; exit 7", &out, &errors), 7);
	assert_string_equal(buf_str(&out), "hello\n");
	assert_string_equal(buf_str(&errors), "oops\n");
	assert_int_equal(run(s, "true", NULL, NULL), 0);
}

static void test_keys_written_here_are_read_by_openssh(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_FREE char *command = xasprintf("ssh-keygen -y -f %s", server.key_file),
			  *path = xasprintf("%s.pub", server.key_file);
	CLEANUP_FREE char *line = sshd_read_line(path);

	assert_int_equal(run(s, command, &out, NULL), 0);
	assert_memory_equal(buf_str(&out), line, strlen(line));
}

static void test_a_signal_is_128_and_its_number(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);

	assert_int_equal(run(s, "kill -TERM $$", NULL, NULL), 128 + SIGTERM);
	assert_int_equal(run(s, "kill -KILL $$", NULL, NULL), 128 + SIGKILL);
}

static void test_another_host_key_is_refused(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key), *wrong = sshd_read_line(path);
	CLEANUP_FREE char *shown = ssh_fingerprint(server.host_key), *expected = ssh_fingerprint(wrong);
	struct ssh *s = NULL;

	assert_int_equal(try_login(server.key_file, wrong, &s, &test_error), -1);
	assert_kind(ERROR_AUTH);
	assert_non_null(strstr(error_message(test_error), shown));
	assert_non_null(strstr(error_message(test_error), expected));
	assert_failure(-1, "node-1: the host key is not the expected one");
	assert_null(s);
}

static void test_one_of_two_host_keys_is_enough(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key), *wrong = sshd_read_line(path);
	CLEANUP_FREE char *both = xasprintf("%s\n%s\n", wrong, server.host_key);
	CLEANUP_SSH struct ssh *s = NULL;

	assert_success(try_login(server.key_file, both, &s, &test_error));
	assert_int_equal(run(s, "true", NULL, NULL), 0);
}

static void test_a_kind_of_host_key_that_it_lacks(void **state UNUSED)
{
	static const char ecdsa[] =
		"ecdsa-sha2-nistp256 "
		"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5w"
		"AdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
	struct ssh *s = NULL;

	assert_failure(try_login(server.key_file, ecdsa, &s, &test_error), "no kind of host key in common");
	assert_failure(try_login(server.key_file, "ssh-ed25519 nonsense", &s, &test_error), "the expected host key: ");
}

static void test_an_unknown_user_key_is_refused(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key), *line = sshd_read_line(path),
			  *fingerprint = ssh_fingerprint(line);
	struct ssh *s = NULL;

	assert_int_equal(try_login(server.other_key, server.host_key, &s, &test_error), -1);
	assert_kind(ERROR_AUTH);
	assert_non_null(strstr(error_message(test_error), server.user));
	assert_non_null(strstr(error_message(test_error), fingerprint));
	assert_failure(-1, server.other_key);
}

static void test_keys_that_cannot_be_used_say_why(void **state UNUSED)
{
	static const char *const kinds[][2] = {
		{"-q -t rsa -b 2048 -N ''", "is an RSA key"},	       {"-q -t rsa -b 2048 -m PEM -N ''", "is an RSA key"},
		{"-q -t rsa -b 2048 -m PKCS8 -N ''", "is an RSA key"}, {"-q -t ed25519 -N secret", "has a passphrase"},
		{"-q -t ecdsa -m PEM -N secret", "has a passphrase"},  {"-q -t ecdsa -m PKCS8 -N secret", "has a passphrase"},
	};
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	struct ssh *none = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/bad-%zu", server.dir, i);
		CLEANUP_FREE char *command = xasprintf("ssh-keygen %s -f %s </dev/null", kinds[i][0], path);

		assert_int_equal(run(s, command, NULL, NULL), 0);
		assert_int_equal(try_login(path, server.host_key, &none, &test_error), -1);
		assert_kind(ERROR_CONFIG);
		assert_failure(-1, kinds[i][1]);
	}
	assert_failure(try_login("/nonexistent/key", server.host_key, &none, &test_error), "/nonexistent/key");
	assert_failure(try_login("/etc/passwd", server.host_key, &none, &test_error), "/etc/passwd is no private key");
}

/* libssh2 1.10 leaks a number of each ECDSA key in OpenSSH's format. */
static void login_with_ecdsa(const char *path, struct ssh **ret)
{
	sshd_leaks(true);
	assert_success(try_login(path, server.host_key, ret, &test_error));
	sshd_leaks(false);
}

static void test_ecdsa_user_keys_work(void **state UNUSED)
{
	static const char *const formats[] = {"RFC4716", "PEM"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		CLEANUP_SSH struct ssh *admin = connect_to(&server), *s = NULL;
		CLEANUP_FREE char *path = xasprintf("%s/ec-%zu", server.dir, i);
		CLEANUP_FREE char *command = xasprintf("ssh-keygen -q -t ecdsa -m %s -N '' -f %s && cat %s.pub >>%s/user.pub",
						       formats[i], path, path, server.dir);

		assert_int_equal(run(admin, command, NULL, NULL), 0);
		login_with_ecdsa(path, &s);
		assert_int_equal(run(s, "true", NULL, NULL), 0);
	}
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

	assert_int_equal(run(s, "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2", NULL, &errors), 0);
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
		assert_in_range(clock_ms() - begin, 450, 1500);
		assert_int_equal(run(s, "true", NULL, NULL), 0);
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
	assert_int_equal(run(s, "true", NULL, NULL), 0);
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
	assert_in_range(clock_ms() - begin, l->ms - 50, l->ms + 700);
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

	assert_int_equal(run(s, "echo $PPID", &out, NULL), 0);
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
	assert_int_equal(run(s, "sleep 1.5", NULL, NULL), 0); /* its sshd answers */
	kill(pid, SIGSTOP);
	begin = clock_ms();
	assert_int_equal(ssh_run(s, &c, &status, &test_error), -1);
	kill(pid, SIGCONT);
	assert_kind(ERROR_NETWORK);
	assert_failure(-1, "nothing was heard from it");
	assert_in_range(clock_ms() - begin, 600, 4000);
}

/* A server that says something else than SSH, nothing, or only the beginning. */
static int answer_with(const char *text, struct error **err)
{
	struct ssh_login login = {.name = "node-1",
				  .user = server.user,
				  .key_file = server.key_file,
				  .host_key = server.host_key,
				  .deadline = clock_deadline(500)};
	int pair[2] = {-1, -1}, r;
	struct ssh *s = NULL;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], text, strlen(text)), strlen(text));
	if (*text != '\0' && text[strlen(text) - 1] != '>')
		shutdown(pair[1], SHUT_WR);
	r = ssh_connect(pair[0], &login, &s, err);
	close(pair[1]);
	assert_null(s);
	return r;
}

static void test_what_is_no_ssh_server(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum error_kind kind;
	} servers[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", ERROR_NETWORK},
		{"SSH-2.0-x", ERROR_NETWORK},
		{"SSH-2.0-x\r\n\377\377\377\377garbage garbage garbage", ERROR_NETWORK},
		{"SSH-2.0-x\r\n>", ERROR_TIMEOUT}, /* and silence */
		{"", ERROR_TIMEOUT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		assert_int_equal(answer_with(servers[i].text, &test_error), -1);
		assert_kind(servers[i].kind);
		assert_failure(-1, "node-1: cannot agree on keys with it: ");
	}
}

/* Between a client and the server, until so many bytes came from the server. */
struct relay {
	int client, server;
	size_t left;
};

static bool pass(int from, int to, size_t *left)
{
	char chunk[512];
	ssize_t n = recv(from, chunk, *left < sizeof(chunk) ? *left : sizeof(chunk), 0);

	if (n <= 0)
		return false;
	*left -= (size_t)n;
	return send(to, chunk, (size_t)n, MSG_NOSIGNAL) == n && *left > 0;
}

static int relay(void *context, struct error **err UNUSED)
{
	struct relay *r = context;
	struct pollfd fds[2] = {{.fd = r->client, .events = POLLIN}, {.fd = r->server, .events = POLLIN}};
	size_t no_limit = SIZE_MAX;

	while (r->left > 0 && poll(fds, 2, 20000) > 0) {
		if (fds[0].revents != 0 && !pass(r->client, r->server, &no_limit))
			break;
		if (fds[1].revents != 0 && !pass(r->server, r->client, &r->left))
			break;
	}
	close(r->client);
	close(r->server);
	return 0;
}

static int login_cut_after(size_t bytes, struct error **err)
{
	struct ssh_login login = {.name = "node-1",
				  .user = server.user,
				  .key_file = server.key_file,
				  .host_key = server.host_key,
				  .deadline = clock_deadline(20000)};
	struct relay r = {.left = bytes};
	int pair[2] = {-1, -1}, result;
	struct parallel_thread *thread;
	struct ssh *s = NULL;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_success(dial_tcp("127.0.0.1", server.port, login.deadline, &r.server, &test_error));
	r.client = pair[1];
	thread = parallel_start(relay, &r);
	result = ssh_connect(pair[0], &login, &s, err);
	ssh_free(s);
	assert_int_equal(parallel_join(thread, NULL), 0);
	return result;
}

static void test_a_login_cut_at_any_byte(void **state UNUSED)
{
	size_t bytes = 0, cut = 0;

	for (; login_cut_after(bytes, &test_error) < 0; bytes += 47) {
		assert_kind(ERROR_NETWORK);
		assert_failure(-1, "node-1: cannot ");
		cut++;
	}
	assert_in_range(cut, 30, 200);
}

static int one_session(size_t i, void *context UNUSED, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_FREE char *text = xasprintf("%zu", i);
	struct ssh_command c = {
		.command = "cat", .in = text, .in_len = strlen(text), .out = &out, .deadline = clock_deadline(30000)};

	if (sshd_connect(&server, &s, err) < 0 || ssh_must_run(s, &c, err) < 0)
		return -1;
	return strcmp(buf_str(&out), text) == 0
		       ? 0
		       : error_set(err, ERROR_INTERNAL, "\"%s\" came back as \"%s\"", text, buf_str(&out));
}

static void test_many_sessions_at_the_same_time(void **state UNUSED)
{
	assert_success(parallel_for(60, 20, one_session, NULL, NULL, &test_error));
}

static void test_a_port_that_opens_later_is_waited_for(void **state UNUSED)
{
	struct sshd d = {0};
	uint16_t port;
	int fd = -1;
	int64_t begin = clock_ms();

	assert_success(sshd_start(NULL, &d, &test_error));
	port = d.port;
	sshd_stop(&d);
	assert_int_equal(dial_wait("127.0.0.1", port, clock_deadline(900), &fd, &test_error), -1);
	assert_kind(ERROR_TIMEOUT);
	assert_failure(-1, "did not open in time: cannot connect to 127.0.0.1 port");
	assert_in_range(clock_ms() - begin, 500, 3000);
	assert_int_equal(dial_tcp("127.0.0.1", port, clock_deadline(900), &fd, &test_error), -1);
	assert_kind(ERROR_NETWORK);
	assert_failure(-1, "Connection refused");
}

static void test_names_are_looked_up(void **state UNUSED)
{
	int fd = -1;

	assert_success(dial_tcp("localhost", server.port, clock_deadline(5000), &fd, &test_error));
	close(fd);
	assert_int_equal(dial_wait("no-such-host.invalid", 22, clock_deadline(20000), &fd, &test_error), -1);
	assert_true(error_is(test_error, ERROR_NOT_FOUND) || error_is(test_error, ERROR_TIMEOUT));
	assert_failure(-1, "no-such-host.invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_runs),
		cmocka_unit_test(test_keys_written_here_are_read_by_openssh),
		cmocka_unit_test(test_a_signal_is_128_and_its_number),
		cmocka_unit_test(test_another_host_key_is_refused),
		cmocka_unit_test(test_one_of_two_host_keys_is_enough),
		cmocka_unit_test(test_a_kind_of_host_key_that_it_lacks),
		cmocka_unit_test(test_an_unknown_user_key_is_refused),
		cmocka_unit_test(test_keys_that_cannot_be_used_say_why),
		cmocka_unit_test(test_ecdsa_user_keys_work),
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
		cmocka_unit_test(test_what_is_no_ssh_server),
		cmocka_unit_test(test_a_login_cut_at_any_byte),
		cmocka_unit_test(test_many_sessions_at_the_same_time),
		cmocka_unit_test(test_a_port_that_opens_later_is_waited_for),
		cmocka_unit_test(test_names_are_looked_up),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
