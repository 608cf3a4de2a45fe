#include "provision/gate.h"
#include "core/base/alloc.h"
#include <pthread.h>

struct gate {
	pthread_mutex_t lock;
	unsigned free;
	size_t n;
	bool *waiting;
	pthread_cond_t *turns; /* one for each number, so that a place that gets free wakes one thread of thousands */
};

struct gate *gate_new(size_t n, unsigned width)
{
	struct gate *g = xnew(struct gate);

	*g = (struct gate){.free = width, .n = n, .waiting = xnew_n(bool, n + 1), .turns = xnew_n(pthread_cond_t, n + 1)};
	pthread_mutex_init(&g->lock, NULL);
	for (size_t i = 0; i < n; i++)
		pthread_cond_init(&g->turns[i], NULL);
	return g;
}

static size_t lowest(const struct gate *g)
{
	size_t i = 0;

	while (i < g->n && !g->waiting[i])
		i++;
	return i;
}

/* under the lock */
static void wake_next(struct gate *g)
{
	size_t next = lowest(g);

	if (g->free > 0 && next < g->n)
		pthread_cond_signal(&g->turns[next]);
}

void gate_enter(struct gate *g, size_t number)
{
	pthread_mutex_lock(&g->lock);
	g->waiting[number] = true;
	while (g->free == 0 || lowest(g) != number)
		pthread_cond_wait(&g->turns[number], &g->lock); /* whoever is inside ends when the run is cancelled */
	g->waiting[number] = false;
	g->free--;
	wake_next(g);
	pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->free++;
	wake_next(g);
	pthread_mutex_unlock(&g->lock);
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++)
		pthread_cond_destroy(&g->turns[i]);
	pthread_mutex_destroy(&g->lock);
	free(g->turns);
	free(g->waiting);
	free(g);
}
