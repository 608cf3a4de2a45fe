#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/net/ssh_internal.h"
#include <errno.h>
#include <poll.h>
#include <sys/param.h>
#include <sys/socket.h>

enum {
	ASK_MS = 15000,	   /* silence after which the other side is asked for a sign of life */
	ANSWER_MS = 30000, /* time it has to give one */
	KEEPALIVE_S = 2,   /* libssh2 sends none sooner after the last; the pace is set here */
	KEEP_BYTES = 65536 /* a buffer that grew above this is given back once it is empty */
};

void ssh_break(struct ssh *s, char *why)
{
	if (s->broken == NULL)
		s->broken = steal_ptr(why);
	free(why);
}

static void break_by_errno(struct ssh *s, int errnum)
{
	ssh_break(s, xasprintf("the connection broke: %s", strerror(errnum)));
}

size_t ssh_backlog(const struct ssh *s)
{
	return s->out.len - s->out_at;
}

/* Forget what was used of b, from which at was read; a session that is never idle keeps its memory. */
static void compact(struct buf *b, size_t *at, bool keep)
{
	if (*at < b->len)
		return;
	*at = 0;
	if (b->cap > KEEP_BYTES && !keep)
		buf_free(b);
	else if (b->len > 0)
		buf_truncate(b, 0);
}

/* How much of n bytes the socket takes now. */
static size_t send_now(struct ssh *s, const char *p, size_t n)
{
	size_t sent = 0;

	while (sent < n && s->broken == NULL) {
		ssize_t r = send(s->fd, p + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r >= 0)
			sent += (size_t)r;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			break_by_errno(s, errno);
	}
	return sent;
}

void ssh_flush(struct ssh *s)
{
	if (ssh_backlog(s) > 0)
		s->out_at += send_now(s, s->out.data + s->out_at, ssh_backlog(s));
	compact(&s->out, &s->out_at, s->pumped);
}

/* recv(2) that notes what it sees; -errno, as libssh2 wants it */
static ssize_t receive(struct ssh *s, void *p, size_t n)
{
	ssize_t r;

	if (s->broken != NULL)
		return -ECONNRESET;
	do
		r = recv(s->fd, p, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		s->heard = clock_ms();
		s->received += (uint64_t)r;
		return r;
	}
	if (r == 0)
		ssh_break(s, xstrdup("the other side closed the connection"));
	else if (errno == EAGAIN)
		return -EAGAIN;
	else
		break_by_errno(s, errno);
	return -ECONNRESET;
}

void ssh_fill(struct ssh *s, size_t max)
{
	char chunk[32768];

	while (s->in.len - s->in_at < max) {
		ssize_t r = receive(s, chunk, MIN(sizeof(chunk), max));

		if (r <= 0)
			return;
		buf_add_mem(&s->in, chunk, (size_t)r);
	}
}

static ssize_t take_read_ahead(struct ssh *s, void *p, size_t n)
{
	n = MIN(n, s->in.len - s->in_at);
	if (n == 0)
		return s->broken != NULL ? -ECONNRESET : -EAGAIN;
	memcpy(p, s->in.data + s->in_at, n);
	s->in_at += n;
	compact(&s->in, &s->in_at, s->pumped);
	return (ssize_t)n;
}

static LIBSSH2_RECV_FUNC(on_recv)
{
	struct ssh *s = *abstract;

	(void)socket;
	(void)flags;
	return s->pumped ? take_read_ahead(s, buffer, length) : receive(s, buffer, length);
}

/* A broken session takes everything: so all of libssh2's state machines come to their end. */
static LIBSSH2_SEND_FUNC(on_send)
{
	struct ssh *s = *abstract;
	size_t sent = 0;

	(void)socket;
	(void)flags;
	if (ssh_backlog(s) == 0)
		sent = send_now(s, buffer, length);
	if (sent < length && s->broken == NULL)
		buf_add_mem(&s->out, (const char *)buffer + sent, length - sent);
	return (ssize_t)length;
}

static LIBSSH2_DISCONNECT_FUNC(on_disconnect)
{
	struct ssh *s = *abstract;

	(void)session;
	(void)reason;
	(void)language;
	(void)language_len;
	free(s->farewell);
	s->farewell = message_len > 0 ? xstrndup(message, (size_t)message_len) : NULL;
	ssh_break(s, s->farewell != NULL ? xasprintf("the other side ended the session: %s", s->farewell)
					 : xstrdup("the other side ended the session"));
}

void ssh_io_init(struct ssh *s)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* libssh2 passes functions as void * */
	libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_RECV, (void *)on_recv);
	libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_SEND, (void *)on_send);
	libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_DISCONNECT, (void *)on_disconnect);
#pragma GCC diagnostic pop
	libssh2_keepalive_config(s->session, 1, KEEPALIVE_S);
	s->heard = s->asked = clock_ms();
	s->ask_ms = ASK_MS;
	s->answer_ms = ANSWER_MS;
}

static bool readable(const struct ssh *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* An answer that nobody has read yet, because this thread was busy elsewhere, is an answer. */
static void check_answer(struct ssh *s, int64_t now)
{
	if (now - s->asked < s->answer_ms)
		return;
	if (readable(s))
		s->heard = now;
	else
		ssh_break(s, xasprintf("nothing was heard from it for %d s", (int)((now - s->heard) / 1000)));
}

static void ask(struct ssh *s, int64_t now)
{
	int next = 0;

	/* next is something else where the wall clock was set back: then libssh2 sent nothing */
	if (libssh2_keepalive_send(s->session, &next) == 0 && next == KEEPALIVE_S)
		s->asked = now;
}

int64_t ssh_keepalive(struct ssh *s)
{
	int64_t now = clock_ms();

	if (!s->logged_in || s->broken != NULL)
		return CLOCK_NEVER;
	if (s->asked > s->heard)
		check_answer(s, now);
	else if (now - s->heard >= s->ask_ms)
		ask(s, now);
	return s->asked > s->heard ? s->asked + s->answer_ms : MAX(s->heard + s->ask_ms, now + 1000);
}

int ssh_late(const struct ssh *s, const char *doing, struct error **err)
{
	return error_set(err, ERROR_TIMEOUT, "%s: cannot %s: it took too long", s->name, doing);
}

int ssh_wait(struct ssh *s, int64_t deadline, const char *doing, struct error **err)
{
	int64_t look = ssh_keepalive(s);
	int r;

	if (s->broken != NULL)
		return ssh_fail(s, doing, err);
	if (clock_ms() >= deadline) /* also when there is always something to read */
		return ssh_late(s, doing, err);
	r = cancel_poll(s->fd, ssh_backlog(s) > 0 ? POLLIN | POLLOUT : POLLIN, MIN(deadline, look), err);
	if (r < 0) {
		ssh_break(s, xstrdup("it was interrupted"));
		return -1;
	}
	ssh_flush(s);
	return 0;
}

int ssh_again(struct ssh *s, ssize_t rc, int64_t deadline, const char *doing, struct error **err)
{
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return ssh_wait(s, deadline, doing, err) < 0 ? -1 : 1;
	return rc < 0 ? ssh_fail(s, doing, err) : 0;
}

int ssh_fail(struct ssh *s, const char *doing, struct error **err)
{
	char *text = NULL;
	int rc;

	if (s->broken != NULL)
		return error_set(err, ERROR_NETWORK, "%s: cannot %s: %s", s->name, doing, s->broken);
	rc = libssh2_session_last_error(s->session, &text, NULL, 0);
	return error_set(err,
			 rc == LIBSSH2_ERROR_CHANNEL_FAILURE || rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED ? ERROR_REMOTE
													   : ERROR_NETWORK,
			 "%s: cannot %s: %s", s->name, doing, text);
}
