#include "core/net/limiter.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/cond.h"

struct service {
	char *name;
	struct throttle throttle;
};

struct limiter {
	struct cond room; /* locks the rest */
	struct service *services;
	size_t n, cap;
};

struct limiter *limiter_new(void)
{
	struct limiter *l = xnew(struct limiter);

	cond_init(&l->room);
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->services[i].name);
	free(l->services);
	cond_destroy(&l->room);
	free(l);
}

/* Under the lock; valid until the next call. */
static struct throttle *find(struct limiter *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->services[i].name, name) == 0)
			return &l->services[i].throttle;
	array_grow(l->services, l->n, l->cap);
	l->services[l->n].name = xstrdup(name);
	throttle_init(&l->services[l->n].throttle, LIMITER_MAX, LIMITER_MAX);
	return &l->services[l->n++].throttle;
}

void limiter_begin_with(struct limiter *l, const char *service, unsigned width)
{
	cond_lock(&l->room);
	throttle_init(find(l, service), width, LIMITER_MAX);
	cond_unlock(&l->room);
}

/* Under the lock: until it is worth asking again. */
static int wait_for_room(struct limiter *l, const char *service, int64_t wait_ms, int64_t deadline, struct error **err)
{
	int64_t again = wait_ms < 0 ? CLOCK_NEVER : clock_deadline(wait_ms);
	int r = cond_wait(&l->room, again < deadline ? again : deadline, err);

	if (r == 0 && clock_ms() >= deadline)
		return error_set(err, ERROR_TIMEOUT, "%s: no room for another request before the deadline", service);
	return r < 0 ? -1 : 0;
}

int limiter_enter(struct limiter *l, const char *service, int64_t deadline, struct error **err)
{
	int64_t wait_ms;
	int r = 0;

	cond_lock(&l->room);
	while (r == 0 && (wait_ms = throttle_wait(find(l, service), clock_ms())) != 0)
		r = wait_for_room(l, service, wait_ms, deadline, err);
	if (r == 0)
		throttle_begin(find(l, service));
	cond_unlock(&l->room);
	return r;
}

void limiter_leave(struct limiter *l, const char *service, enum throttle_news news, int64_t asked_ms)
{
	cond_lock(&l->room);
	throttle_end(find(l, service), news, asked_ms, clock_ms());
	cond_tell(&l->room);
	cond_unlock(&l->room);
}

unsigned limiter_width(struct limiter *l, const char *service)
{
	unsigned width;

	cond_lock(&l->room);
	width = find(l, service)->width;
	cond_unlock(&l->room);
	return width;
}
