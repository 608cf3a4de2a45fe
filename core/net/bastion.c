#include "core/net/bastion.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/parallel.h"
#include "core/net/bastion_internal.h"
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/param.h>
#include <unistd.h>

enum {
	ATTEMPT_MS = 3000, /* of bastion_dial_wait() */
	PAUSE_MS = 200,
};

void requests_add(struct requests *l, struct request *r)
{
	r->next = NULL;
	if (l->last == NULL)
		l->first = r;
	else
		l->last->next = r;
	l->last = r;
}

struct request *requests_take(struct requests *l)
{
	struct request *r = l->first;

	if (r == NULL)
		return NULL;
	l->first = r->next;
	if (l->first == NULL)
		l->last = NULL;
	r->next = NULL;
	return r;
}

static struct request *request_new(enum request_kind kind, const char *host, uint16_t port)
{
	struct request *r = xnew(struct request);

	r->kind = kind;
	r->host = xstrdup(host);
	r->port = port;
	r->users = 2;
	r->fd = -1;
	r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r;
}

static void request_free(struct request *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->done_fd >= 0)
		close(r->done_fd);
	error_free(r->error);
	free(r->host);
	free(r);
}

void request_put(struct request *r)
{
	if (--r->users == 0)
		request_free(r);
}

int bastion_new(struct ssh *s, struct bastion **ret, struct error **err)
{
	struct bastion *b = xnew(struct bastion);

	b->ssh = s;
	s->pumped = true;
	pthread_mutex_init(&b->lock, NULL);
	b->alive = true;
	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->wake_fd < 0) {
		error_errno(err, errno, "%s: eventfd", s->name);
		bastion_free(b);
		return -1;
	}
	b->thread = parallel_start(bastion_run, b);
	*ret = b;
	return 0;
}

bool bastion_alive(struct bastion *b)
{
	bool alive;

	pthread_mutex_lock(&b->lock);
	alive = b->alive;
	pthread_mutex_unlock(&b->lock);
	return alive;
}

void bastion_free(struct bastion *b)
{
	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	b->closing = true;
	pthread_mutex_unlock(&b->lock);
	if (b->wake_fd >= 0)
		(void)eventfd_write(b->wake_fd, 1);
	(void)parallel_join(b->thread, NULL);
	ssh_free(b->ssh);
	if (b->wake_fd >= 0)
		close(b->wake_fd);
	pthread_mutex_destroy(&b->lock);
	buf_free(&b->message);
	free(b->links);
	free(b->fds);
	free(b->why);
	free(b);
}

/* Hand r to the thread; -1 where there is none any more. */
static int submit(struct bastion *b, struct request *r, struct error **err)
{
	int result = 0;

	pthread_mutex_lock(&b->lock);
	if (b->alive)
		requests_add(&b->incoming, r);
	else
		result = error_set(err, ERROR_NETWORK, "cannot connect to %s port %u through %s: %s", r->host, r->port,
				   b->ssh->name, b->why);
	pthread_mutex_unlock(&b->lock);
	if (result == 0)
		(void)eventfd_write(b->wake_fd, 1);
	return result;
}

/* Wait for the thread's word; the caller's use of r goes on.  What comes after the deadline is dropped. */
static int await(struct bastion *b, struct request *r, int64_t deadline, struct error **err)
{
	int ready = cancel_poll(r->done_fd, POLLIN, deadline, err);

	pthread_mutex_lock(&b->lock);
	r->abandoned = !r->done;
	pthread_mutex_unlock(&b->lock);
	if (ready < 0)
		return -1;
	if (r->abandoned)
		return error_set(err, ERROR_TIMEOUT, "cannot connect to %s port %u through %s: it took too long", r->host,
				 r->port, b->ssh->name);
	return 0;
}

static void put(struct bastion *b, struct request *r)
{
	pthread_mutex_lock(&b->lock);
	request_put(r);
	pthread_mutex_unlock(&b->lock);
}

/* What goes to the prober is words of a line. */
static bool is_host(const char *host)
{
	return *host != '\0' && host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_%-")] == '\0';
}

static int ask(struct bastion *b, enum request_kind kind, const char *host, uint16_t port, int64_t deadline, struct request **ret,
	       struct error **err)
{
	struct request *r;

	if (cancel_check(err) < 0)
		return -1;
	if (!is_host(host))
		return error_set(err, ERROR_CONFIG, "\"%s\" is no host name and no address", host);
	r = request_new(kind, host, port);
	if (r->done_fd < 0 || submit(b, r, err) < 0) {
		if (r->done_fd < 0)
			error_errno(err, errno, "%s: eventfd", b->ssh->name);
		request_free(r);
		return -1;
	}
	if (await(b, r, deadline, err) < 0) {
		put(b, r);
		return -1;
	}
	*ret = r;
	return 0;
}

int bastion_dial(struct bastion *b, const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err)
{
	struct request *r = NULL;
	int result = 0;

	if (ask(b, REQUEST_DIAL, host, port, deadline, &r, err) < 0)
		return -1;
	if (r->error != NULL) {
		result = error_move(err, steal_ptr(r->error));
	} else {
		*ret_fd = r->fd;
		r->fd = -1;
	}
	put(b, r);
	return result;
}

static int probe(struct bastion *b, const char *host, uint16_t port, int64_t deadline, enum probe_answer *ret, struct error **err)
{
	struct request *r = NULL;

	if (ask(b, REQUEST_PROBE, host, port, deadline, &r, err) < 0)
		return -1;
	*ret = r->answer;
	put(b, r);
	return 0;
}

static int too_late(struct bastion *b, const char *host, uint16_t port, const struct error *last, struct error **err)
{
	return error_set(err, ERROR_TIMEOUT, "%s port %u did not open in time, seen from %s: %s", host, port, b->ssh->name,
			 last != NULL ? error_message(last) : "no answer");
}

static bool waited_out(struct bastion *b, const struct error *error)
{
	return bastion_alive(b) && (error_is(error, ERROR_NETWORK) || error_is(error, ERROR_TIMEOUT));
}

/* A host that does not answer is left to the prober; one that does is dialled until the port is open. */
int bastion_dial_wait(struct bastion *b, const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err)
{
	CLEANUP_ERROR struct error *last = NULL;
	enum probe_answer answer = PROBE_SILENT;

	while (clock_ms() < deadline) {
		int64_t attempt = MIN(clock_deadline(ATTEMPT_MS), deadline);

		error_clear(&last);
		if (answer == PROBE_SILENT && probe(b, host, port, deadline, &answer, &last) == 0 && answer == PROBE_SILENT)
			continue; /* it took its second */
		if (last == NULL && bastion_dial(b, host, port, attempt, ret_fd, &last) == 0)
			return 0;
		if (!waited_out(b, last))
			return error_move(err, steal_ptr(last));
		if (error_is(last, ERROR_TIMEOUT) && answer != PROBE_UNKNOWN)
			answer = PROBE_SILENT;
		if (clock_ms() + PAUSE_MS < deadline && cancel_sleep(PAUSE_MS, err) < 0)
			return -1;
	}
	return too_late(b, host, port, last, err);
}
