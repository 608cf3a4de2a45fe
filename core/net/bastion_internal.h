/*
 * bastion_internal: what the files of the bastion share: requests that cross from the callers' threads to the one that owns
 * the session, links (one connection each) and the prober.
 */
#pragma once
#include "core/net/bastion.h"
#include "core/net/ssh_internal.h"
#include <poll.h>
#include <pthread.h>

enum {
	LINK_WINDOW = 2 * 1024 * 1024,
	LINK_CHUNK = 2 * SSH_CHUNK, /* moved at once */
};

/* What a probe found. */
enum probe_answer {
	PROBE_UNKNOWN, /* the jump host cannot probe */
	PROBE_OPEN,
	PROBE_REFUSED, /* the host answers, the port is closed */
	PROBE_SILENT,  /* no answer within a second at most */
};

enum request_kind { REQUEST_DIAL, REQUEST_PROBE };

/* The caller waits on done_fd; the last of the two users frees. */
struct request {
	struct request *next;
	enum request_kind kind;
	char *host;
	uint16_t port;
	uint64_t id;
	int done_fd;
	/* the rest under the bastion's lock */
	int users;
	bool done, abandoned;
	int fd;
	enum probe_answer answer;
	struct error *error;
};

struct requests {
	struct request *first, *last;
};
void requests_add(struct requests *l, struct request *r);
struct request *requests_take(struct requests *l); /* the first, or NULL */
void request_put(struct request *r);		   /* with the lock held: one user less */

/* One connection: a channel and our end of its socketpair. */
struct link;
struct link *link_new(struct ssh *s, LIBSSH2_CHANNEL *channel, int fd); /* fd -1: only to be closed */
bool link_polls(const struct link *l); /* there is a fd to wait for, and link_poll() tells of it */
void link_poll(const struct link *l, struct pollfd *ret);
/* Move what can be moved; fresh: packets arrived since the last turn.  True where there is more to do without waiting. */
bool link_turn(struct link *l, short revents, bool fresh, char scratch[LINK_CHUNK]);
bool link_over(const struct link *l); /* both sides are closed */
LIBSSH2_CHANNEL *link_channel(const struct link *l);
void link_free(struct link *l); /* closes the fd; the channel is the session's to free if it is still there */

/*
 * The prober: a program on the jump host that tries ports.  libssh2 has one pending open a session, and a connection to a
 * host that does not answer (a server that still boots, behind a port whose address already resolves) stays pending for a
 * minute: all others would wait for it.  So whoever waits for a port asks the prober until the port answers.
 */
enum prober_state { PROBER_IDLE, PROBER_OPENING, PROBER_STARTING, PROBER_READY, PROBER_OFF };
struct prober {
	enum prober_state state;
	LIBSSH2_CHANNEL *channel;
	struct requests waiting, asked; /* not yet, and already sent */
	unsigned n_asked, max_asked;
	struct buf out, in;
	size_t out_at;
	uint64_t next_id;
};
/* answered: called for each request that has got its answer. */
typedef void prober_answered(struct request *r, enum probe_answer answer, void *context);
/* False while it needs the session's one pending open for itself and another has it. */
void prober_turn(struct prober *p, struct ssh *s, bool may_open, prober_answered *answered, void *context);
void prober_end(struct prober *p, prober_answered *answered, void *context); /* the session is over */

struct bastion {
	struct ssh *ssh;
	struct parallel_thread *thread;
	int wake_fd;
	pthread_mutex_t lock;
	/* under the lock */
	struct requests incoming;
	bool alive, closing;
	char *why; /* it is not alive any more */
	/* of the thread alone */
	struct requests dials;
	struct request *opening;
	struct buf message; /* of the channel that is being opened; libssh2 does not copy it */
	struct link **links;
	size_t n_links, cap_links;
	struct pollfd *fds;
	size_t cap_fds, n_polled; /* n_polled: of the links, when the thread waited last */
	struct prober prober;
	uint64_t seen; /* of ssh->received, by the links */
	bool busy;     /* there is more to do without waiting */
	char scratch[LINK_CHUNK];
};

int bastion_run(void *bastion, struct error **err); /* the thread */
