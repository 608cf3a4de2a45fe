#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "tests/integration/ssh_fixture.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

/* In a child: what `davit ssh` does.  Ends with the status of the other side, 200 + kind on an error. */
static void session(const char *command)
{
	struct error *error = NULL;
	struct ssh *s = NULL;
	int status = 0;

	cancel_signals();
	alarm(60); /* nobody waits for ever for a child that hangs */
	if (sshd_connect(&server, &s, &error) < 0 || ssh_interact(s, command, &status, &error) < 0) {
		dprintf(STDERR_FILENO, "%s\n", error_message(error));
		_exit(200 + (int)error_kind(error));
	}
	ssh_free(s);
	_exit(status);
}

static int end_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Read until text was seen; what comes after it stays in ret. */
static void expect(int fd, const char *text, struct buf *ret)
{
	int64_t deadline = clock_deadline(15000);
	const char *found;

	while (strstr(buf_str(ret), text) == NULL && clock_ms() < deadline) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char chunk[1024];
		ssize_t n = poll(&p, 1, 100) > 0 ? read(fd, chunk, sizeof(chunk)) : 0;

		if (n < 0)
			break;
		buf_add_mem(ret, chunk, (size_t)n);
	}
	found = strstr(buf_str(ret), text);
	if (found == NULL)
		fail_msg("\"%s\" was not seen in \"%s\"", text, buf_str(ret));
	found += strlen(text);
	memmove(ret->data, found, strlen(found) + 1);
	buf_truncate(ret, strlen(ret->data));
}

static void type(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static pid_t session_in_terminal(const char *command, int *ret_fd)
{
	struct winsize size = {.ws_col = 91, .ws_row = 31};
	pid_t pid = forkpty(ret_fd, NULL, NULL, &size);

	assert_true(pid >= 0);
	if (pid == 0)
		session(command);
	return pid;
}

static void test_a_terminal_is_followed(void **state UNUSED)
{
	CLEANUP_BUF struct buf seen = BUF_INIT;
	struct winsize size = {.ws_col = 123, .ws_row = 45};
	int fd = -1;
	pid_t pid = session_in_terminal(NULL, &fd);

	type(fd, "PS1='> '; echo be\"\"gin; stty size\r");
	expect(fd, "begin", &seen);
	expect(fd, "31 91", &seen);
	assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
	type(fd, "sleep 0.3; stty size\r");
	expect(fd, "45 123", &seen);
	type(fd, "sleep 100; echo re\"\"turned\r");
	usleep(300000);
	type(fd, "\003echo still he\"\"re\r"); /* Ctrl-C ends the sleep over there, and not the session */
	expect(fd, "still here", &seen);
	type(fd, "exit 3\r");
	assert_int_equal(end_of(pid), 3);
	close(fd);
}

static void test_the_terminal_is_restored(void **state UNUSED)
{
	CLEANUP_BUF struct buf seen = BUF_INIT;
	struct termios before, during, after;
	int fd = -1, slave = -1;
	pid_t pid;

	assert_int_equal(openpty(&fd, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	pid = fork();
	if (pid == 0) {
		login_tty(slave);
		session("echo rea\"\"dy; sleep 100");
	}
	expect(fd, "ready", &seen);
	assert_int_equal(tcgetattr(slave, &during), 0);
	assert_int_equal(during.c_lflag & (ICANON | ECHO | ISIG), 0);
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid), 200 + ERROR_CANCELLED);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(before.c_lflag, after.c_lflag);
	assert_int_equal(before.c_oflag, after.c_oflag);
	close(fd);
	close(slave);
}

static void test_tilde_and_dot_leave(void **state UNUSED)
{
	CLEANUP_BUF struct buf seen = BUF_INIT;
	int fd = -1;
	pid_t pid = session_in_terminal("echo rea\"\"dy; sleep 100", &fd);

	expect(fd, "ready", &seen);
	type(fd, "x~.\r~"); /* not at the beginning of a line */
	usleep(200000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	type(fd, ".");
	assert_int_equal(end_of(pid), 200 + ERROR_CANCELLED);
	close(fd);
}

/* Standard input is a file, output and errors go to *ret_fd. */
static pid_t session_with(const char *command, const char *in, int *ret_fd)
{
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		dup2(open(in, O_RDONLY | O_CLOEXEC), STDIN_FILENO);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[1]);
		session(command);
	}
	close(pipes[1]);
	*ret_fd = pipes[0];
	return pid;
}

static void test_pipes_are_passed_through(void **state UNUSED)
{
	CLEANUP_BUF struct buf seen = BUF_INIT;
	int fd = -1;
	pid_t pid = session_with("test -t 0 || echo no terminal; sha256sum; echo on stderr >&2; exit 12", "/etc/passwd", &fd);

	expect(fd, "on stderr", &seen);
	assert_int_equal(end_of(pid), 12);
	close(fd);

	pid = session_with("cat; kill -9 $$", "/dev/null", &fd);
	assert_int_equal(end_of(pid), 128 + SIGKILL);
	close(fd);
}

static void test_who_stops_reading_ends_the_session(void **state UNUSED)
{
	CLEANUP_BUF struct buf seen = BUF_INIT;
	int fd = -1;
	pid_t pid = session_with("yes", "/dev/null", &fd);

	expect(fd, "y\ny\n", &seen);
	close(fd);
	assert_int_equal(end_of(pid), 128 + SIGPIPE);
}

static void test_much_output_arrives_whole(void **state UNUSED)
{
	int fd = -1;
	size_t total = 0;
	char chunk[65536];
	ssize_t n;
	pid_t pid = session_with("head -c 50000000 /dev/zero", "/dev/null", &fd);

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		total += (size_t)n;
	assert_int_equal(total, 50000000);
	assert_int_equal(end_of(pid), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_terminal_is_followed),
		cmocka_unit_test(test_the_terminal_is_restored),
		cmocka_unit_test(test_tilde_and_dot_leave),
		cmocka_unit_test(test_pipes_are_passed_through),
		cmocka_unit_test(test_who_stops_reading_ends_the_session),
		cmocka_unit_test(test_much_output_arrives_whole),
	};

	return cmocka_run_group_tests(tests, sshd_fixture_start, sshd_fixture_stop);
}
