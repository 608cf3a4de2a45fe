#include "cmd/turn.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/cond.h"

struct turn {
	struct cond moved;
	size_t takers;
	int64_t taken; /* clock_ms(), the last time */
};

struct turn *turn_new(void)
{
	struct turn *t = xnew(struct turn);

	cond_init(&t->moved);
	return t;
}

void turn_free(struct turn *t)
{
	if (t == NULL)
		return;
	cond_destroy(&t->moved);
	free(t);
}

int turn_take(struct turn *t, int64_t patience_ms, struct error **err)
{
	int r = 1;

	cond_lock(&t->moved);
	while (r >= 0 && t->takers > 0 && clock_ms() < t->taken + patience_ms)
		r = cond_wait(&t->moved, t->taken + patience_ms, err);
	if (r >= 0) {
		t->takers++;
		t->taken = clock_ms();
	}
	cond_unlock(&t->moved);
	return r < 0 ? -1 : 0;
}

void turn_give(struct turn *t)
{
	cond_lock(&t->moved);
	t->takers--;
	cond_tell(&t->moved);
	cond_unlock(&t->moved);
}
