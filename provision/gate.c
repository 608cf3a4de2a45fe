#include "provision/gate.h"
#include "core/base/alloc.h"
#include <pthread.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned free;
	size_t n;
	bool *waiting;
};

struct gate *gate_new(size_t n, unsigned width)
{
	struct gate *g = xnew(struct gate);

	*g = (struct gate){.free = width, .n = n, .waiting = xnew_n(bool, n + 1)};
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	return g;
}

static size_t lowest(const struct gate *g)
{
	size_t i = 0;

	while (i < g->n && !g->waiting[i])
		i++;
	return i;
}

void gate_enter(struct gate *g, size_t number)
{
	pthread_mutex_lock(&g->lock);
	g->waiting[number] = true;
	while (g->free == 0 || lowest(g) != number)
		pthread_cond_wait(&g->changed, &g->lock); /* whoever is inside ends when the run is cancelled */
	g->waiting[number] = false;
	g->free--;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->free++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
	free(g->waiting);
	free(g);
}
