#include "core/net/limiter.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <pthread.h>

/* A burst of refusals has one cause: the limit is halved once for it. */
enum { HALVE_AT_MOST_EVERY_MS = 1000, TICK_MS = 100 };

struct host {
	char *name;
	unsigned limit, in_flight, credit;
	int64_t halved_ms;
};

struct limiter {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct host *hosts;
	size_t n, cap;
};

struct limiter *limiter_new(void)
{
	struct limiter *l = xnew(struct limiter);
	pthread_condattr_t attr;

	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->room, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->hosts[i].name);
	free(l->hosts);
	pthread_cond_destroy(&l->room);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Under the lock; valid until the next call. */
static struct host *find(struct limiter *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->hosts[i].name, name) == 0)
			return &l->hosts[i];
	array_grow(l->hosts, l->n, l->cap);
	l->hosts[l->n] = (struct host){.name = xstrdup(name), .limit = LIMITER_MAX, .halved_ms = -HALVE_AT_MOST_EVERY_MS};
	return &l->hosts[l->n++];
}

/* A condition cannot be waited for together with the cancel fd: look every 100 ms. */
static int wait_tick(struct limiter *l, const char *name, int64_t deadline, struct error **err)
{
	struct timespec until;

	if (cancel_check(err) < 0)
		return -1;
	if (clock_ms() >= deadline)
		return error_set(err, ERROR_TIMEOUT, "%s: no room for another request before the deadline", name);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&l->room, &l->lock, &until);
	return 0;
}

int limiter_enter(struct limiter *l, const char *host, int64_t deadline, struct error **err)
{
	int r = 0;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		struct host *h = find(l, host);

		if (h->in_flight < h->limit) {
			h->in_flight++;
			break;
		}
		r = wait_tick(l, host, deadline, err);
		if (r < 0)
			break;
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

static void halve(struct host *h)
{
	int64_t now = clock_ms();

	h->credit = 0;
	if (now - h->halved_ms < HALVE_AT_MOST_EVERY_MS)
		return;
	h->halved_ms = now;
	h->limit = h->limit > 1 ? h->limit / 2 : 1;
}

static void grow(struct host *h)
{
	if (h->limit < LIMITER_MAX && ++h->credit >= 2 * h->limit) {
		h->credit = 0;
		h->limit++;
	}
}

void limiter_leave(struct limiter *l, const char *host, bool overloaded)
{
	struct host *h;

	pthread_mutex_lock(&l->lock);
	h = find(l, host);
	h->in_flight--;
	if (overloaded)
		halve(h);
	else
		grow(h);
	pthread_cond_broadcast(&l->room);
	pthread_mutex_unlock(&l->lock);
}

unsigned limiter_limit(struct limiter *l, const char *host)
{
	unsigned limit;

	pthread_mutex_lock(&l->lock);
	limit = find(l, host)->limit;
	pthread_mutex_unlock(&l->lock);
	return limit;
}
