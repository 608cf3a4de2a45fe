#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/net/dial.h"
#include "tests/integration/ssh_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_another_host_key_is_refused(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key), *wrong = sshd_read_line(path);
	CLEANUP_FREE char *shown = ssh_fingerprint(server.host_key), *expected = ssh_fingerprint(wrong);
	struct ssh *s = NULL;

	assert_int_equal(try_login(server.key_file, wrong, &s, &test_error), -1);
	assert_kind(ERROR_CONFLICT);
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
	assert_int_equal(run_on(s, "true", NULL, NULL), 0);
}

/* Where the key itself is not known, its fingerprint is as good; no other key passes for it. */
static void test_a_fingerprint_is_enough(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s.pub", server.other_key), *wrong = sshd_read_line(path);
	CLEANUP_FREE char *shown = ssh_fingerprint(server.host_key), *other = ssh_fingerprint(wrong);
	const char *const refused[] = {other, "", "SHA256:"};
	CLEANUP_SSH struct ssh *s = NULL;

	assert_success(try_fingerprint(shown, &s, &test_error));
	assert_int_equal(run_on(s, "true", NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct ssh *none = NULL;

		assert_int_equal(try_fingerprint(refused[i], &none, &test_error), -1);
		assert_kind(ERROR_CONFLICT);
		assert_failure(-1, shown);
		assert_null(none);
	}
}

static void test_a_kind_of_host_key_that_it_lacks(void **state UNUSED)
{
	static const char ecdsa[] =
		"ecdsa-sha2-nistp256 "
		"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5w"
		"AdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
	struct ssh *s = NULL;

	assert_failure(try_login(server.key_file, ecdsa, &s, &test_error), "no kind of host key, in common");
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

		assert_int_equal(run_on(s, command, NULL, NULL), 0);
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

		assert_int_equal(run_on(admin, command, NULL, NULL), 0);
		login_with_ecdsa(path, &s);
		assert_int_equal(run_on(s, "true", NULL, NULL), 0);
	}
}

static void test_keys_written_here_are_read_by_openssh(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = connect_to(&server);
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_FREE char *command = xasprintf("ssh-keygen -y -f %s", server.key_file),
			  *path = xasprintf("%s.pub", server.key_file);
	CLEANUP_FREE char *line = sshd_read_line(path);

	assert_int_equal(run_on(s, command, &out, NULL), 0);
	assert_memory_equal(buf_str(&out), line, strlen(line));
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

/* A port of our own that nobody listens on yet: bound, so that no other test gets it meanwhile. */
static int closed_port(uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void test_a_port_that_stays_closed(void **state UNUSED)
{
	int fd = -1, closed;
	int64_t begin;
	uint16_t port;

	closed = closed_port(&port);
	begin = clock_ms();
	assert_int_equal(dial_wait("127.0.0.1", port, clock_deadline(900), &fd, &test_error), -1);
	assert_true(clock_ms() - begin >= 500);
	assert_kind(ERROR_TIMEOUT);
	assert_failure(-1, "did not open in time: cannot connect to 127.0.0.1 port");
	assert_int_equal(dial_tcp("127.0.0.1", port, clock_deadline(30000), &fd, &test_error), -1);
	assert_kind(ERROR_NETWORK);
	assert_failure(-1, "Connection refused");
	close(closed);
}

static int open_after_a_while(void *fd, struct error **err)
{
	if (cancel_sleep(700, err) < 0) /* some attempts are refused */
		return -1;
	return listen(*(int *)fd, 1) == 0 ? 0 : error_errno(err, errno, "listen");
}

static void test_a_port_that_opens_later_is_waited_for(void **state UNUSED)
{
	struct parallel_thread *thread;
	int fd = -1, closed;
	uint16_t port;

	closed = closed_port(&port);
	thread = parallel_start(open_after_a_while, &closed);
	assert_success(dial_wait("127.0.0.1", port, clock_deadline(60000), &fd, &test_error));
	assert_int_equal(parallel_join(thread, NULL), 0);
	close(fd);
	close(closed);
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
		cmocka_unit_test(test_another_host_key_is_refused),
		cmocka_unit_test(test_one_of_two_host_keys_is_enough),
		cmocka_unit_test(test_a_fingerprint_is_enough),
		cmocka_unit_test(test_a_kind_of_host_key_that_it_lacks),
		cmocka_unit_test(test_an_unknown_user_key_is_refused),
		cmocka_unit_test(test_keys_that_cannot_be_used_say_why),
		cmocka_unit_test(test_ecdsa_user_keys_work),
		cmocka_unit_test(test_keys_written_here_are_read_by_openssh),
		cmocka_unit_test(test_what_is_no_ssh_server),
		cmocka_unit_test(test_a_login_cut_at_any_byte),
		cmocka_unit_test(test_many_sessions_at_the_same_time),
		cmocka_unit_test(test_a_port_that_stays_closed),
		cmocka_unit_test(test_a_port_that_opens_later_is_waited_for),
		cmocka_unit_test(test_names_are_looked_up),
	};

	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
