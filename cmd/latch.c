#include "cmd/latch.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <pthread.h>

struct latch {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool open, failed;
	void *value;
	enum error_kind kind;
	char *why;
};

struct latch *latch_new(void)
{
	struct latch *g = xnew(struct latch);
	pthread_condattr_t attr;

	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->moved, &attr);
	pthread_condattr_destroy(&attr);
	return g;
}

void latch_free(struct latch *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->moved);
	free(g->why);
	free(g);
}

void latch_open(struct latch *g, void *value)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	g->value = value;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

void latch_fail(struct latch *g, const char *what, const struct error *why)
{
	pthread_mutex_lock(&g->lock);
	if (!g->open && !g->failed) {
		g->failed = true;
		g->kind = error_kind(why);
		g->why = xasprintf("%s: %s", what, error_message(why));
		pthread_cond_broadcast(&g->moved);
	}
	pthread_mutex_unlock(&g->lock);
}

int latch_wait(struct latch *g, int64_t deadline, void **ret, struct error **err)
{
	int r = 0;

	pthread_mutex_lock(&g->lock);
	while (r == 0 && !g->open) {
		/* a condition cannot wait on the cancel fd: look at it a few times a second */
		int64_t until = clock_deadline(100);
		struct timespec ts = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

		if (g->failed)
			r = error_set(err, g->kind, "%s", g->why);
		else if (cancel_check(err) < 0)
			r = -1;
		else if (clock_ms() > deadline)
			r = error_set(err, ERROR_TIMEOUT, "waited in vain");
		else
			pthread_cond_timedwait(&g->moved, &g->lock, &ts);
	}
	if (r == 0 && ret != NULL)
		*ret = g->value;
	pthread_mutex_unlock(&g->lock);
	return r;
}
