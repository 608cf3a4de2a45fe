#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/net/ssh_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <termios.h>
#include <unistd.h>

enum {
	CHUNK = 4096,
	STATUS_PIPE = 128 + SIGPIPE,
	BEGIN_MS = 10000, /* to open the channel and start the command */
};

/* Where one is in "newline, ~, ." that leaves a session whose other side hangs, as with ssh(1). */
enum escape { ESCAPE_NO, ESCAPE_NEWLINE, ESCAPE_TILDE, ESCAPE_LEFT };

struct interact {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	bool terminal;
	struct termios saved;
	enum escape escape;
	char in[CHUNK];
	size_t in_at, in_len;
	bool in_ended, eof_sent;
	bool resize;   /* the other side is yet to be told */
	bool moved;    /* bytes in this round */
	bool out_gone; /* nobody reads standard output any more */
};

/* The handler's end of a pipe.  One terminal, one session with it. */
static int winch_pipe[2] = {-1, -1};

static void on_winch(int signum)
{
	int saved = errno;
	ssize_t n = write(winch_pipe[1], "", 1);

	(void)signum;
	(void)n;
	errno = saved;
}

static int watch_size(struct sigaction *ret_old, struct error **err)
{
	struct sigaction action = {.sa_handler = on_winch, .sa_flags = SA_RESTART};

	if (pipe2(winch_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_errno(err, errno, "cannot make a pipe");
	sigemptyset(&action.sa_mask);
	sigaction(SIGWINCH, &action, ret_old);
	return 0;
}

static void unwatch_size(const struct sigaction *old)
{
	sigaction(SIGWINCH, old, NULL);
	close(winch_pipe[0]);
	close(winch_pipe[1]);
	winch_pipe[0] = winch_pipe[1] = -1;
}

static struct winsize window_size(void)
{
	struct winsize size = {0};

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	return size;
}

static int ask_for_terminal(struct interact *i, int64_t deadline, struct error **err)
{
	const char *term = getenv("TERM") != NULL ? getenv("TERM") : "xterm";
	struct winsize size = window_size();
	int rc, again;

	do
		rc = libssh2_channel_request_pty_ex(i->channel, term, (unsigned int)strlen(term), NULL, 0, size.ws_col,
						    size.ws_row, 0, 0);
	while ((again = ssh_again(i->ssh, rc, deadline, "get a terminal", err)) > 0);
	return again;
}

static void tell_size(struct interact *i)
{
	struct winsize size = window_size();
	char drop[64];

	while (read(winch_pipe[0], drop, sizeof(drop)) > 0)
		;
	i->resize = libssh2_channel_request_pty_size(i->channel, size.ws_col, size.ws_row) == LIBSSH2_ERROR_EAGAIN;
}

/* Look for "~." at the beginning of a line.  False once the user wants to leave. */
static bool watch_escape(struct interact *i)
{
	for (size_t k = i->in_at; k < i->in_at + i->in_len && i->escape != ESCAPE_LEFT; k++) {
		char c = i->in[k];

		if (i->escape == ESCAPE_TILDE && c == '.')
			i->escape = ESCAPE_LEFT;
		else if (i->escape == ESCAPE_NEWLINE && c == '~')
			i->escape = ESCAPE_TILDE;
		else
			i->escape = c == '\r' || c == '\n' ? ESCAPE_NEWLINE : ESCAPE_NO;
	}
	return i->escape != ESCAPE_LEFT;
}

static int read_input(struct interact *i, struct error **err)
{
	ssize_t n = read(STDIN_FILENO, i->in, CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	i->in_at = 0;
	i->in_len = n > 0 ? (size_t)n : 0;
	i->in_ended = n <= 0; /* EIO: the terminal is gone */
	if (i->terminal && !watch_escape(i))
		return error_set(err, ERROR_CANCELLED, "%s: the session was left with ~.", i->ssh->name);
	return 0;
}

static int send_input(struct interact *i, struct error **err)
{
	while (i->in_len > 0) {
		ssize_t n = libssh2_channel_write(i->channel, i->in + i->in_at, i->in_len);

		if (n == 0 || n == LIBSSH2_ERROR_EAGAIN)
			return 0;
		if (n < 0)
			return ssh_fail(i->ssh, "send to it", err);
		i->in_at += (size_t)n;
		i->in_len -= (size_t)n;
		i->moved = true;
	}
	if (i->in_ended && !i->eof_sent)
		i->eof_sent = libssh2_channel_send_eof(i->channel) != LIBSSH2_ERROR_EAGAIN;
	return 0;
}

static int show_output(struct interact *i, int stream, int fd, struct error **err)
{
	char chunk[4 * CHUNK];
	ssize_t n;
	int r;

	while (!i->out_gone && (n = libssh2_channel_read_ex(i->channel, stream, chunk, sizeof(chunk))) != LIBSSH2_ERROR_EAGAIN &&
	       n != 0) {
		if (n < 0)
			return ssh_fail(i->ssh, "read from it", err);
		r = cancel_write(fd, chunk, (size_t)n, err);
		if (r < 0)
			return -1;
		i->out_gone = r > 0;
		i->moved = true;
	}
	return 0;
}

static bool wants_input(const struct interact *i)
{
	return !i->in_ended && i->in_len == 0 && ssh_backlog(i->ssh) < SSH_BACKLOG_MAX &&
	       libssh2_channel_window_write(i->channel) > 0;
}

static int wait_for_any(struct interact *i, struct error **err)
{
	struct ssh *s = i->ssh;
	int64_t wait = ssh_keepalive(s) - clock_ms();
	struct pollfd fds[] = {
		{.fd = s->fd, .events = ssh_backlog(s) > 0 ? POLLIN | POLLOUT : POLLIN},
		{.fd = cancel_fd(), .events = POLLIN},
		{.fd = wants_input(i) ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = winch_pipe[0], .events = POLLIN},
	};

	if (s->broken != NULL)
		return ssh_fail(s, "go on with the session", err);
	if (poll(fds, ARRAY_SIZE(fds), (int)MAX(0, MIN(wait, 60000))) < 0 && errno != EINTR)
		return error_errno(err, errno, "poll");
	if (cancel_check(err) < 0)
		return -1;
	ssh_flush(s);
	i->resize = i->resize || fds[3].revents != 0;
	return fds[2].revents != 0 ? read_input(i, err) : 0;
}

/* See pump() of ssh_run.c for when there is nothing left but to wait. */
static int converse(struct interact *i, struct error **err)
{
	for (;;) {
		uint64_t before = i->ssh->received;

		i->moved = false;
		if (i->resize)
			tell_size(i);
		if (send_input(i, err) < 0 || show_output(i, 0, STDOUT_FILENO, err) < 0 ||
		    show_output(i, SSH_EXTENDED_DATA_STDERR, STDERR_FILENO, err) < 0)
			return -1;
		if (i->out_gone || ssh_closed(i->channel))
			return 0;
		if (!i->moved && i->ssh->received == before && wait_for_any(i, err) < 0)
			return -1;
	}
}

/* With the local terminal in raw mode each key goes to the other side, also Ctrl-C. */
static int converse_raw(struct interact *i, struct error **err)
{
	struct sigaction old = {0};
	struct termios raw;
	int r;

	if (watch_size(&old, err) < 0)
		return -1;
	raw = i->saved;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	r = converse(i, err);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &i->saved);
	unwatch_size(&old);
	return r;
}

static int begin(struct interact *i, const char *command, struct error **err)
{
	int64_t deadline = clock_deadline(BEGIN_MS);

	if (ssh_open(i->ssh, deadline, &i->channel, err) < 0)
		return -1;
	if (i->terminal && ask_for_terminal(i, deadline, err) < 0)
		return -1;
	return ssh_start(i->ssh, i->channel, command != NULL ? "exec" : "shell", command, deadline, err);
}

int ssh_interact(struct ssh *s, const char *command, int *ret_status, struct error **err)
{
	struct interact i = {.ssh = s, .escape = ESCAPE_NEWLINE};
	int r;

	if (cancel_check(err) < 0)
		return -1;
	if (s->broken != NULL)
		return ssh_fail(s, "begin a session", err);
	i.terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &i.saved) == 0;
	r = begin(&i, command, err);
	if (r == 0)
		r = i.terminal ? converse_raw(&i, err) : converse(&i, err);
	if (r == 0)
		*ret_status = i.out_gone ? STATUS_PIPE : ssh_exit_status(s, i.channel);
	if (i.channel != NULL)
		ssh_channel_free(s, i.channel);
	return r;
}
