#include "cmd/latch.h"
#include "core/base/alloc.h"
#include "core/base/cond.h"

struct latch {
	struct cond moved;
	bool open, failed;
	void *value;
	enum error_kind kind;
	char *why;
};

struct latch *latch_new(void)
{
	struct latch *g = xnew(struct latch);

	cond_init(&g->moved);
	return g;
}

void latch_free(struct latch *g)
{
	if (g == NULL)
		return;
	cond_destroy(&g->moved);
	free(g->why);
	free(g);
}

void latch_open(struct latch *g, void *value)
{
	cond_lock(&g->moved);
	g->open = true;
	g->value = value;
	cond_tell(&g->moved);
	cond_unlock(&g->moved);
}

void latch_fail(struct latch *g, const char *what, const struct error *why)
{
	cond_lock(&g->moved);
	if (!g->open && !g->failed) {
		g->failed = true;
		g->kind = error_kind(why);
		g->why = xasprintf("%s: %s", what, error_message(why));
		cond_tell(&g->moved);
	}
	cond_unlock(&g->moved);
}

int latch_wait(struct latch *g, int64_t deadline, void **ret, struct error **err)
{
	int r = 1;

	cond_lock(&g->moved);
	while (r > 0 && !g->open && !g->failed)
		r = cond_wait(&g->moved, deadline, err);
	if (r > 0 && g->failed)
		r = error_set(err, g->kind, "%s", g->why);
	else if (r == 0)
		r = error_set(err, ERROR_TIMEOUT, "waited in vain");
	if (r > 0 && ret != NULL)
		*ret = g->value;
	cond_unlock(&g->moved);
	return r > 0 ? 0 : -1;
}
