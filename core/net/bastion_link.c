#include "core/base/alloc.h"
#include "core/net/bastion_internal.h"
#include <errno.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_BYTES = 8 * LINK_CHUNK }; /* each way, before other links have their turn */

struct link {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel; /* NULL once it is closed */
	int fd;			  /* -1 once it is closed */
	struct buf up, down;	  /* taken from one side, not yet taken by the other */
	size_t up_at, down_at;
	bool readable;	    /* the fd may have something to read */
	bool unread;	    /* the channel may have something to read */
	bool fd_ended;	    /* the user will send no more */
	bool eof_sent;	    /* and the other side knows */
	bool channel_ended; /* the other side will send no more */
	bool shut;	    /* and the user knows */
	bool hung_up;	    /* the user reads no more */
	bool closing;
};

struct link *link_new(struct ssh *s, LIBSSH2_CHANNEL *channel, int fd)
{
	struct link *l = xnew(struct link);

	l->ssh = s;
	l->channel = channel;
	l->fd = fd;
	l->unread = true;
	l->closing = fd < 0;
	return l;
}

void link_free(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	buf_free(&l->up);
	buf_free(&l->down);
	free(l);
}

bool link_over(const struct link *l)
{
	return l->channel == NULL;
}

LIBSSH2_CHANNEL *link_channel(const struct link *l)
{
	return l->channel;
}

static size_t left(const struct buf *b, size_t at)
{
	return b->len - at;
}

/* POLLHUP, once seen, would wake the poll each time. */
bool link_polls(const struct link *l)
{
	return !l->hung_up && !l->closing;
}

/* Also with no event at all there is POLLHUP to be seen: the user closed. */
void link_poll(const struct link *l, struct pollfd *ret)
{
	ret->fd = l->fd;
	ret->events = 0;
	ret->revents = 0;
	if (!l->readable && !l->fd_ended)
		ret->events |= POLLIN;
	if (left(&l->down, l->down_at) > 0)
		ret->events |= POLLOUT;
}

/* Keep the rest of what was read for later. */
static void keep(struct buf *b, size_t *at, const char *p, size_t n)
{
	buf_truncate(b, 0);
	*at = 0;
	if (n > 0)
		buf_add_mem(b, p, n);
}

static void used(struct buf *b, size_t *at, size_t n)
{
	*at += n;
	if (*at < b->len)
		return;
	buf_free(b);
	*at = 0;
}

static size_t send_to_user(struct link *l, const char *p, size_t n)
{
	size_t sent = 0;

	while (sent < n && !l->hung_up) {
		ssize_t r = send(l->fd, p + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r >= 0)
			sent += (size_t)r;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			l->hung_up = true;
	}
	return l->hung_up ? n : sent; /* nobody is there to miss it */
}

static size_t send_to_channel(struct link *l, const char *p, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t r = libssh2_channel_write(l->channel, p + sent, n - sent);

		if (r == 0 || r == LIBSSH2_ERROR_EAGAIN)
			break;
		if (r < 0) {
			l->closing = true;
			break;
		}
		sent += (size_t)r;
	}
	return sent;
}

/* The rest of an earlier turn goes first.  True where nothing of it is left. */
static bool flush_down(struct link *l)
{
	size_t n = left(&l->down, l->down_at);

	if (n > 0)
		used(&l->down, &l->down_at, send_to_user(l, l->down.data + l->down_at, n));
	return left(&l->down, l->down_at) == 0;
}

static bool flush_up(struct link *l)
{
	size_t n = left(&l->up, l->up_at);

	if (n > 0)
		used(&l->up, &l->up_at, send_to_channel(l, l->up.data + l->up_at, n));
	return left(&l->up, l->up_at) == 0;
}

/* Never read more from the channel than the user's socket took before: its window then stops the other side. */
static void move_down(struct link *l, char scratch[LINK_CHUNK])
{
	size_t moved = 0;

	while (flush_down(l) && l->unread && moved < TURN_BYTES) {
		ssize_t n = libssh2_channel_read(l->channel, scratch, LINK_CHUNK);

		if (n > 0) {
			size_t sent = send_to_user(l, scratch, (size_t)n);

			keep(&l->down, &l->down_at, scratch + sent, (size_t)n - sent);
			moved += (size_t)n;
			continue;
		}
		l->unread = false;
		l->channel_ended = l->channel_ended || libssh2_channel_eof(l->channel) == 1;
		l->closing = l->closing || (n < 0 && n != LIBSSH2_ERROR_EAGAIN);
	}
	if (l->channel_ended && !l->shut && left(&l->down, l->down_at) == 0) {
		shutdown(l->fd, SHUT_WR);
		l->shut = true;
	}
}

static size_t room_up(const struct link *l)
{
	if (ssh_backlog(l->ssh) >= SSH_BACKLOG_MAX)
		return 0;
	return MIN((size_t)libssh2_channel_window_write(l->channel), LINK_CHUNK);
}

/* What the user's socket has, n at most; 0 where it has nothing now. */
static size_t read_from_user(struct link *l, char *p, size_t n)
{
	ssize_t r;

	do
		r = recv(l->fd, p, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		return (size_t)r;
	l->readable = false;
	l->fd_ended = r == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
	return 0;
}

/* Never read more from the user than the channel takes. */
static void move_up(struct link *l, char scratch[LINK_CHUNK])
{
	size_t room, moved = 0;

	while (flush_up(l) && l->readable && !l->closing && moved < TURN_BYTES && (room = room_up(l)) > 0) {
		size_t n = read_from_user(l, scratch, room), sent = n > 0 ? send_to_channel(l, scratch, n) : 0;

		keep(&l->up, &l->up_at, scratch + sent, n - sent);
		moved += n;
	}
	if (l->fd_ended && !l->eof_sent && left(&l->up, l->up_at) == 0)
		l->eof_sent = libssh2_channel_send_eof(l->channel) != LIBSSH2_ERROR_EAGAIN;
}

/* Both directions ended, or whoever is left talks to nobody. */
static bool is_done(struct link *l)
{
	bool up = l->fd_ended && l->eof_sent;

	if (up && (l->hung_up || (l->channel_ended && l->shut)))
		return true;
	return l->channel_ended && l->shut && ssh_closed(l->channel);
}

static void close_down(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->channel != NULL && libssh2_channel_free(l->channel) != LIBSSH2_ERROR_EAGAIN)
		l->channel = NULL;
}

bool link_turn(struct link *l, short revents, bool fresh, char scratch[LINK_CHUNK])
{
	l->hung_up = l->hung_up || (revents & (POLLHUP | POLLERR)) != 0;
	l->readable = !l->fd_ended && (l->readable || revents != 0);
	l->unread = l->unread || fresh;
	if (!l->closing) {
		move_down(l, scratch);
		move_up(l, scratch);
		l->closing = l->closing || is_done(l);
	}
	if (l->closing) {
		close_down(l);
		return false;
	}
	return (l->unread && left(&l->down, l->down_at) == 0) || (l->readable && left(&l->up, l->up_at) == 0 && room_up(l) > 0);
}
