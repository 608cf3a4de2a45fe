#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/log.h"
#include "core/net/ssh_internal.h"
#include <signal.h>
#include <sys/param.h>

enum {
	READ_BYTES = 16384,
	ERRORS_MAX = 64 * 1024,
	COMMAND_MAX = 30000, /* libssh2 sends it in one packet */
	CLOSE_MS = 300,
	TURN_BYTES = 1024 * 1024, /* of each stream before the others have their turn */
	LAST_LINES = 12,
	SHOWN_BYTES = 1000, /* of a command, by --debug */
};

/* RFC 4254 6.10 */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},	 {"HUP", SIGHUP},   {"ILL", SIGILL},
	{"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
	{"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

/*
 * A command that was given up keeps its channel open for as long as it runs (sshd closes its side only then): such channels
 * wait in s->given_up and are looked at again with the next command.
 */
static void reap(struct ssh *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_given_up; i++) {
		if (libssh2_channel_free(s->given_up[i]) == LIBSSH2_ERROR_EAGAIN)
			s->given_up[kept++] = s->given_up[i];
	}
	s->n_given_up = kept;
}

int ssh_open(struct ssh *s, int64_t deadline, LIBSSH2_CHANNEL **ret, struct error **err)
{
	LIBSSH2_CHANNEL *channel;
	int rc;

	reap(s);
	for (;;) {
		channel = libssh2_channel_open_ex(s->session, "session", strlen("session"), SSH_WINDOW, SSH_PACKET, NULL, 0);
		rc = channel != NULL ? 0 : libssh2_session_last_errno(s->session);
		if (rc != LIBSSH2_ERROR_EAGAIN)
			break;
		if (ssh_wait(s, deadline, "open a channel", err) < 0) {
			ssh_break(s, xstrdup("it did not answer to the opening of a channel"));
			return -1;
		}
	}
	if (rc != 0)
		return ssh_fail(s, "open a channel", err);
	*ret = channel;
	return 0;
}

int ssh_start(struct ssh *s, LIBSSH2_CHANNEL *channel, const char *request, const char *command, int64_t deadline,
	      struct error **err)
{
	unsigned int len = command != NULL ? (unsigned int)strlen(command) : 0;
	int rc, again;

	if (len > COMMAND_MAX)
		return error_set(err, ERROR_INTERNAL, "%s: a command of %u bytes is too long; send it on standard input", s->name,
				 len);
	do
		rc = libssh2_channel_process_startup(channel, request, (unsigned int)strlen(request), command, len);
	while ((again = ssh_again(s, rc, deadline, "start a command", err)) > 0);
	return again;
}

int ssh_exit_status(struct ssh *s, LIBSSH2_CHANNEL *channel)
{
	char *name = NULL;
	int status = libssh2_channel_get_exit_status(channel);

	libssh2_channel_get_exit_signal(channel, &name, NULL, NULL, NULL, NULL, NULL);
	if (name == NULL)
		return status;
	status = 255; /* a signal that the standard does not name */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (strcmp(signals[i].name, name) == 0)
			status = 128 + signals[i].number;
	}
	libssh2_free(s->session, name);
	return status;
}

bool ssh_closed(LIBSSH2_CHANNEL *channel)
{
	return libssh2_channel_eof(channel) == 1 && libssh2_channel_wait_closed(channel) == 0;
}

void ssh_channel_free(struct ssh *s, LIBSSH2_CHANNEL *channel)
{
	int64_t deadline = clock_deadline(CLOSE_MS);

	while (libssh2_channel_free(channel) == LIBSSH2_ERROR_EAGAIN) {
		/* once the session is broken, the next round succeeds */
		if (ssh_wait(s, deadline, "close a channel", NULL) == 0 || s->broken != NULL)
			continue;
		array_grow(s->given_up, s->n_given_up, s->cap_given_up);
		s->given_up[s->n_given_up++] = channel;
		return;
	}
}

struct run {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	const struct ssh_command *command;
	const char *in; /* of standard input, to be written next */
	size_t in_len;
	bool in_ended; /* there will be no more to write */
	bool eof_sent;
	bool moved;	/* bytes of any stream in this round */
	char *in_chunk; /* of a streamed standard input */
	char *out_chunk;
};

/* The next part of standard input to r->in. */
static int read_input(struct run *r, struct error **err)
{
	const struct ssh_command *c = r->command;

	if (r->in_len > 0 || r->in_ended)
		return 0;
	if (c->read == NULL) {
		r->in_ended = true; /* c->in was all */
		return 0;
	}
	if (r->in_chunk == NULL)
		r->in_chunk = xcalloc(1, SSH_CHUNK);
	if (c->read(r->in_chunk, SSH_CHUNK, &r->in_len, c->read_context, err) < 0)
		return -1;
	r->in = r->in_chunk;
	r->in_ended = r->in_len == 0;
	return 0;
}

static int send_eof(struct run *r, struct error **err)
{
	int rc = libssh2_channel_send_eof(r->channel);

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return 0;
	r->eof_sent = true;
	return rc < 0 ? ssh_fail(r->ssh, "send to a command", err) : 0;
}

/* Write until the other side or the socket takes no more; a call that answers EAGAIN is repeated with the same bytes. */
static int pump_input(struct run *r, struct error **err)
{
	size_t sent = 0;

	while (!r->eof_sent && sent < TURN_BYTES && ssh_backlog(r->ssh) < SSH_BACKLOG_MAX) {
		ssize_t n;

		if (read_input(r, err) < 0)
			return -1;
		if (r->in_ended)
			return send_eof(r, err);
		n = libssh2_channel_write(r->channel, r->in, r->in_len);
		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			return 0;
		if (n < 0)
			return ssh_fail(r->ssh, "send to a command", err);
		r->in += n;
		r->in_len -= (size_t)n;
		sent += (size_t)n;
		r->moved = true;
	}
	return 0;
}

static void keep_last(struct buf *b, size_t max)
{
	if (b->len <= max)
		return;
	memmove(b->data, b->data + b->len - max, max);
	buf_truncate(b, max);
}

static int deliver(struct run *r, int stream, size_t n, struct error **err)
{
	const struct ssh_command *c = r->command;

	if (stream == 0 && c->write != NULL)
		return c->write(r->out_chunk, n, c->write_context, err);
	if (stream == 0 && c->out != NULL)
		buf_add_mem(c->out, r->out_chunk, n);
	if (stream == SSH_EXTENDED_DATA_STDERR && c->write_errors != NULL)
		return c->write_errors(r->out_chunk, n, c->errors_context, err);
	if (stream == SSH_EXTENDED_DATA_STDERR && c->errors != NULL) {
		buf_add_mem(c->errors, r->out_chunk, n);
		if (c->errors->len > (size_t)2 * ERRORS_MAX)
			keep_last(c->errors, ERRORS_MAX);
	}
	return 0;
}

static int pump_output(struct run *r, int stream, struct error **err)
{
	size_t got = 0;
	ssize_t n = 1;

	while (got < TURN_BYTES && (n = libssh2_channel_read_ex(r->channel, stream, r->out_chunk, READ_BYTES)) > 0) {
		if (deliver(r, stream, (size_t)n, err) < 0)
			return -1;
		got += (size_t)n;
		r->moved = true;
	}
	return n >= 0 || n == LIBSSH2_ERROR_EAGAIN ? 0 : ssh_fail(r->ssh, "read from a command", err);
}

static int check_time(struct run *r, int64_t deadline, struct error **err)
{
	if (cancel_check(err) < 0)
		return -1;
	return clock_ms() < deadline ? 0 : ssh_late(r->ssh, "wait for the end of a command", err);
}

/*
 * Any of these calls may receive packets of all streams: only after a round that received and moved nothing there is
 * nothing left to do but to wait.
 */
static int pump(struct run *r, int64_t deadline, struct error **err)
{
	for (;;) {
		uint64_t before = r->ssh->received;

		r->moved = false;
		if (pump_input(r, err) < 0 || pump_output(r, 0, err) < 0 || pump_output(r, SSH_EXTENDED_DATA_STDERR, err) < 0)
			return -1;
		if (ssh_closed(r->channel))
			return 0;
		if (check_time(r, deadline, err) < 0)
			return -1;
		if (!r->moved && r->ssh->received == before &&
		    ssh_wait(r->ssh, deadline, "wait for the end of a command", err) < 0)
			return -1;
	}
}

/* Commands hold no secrets: those travel on standard input. */
static void log_command(const struct ssh *s, const struct ssh_command *c)
{
	size_t len = strlen(c->command);
	CLEANUP_FREE char *shown = xasprintf("%.*s%s", SHOWN_BYTES, c->command, len > SHOWN_BYTES ? "…" : "");
	CLEANUP_BUF struct buf line = BUF_INIT;

	buf_addf(&line, "ssh %s ", s->name);
	buf_add_shell(&line, shown);
	if (c->in_len > 0)
		buf_addf(&line, " (%zu bytes on its standard input)", c->in_len);
	else if (c->read != NULL)
		buf_add(&line, " (a stream on its standard input)");
	log_debug("%s", buf_str(&line));
}

int ssh_run(struct ssh *s, const struct ssh_command *c, int *ret_status, struct error **err)
{
	int64_t start = clock_ms();
	int64_t deadline = c->deadline == 0 ? CLOCK_NEVER : c->deadline;
	struct run r = {.ssh = s, .command = c, .in = c->in, .in_len = c->in_len};
	int result;

	if (cancel_check(err) < 0)
		return -1;
	if (s->broken != NULL)
		return ssh_fail(s, "run a command", err);
	if (ssh_open(s, deadline, &r.channel, err) < 0)
		return -1;
	if (log_enabled(LOG_DEBUG))
		log_command(s, c);
	r.out_chunk = xcalloc(1, READ_BYTES);
	result = ssh_start(s, r.channel, "exec", c->command, deadline, err);
	if (result == 0)
		result = pump(&r, deadline, err);
	if (result == 0) {
		*ret_status = ssh_exit_status(s, r.channel);
		log_debug("ssh %s: status %d after %.3f s", s->name, *ret_status, (double)(clock_ms() - start) / 1000);
	}
	if (c->errors != NULL)
		keep_last(c->errors, ERRORS_MAX);
	ssh_channel_free(s, r.channel);
	free(r.in_chunk);
	free(r.out_chunk);
	return result;
}

static const char *last_lines(struct buf *b)
{
	const char *p;
	int lines = 0;

	while (b->len > 0 && strchr("\r\n ", b->data[b->len - 1]) != NULL)
		buf_truncate(b, b->len - 1);
	for (p = buf_str(b) + b->len; p > buf_str(b); p--) {
		if (p[-1] == '\n' && ++lines == LAST_LINES)
			break;
	}
	return p;
}

int ssh_must_run(struct ssh *s, const struct ssh_command *c, struct error **err)
{
	CLEANUP_BUF struct buf errors = BUF_INIT;
	struct ssh_command command = *c;
	const char *said;
	int status = 0;

	if (command.errors == NULL)
		command.errors = &errors;
	if (ssh_run(s, &command, &status, err) < 0)
		return -1;
	if (status == 0)
		return 0;
	said = last_lines(command.errors);
	return error_set(err, ERROR_NODE, "%s: \"%.80s%s\" ended with status %d%s%s", s->name, c->command,
			 strlen(c->command) > 80 ? "…" : "", status, *said != '\0' ? ":\n" : "", said);
}
