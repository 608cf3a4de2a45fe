#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/net/bastion_internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FILL_BYTES = 256 * 1024,    /* from the session's socket each turn */
	SOCKET_BYTES = 1024 * 1024, /* asked for, of each socketpair; the kernel gives what it allows */
	FIXED_FDS = 3,
};

/* The thread's last word on r; fd, answer or error is set. */
static void request_done(struct bastion *b, struct request *r)
{
	pthread_mutex_lock(&b->lock);
	r->done = true;
	(void)eventfd_write(r->done_fd, 1);
	request_put(r);
	pthread_mutex_unlock(&b->lock);
}

static void on_probed(struct request *r, enum probe_answer answer, void *context)
{
	r->answer = answer;
	request_done(context, r);
}

static bool is_abandoned(struct bastion *b, const struct request *r)
{
	bool abandoned;

	pthread_mutex_lock(&b->lock);
	abandoned = r->abandoned;
	pthread_mutex_unlock(&b->lock);
	return abandoned;
}

static void add_link(struct bastion *b, LIBSSH2_CHANNEL *channel, int fd)
{
	array_grow(b->links, b->n_links, b->cap_links);
	b->links[b->n_links++] = link_new(b->ssh, channel, fd);
}

/*
 * libcurl 7.88 takes a TLS connection for the next request only where getpeername(2) tells a path (http.h): the far end gets
 * one, which is gone before anybody could look at it.  Without it each request has a channel and a handshake of its own.
 */
static void name_far_end(int fd)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const char *folder = getenv("TMPDIR");
	CLEANUP_FREE char *unique = random_hex(16);
	int n = snprintf(name.sun_path, sizeof(name.sun_path), "%s/davit-%s", folder != NULL ? folder : "/tmp", unique);

	if (n >= (int)sizeof(name.sun_path) || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		log_debug("%s: cannot name a socket: %s", name.sun_path, strerror(errno));
	else
		unlink(name.sun_path);
}

static int make_pair(int ret[2], struct error **err)
{
	int bytes = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret) < 0)
		return error_errno(err, errno, "cannot make a pair of sockets");
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ret[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	name_far_end(ret[1]);
	return 0;
}

static void opened(struct bastion *b, struct request *r, LIBSSH2_CHANNEL *channel)
{
	int pair[2] = {-1, -1};

	if (!is_abandoned(b, r))
		(void)make_pair(pair, &r->error);
	r->fd = pair[0];
	add_link(b, channel, pair[1]);
	request_done(b, r);
}

static void not_opened(struct bastion *b, struct request *r)
{
	char *text = NULL;

	libssh2_session_last_error(b->ssh->session, &text, NULL, 0);
	error_set(&r->error, strstr(text, "prohibited") != NULL ? ERROR_REMOTE : ERROR_NETWORK,
		  "cannot connect to %s port %u through %s: %s%s", r->host, r->port, b->ssh->name,
		  b->ssh->broken != NULL ? b->ssh->broken : text,
		  strstr(text, "prohibited") != NULL ? "; does its sshd_config say AllowTcpForwarding yes?" : "");
	request_done(b, r);
}

/* RFC 4254 7.2: host, port, and where the connection comes from */
static void open_message(const struct request *r, struct buf *ret)
{
	static const char from[] = "127.0.0.1";
	const struct {
		const char *s;
		uint32_t port;
	} ends[] = {{r->host, r->port}, {from, 0}};

	buf_truncate(ret, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const uint32_t numbers[] = {(uint32_t)strlen(ends[i].s), ends[i].port};

		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			for (int shift = 24; shift >= 0; shift -= 8)
				buf_add_char(ret, (char)(numbers[k] >> shift & 0xff));
			if (k == 0)
				buf_add(ret, ends[i].s);
		}
	}
}

static bool next_dial(struct bastion *b)
{
	while (b->opening == NULL && (b->opening = requests_take(&b->dials)) != NULL) {
		if (is_abandoned(b, b->opening)) {
			request_done(b, b->opening);
			b->opening = NULL;
			continue;
		}
		open_message(b->opening, &b->message);
	}
	return b->opening != NULL;
}

/* libssh2 opens one channel at a time; the prober's is one of them. */
static void open_channels(struct bastion *b)
{
	while (b->prober.state != PROBER_OPENING && next_dial(b)) {
		LIBSSH2_CHANNEL *channel =
			libssh2_channel_open_ex(b->ssh->session, "direct-tcpip", strlen("direct-tcpip"), LINK_WINDOW, SSH_PACKET,
						b->message.data, (unsigned int)b->message.len);
		struct request *r = b->opening;

		if (channel == NULL && libssh2_session_last_errno(b->ssh->session) == LIBSSH2_ERROR_EAGAIN)
			return;
		b->opening = NULL;
		if (channel != NULL)
			opened(b, r, channel);
		else
			not_opened(b, r);
	}
}

static bool take_incoming(struct bastion *b)
{
	struct request *r;
	bool closing;

	pthread_mutex_lock(&b->lock);
	while ((r = requests_take(&b->incoming)) != NULL)
		requests_add(r->kind == REQUEST_DIAL ? &b->dials : &b->prober.waiting, r);
	closing = b->closing;
	pthread_mutex_unlock(&b->lock);
	return closing;
}

/* Have libssh2 take in all that was read: window adjustments too, which nobody would see while all channels wait for them. */
static void take_packets(struct bastion *b)
{
	LIBSSH2_CHANNEL *any = b->n_links > 0 ? link_channel(b->links[0]) : b->prober.channel;
	char nothing[1];

	if (any != NULL && b->ssh->in.len > 0)
		(void)libssh2_channel_read(any, nothing, 0);
}

static void move_data(struct bastion *b)
{
	bool fresh = b->ssh->received != b->seen;
	size_t kept = 0, slot = FIXED_FDS;

	b->seen = b->ssh->received;
	for (size_t i = 0; i < b->n_links; i++) {
		struct link *l = b->links[i];
		short revents = i < b->n_polled && link_polls(l) ? b->fds[slot++].revents : 0;

		b->busy = link_turn(l, revents, fresh, b->scratch) || b->busy;
		if (link_over(l))
			link_free(l);
		else
			b->links[kept++] = l;
	}
	b->n_links = kept;
}

/* Only what is waited for: poll(2) refuses more entries than there may be open files. */
static size_t fill_fds(struct bastion *b)
{
	struct ssh *s = b->ssh;
	size_t n = FIXED_FDS;

	if (b->n_links + FIXED_FDS > b->cap_fds) {
		b->cap_fds = 2 * (b->n_links + FIXED_FDS);
		b->fds = xrealloc(b->fds, b->cap_fds, sizeof(b->fds[0]));
	}
	b->fds[0] = (struct pollfd){.fd = s->in.len < FILL_BYTES ? s->fd : -1,
				    .events = ssh_backlog(s) > 0 ? POLLIN | POLLOUT : POLLIN};
	b->fds[1] = (struct pollfd){.fd = b->wake_fd, .events = POLLIN};
	b->fds[2] = (struct pollfd){.fd = cancel_fd(), .events = POLLIN};
	for (size_t i = 0; i < b->n_links; i++) {
		if (link_polls(b->links[i]))
			link_poll(b->links[i], &b->fds[n++]);
	}
	b->n_polled = b->n_links;
	return n;
}

static int poll_all(struct bastion *b)
{
	int64_t wait = b->busy ? 0 : ssh_keepalive(b->ssh) - clock_ms();
	size_t n = fill_fds(b);

	return poll(b->fds, n, (int)MAX(0, MIN(wait, 60000)));
}

static int turn(struct bastion *b, struct error **err)
{
	eventfd_t wakes;

	if (poll_all(b) < 0 && errno != EINTR)
		return error_errno(err, errno, "poll");
	if (cancel_check(err) < 0)
		return -1;
	(void)eventfd_read(b->wake_fd, &wakes);
	if (take_incoming(b))
		return error_set(err, ERROR_INTERNAL, "it was closed");
	b->busy = false;
	ssh_flush(b->ssh);
	ssh_fill(b->ssh, FILL_BYTES);
	open_channels(b);
	take_packets(b);
	prober_turn(&b->prober, b->ssh, b->opening == NULL, on_probed, b);
	move_data(b);
	return b->ssh->broken == NULL ? 0 : error_set(err, ERROR_NETWORK, "%s", b->ssh->broken);
}

static void fail_request(struct bastion *b, struct request *r)
{
	error_set(&r->error, ERROR_NETWORK, "cannot connect to %s port %u through %s: %s", r->host, r->port, b->ssh->name,
		  b->why);
	request_done(b, r);
}

/* From here on nobody gets anything new; all that there is ends. */
static void die(struct bastion *b, const char *why)
{
	struct request *r;

	pthread_mutex_lock(&b->lock);
	b->alive = false;
	b->why = xstrdup(why);
	pthread_mutex_unlock(&b->lock);
	(void)take_incoming(b);
	if (b->opening != NULL)
		fail_request(b, b->opening);
	b->opening = NULL;
	while ((r = requests_take(&b->dials)) != NULL)
		fail_request(b, r);
	prober_end(&b->prober, on_probed, b);
	for (size_t i = 0; i < b->n_links; i++)
		link_free(b->links[i]);
	b->n_links = 0;
}

int bastion_run(void *context, struct error **err UNUSED)
{
	struct bastion *b = context;
	CLEANUP_ERROR struct error *error = NULL;

	while (turn(b, &error) == 0)
		;
	log_debug("%s: the connections through it end: %s", b->ssh->name, error_message(error));
	die(b, error_message(error));
	return 0;
}
