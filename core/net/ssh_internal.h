/*
 * ssh_internal: the session below ssh.h and bastion.h; the only place that includes libssh2.h.
 *
 * libssh2 gets its bytes through two callbacks of ssh_io.c.  What it sends always goes: to the socket, or to `out` when
 * the socket is full, so that no libssh2 call is ever interrupted in the middle of a packet.  (1.10 keeps a packet that was
 * sent in part by the address of its data, some of it on the stack, and answers any other send with BAD_USE; a
 * keepalive that met a full socket ended the session that way.)  Who sends much looks at ssh_backlog() first.
 */
#pragma once
#include "core/base/clock.h"
#include "core/net/ssh.h"
#include <libssh2.h>

enum {
	SSH_WINDOW = 4 * 1024 * 1024, /* what the other side may send on a channel before it is read */
	SSH_PACKET = 32768,	      /* RFC 4253 6.1 asks every implementation to take this much */
	SSH_CHUNK = 32700,	      /* what libssh2_channel_write() takes at once */
	SSH_BACKLOG_MAX = 256 * 1024, /* of `out`, above which nobody writes to a channel */
};

struct ssh {
	int fd;
	LIBSSH2_SESSION *session;
	char *name, *user;
	struct buf out; /* not yet taken by the socket, from out_at */
	size_t out_at;
	struct buf in; /* read ahead by ssh_fill(), from in_at */
	size_t in_at;
	bool pumped;		    /* libssh2 reads `in` and not the socket */
	bool logged_in;		    /* keepalives may be sent */
	char *broken;		    /* why the session cannot be used any more; NULL while it can */
	char *farewell;		    /* what the other side said when it ended the session, or NULL */
	int64_t heard, asked;	    /* clock_ms() of the last byte from, and of the last keepalive to the other side */
	int64_t ask_ms, answer_ms;  /* silence after which it is asked for a sign of life, and the time it has for one */
	uint64_t received;	    /* bytes */
	LIBSSH2_CHANNEL **given_up; /* closed here, but not yet by the other side */
	size_t n_given_up, cap_given_up;
};

void ssh_io_init(struct ssh *s);
size_t ssh_backlog(const struct ssh *s);
void ssh_flush(struct ssh *s);		  /* `out` to the socket, as far as it goes */
void ssh_fill(struct ssh *s, size_t max); /* socket to `in`, until it holds max bytes */
void ssh_break(struct ssh *s, char *why); /* takes why; the first reason stays */
/* Ask for a sign of life when there was none for ask_ms, give up answer_ms later; returns the clock_ms() to look again at. */
int64_t ssh_keepalive(struct ssh *s);
/* Wait until libssh2 may get on.  doing: "cannot %s", for messages.  Running out of time is ERROR_TIMEOUT. */
int ssh_wait(struct ssh *s, int64_t deadline, const char *doing, struct error **err) MUST_USE;
/* For the loop around a libssh2 call that answered rc: 1 repeat it, 0 it is through, -1 it will never be. */
int ssh_again(struct ssh *s, ssize_t rc, int64_t deadline, const char *doing, struct error **err) MUST_USE;
int ssh_late(const struct ssh *s, const char *doing, struct error **err); /* ERROR_TIMEOUT */
/* "NODE: cannot DOING: why", ERROR_NETWORK; ERROR_REMOTE for what the other side refused. */
int ssh_fail(struct ssh *s, const char *doing, struct error **err);

/* ssh_run.c, also for ssh_interact.c */
int ssh_open(struct ssh *s, int64_t deadline, LIBSSH2_CHANNEL **ret, struct error **err) MUST_USE;
/* request: "exec" with a command, or "shell" with NULL */
int ssh_start(struct ssh *s, LIBSSH2_CHANNEL *channel, const char *request, const char *command, int64_t deadline,
	      struct error **err) MUST_USE;
int ssh_exit_status(struct ssh *s, LIBSSH2_CHANNEL *channel); /* 128+n for signal n */
bool ssh_closed(LIBSSH2_CHANNEL *channel); /* the other side sent all and closed; call once its streams are read */
/* Close and free; what does not come to an end within moments is freed later. */
void ssh_channel_free(struct ssh *s, LIBSSH2_CHANNEL *channel);
