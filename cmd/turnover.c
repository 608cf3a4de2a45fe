#include "cmd/turnover.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/cluster/turnover.h"

static char *mark(const char *node)
{
	return xasprintf("replace:%s", node);
}

bool turnover_is_asked(const struct context *c, const char *node)
{
	CLEANUP_FREE char *key = mark(node), *text = state_get(c->state, key);

	return text != NULL;
}

static void add(struct changes *changes, const char *node)
{
	changes_add(changes, CHANGE_REPLACE, "node", node, xstrdup("it was asked for"))->node = xstrdup(node);
}

void turnover_asked(const struct context *c, const char *pool, const struct strv *asked, struct changes *changes)
{
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct node *n = &c->plan->nodes[i].node;

		if (n->role == NODE_WORKER && (pool == NULL || strcmp(n->pool, pool) == 0) &&
		    ((asked != NULL && strv_has(asked, n->name)) || turnover_is_asked(c, n->name)))
			add(changes, n->name);
	}
}

void turnover_ignore(struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].node != NULL)
			changes->items[i].action = CHANGE_NONE;
}

/* Why the node is to be replaced; NULL: it is not. */
static const struct change *reason(const struct changes *changes, const char *node)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].action == CHANGE_REPLACE && changes->items[i].node != NULL && strcmp(changes->items[i].node, node) == 0)
			return &changes->items[i];
	return NULL;
}

static bool is_broken(const struct changes *changes, const char *node)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].action == CHANGE_REPLACE && changes->items[i].broken && strcmp(changes->items[i].node, node) == 0)
			return true;
	return false;
}

/* Nodes of the pool that are on their way in. */
static size_t coming(const struct context *c, const char *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct node *node = &c->plan->nodes[i].node;

		n += strcmp(node->pool, pool) == 0 && !state_is_installed(c->state, node->name);
	}
	return n;
}

/* Nodes of the pool that are on their way: out, or in.  The next ones wait for them. */
static size_t moving(const struct context *c, const char *pool)
{
	CLEANUP_STRV struct strv leaving = STRV_INIT;

	leaving_names(c, pool, &leaving);
	return leaving.n + coming(c, pool);
}

static void batch(const struct leaving *l, const struct pool_spec *pool, const struct changes *changes, const struct strv *names,
		  struct turnover *ret)
{
	CLEANUP_FREE struct turnover_node *nodes = xnew_n(struct turnover_node, names->n + 1);

	for (size_t i = 0; i < names->n; i++) {
		nodes[i] = (struct turnover_node){names->v[i], is_broken(changes, names->v[i])};
		strv_add(&ret->names, names->v[i]);
	}
	turnover_batch(pool, nodes, names->n, moving(l->c, pool->name), &ret->before, &ret->after);
}

/* Where old ones go first, those that a run which was cut off has chosen, and whose successors are not there. */
static void resume(const struct context *c, const struct pool_spec *pool, struct strv *ret)
{
	if (pool->max_surge == 0 && coming(c, pool->name) > 0)
		leaving_names(c, pool->name, ret);
}

/* ordered: as Kubernetes, which is asked, says; else those of the plan in its order, which are as many. */
static int find(struct leaving *l, const struct changes *changes, bool ordered, struct turnover *ret, struct error **err)
{
	const struct context *c = l->c;

	turnover_clear(ret);
	ret->ordered = ordered;
	for (size_t p = 0; p < c->spec->n_pools; p++) {
		CLEANUP_STRV struct strv names = STRV_INIT;

		for (size_t i = 0; i < c->plan->n_nodes; i++) {
			const struct node *n = &c->plan->nodes[i].node;

			if (strcmp(n->pool, c->spec->pools[p].name) == 0 && reason(changes, n->name) != NULL)
				strv_add(&names, n->name);
		}
		if (ordered && leaving_order(l, &names, err) < 0)
			return -1;
		resume(c, &c->spec->pools[p], &ret->before);
		if (names.n > 0)
			batch(l, &c->spec->pools[p], changes, &names, ret);
	}
	if (leaving_mark(l, &ret->before, err) < 0 || leaving_mark(l, &ret->after, err) < 0)
		return -1;
	strv_copy(&c->plan->first, &ret->before);
	return 0;
}

int turnover_find(struct leaving *l, const struct changes *changes, struct turnover *ret, struct error **err)
{
	return find(l, changes, true, ret, err);
}

int turnover_foresee(struct leaving *l, const struct changes *changes, struct turnover *ret, struct error **err)
{
	return find(l, changes, false, ret, err);
}

static bool may_give_way(const struct context *c, const struct pool_spec *pool)
{
	CLEANUP_STRV struct strv leaving = STRV_INIT;

	leaving_names(c, pool->name, &leaving);
	return turnover_may_give_way(pool, leaving.n, coming(c, pool->name));
}

static bool any_may_give_way(const struct context *c)
{
	for (size_t p = 0; p < c->spec->n_pools; p++)
		if (may_give_way(c, &c->spec->pools[p]))
			return true;
	return false;
}

static void give_way(const struct context *c)
{
	for (size_t p = 0; p < c->spec->n_pools; p++) {
		struct pool_spec *pool = &c->spec->pools[p];

		if (!may_give_way(c, pool))
			continue;
		log_info("pool %s: the quota has no room for %d more: 1 fewer at a time instead, each goes before its successor comes", pool->name,
			 pool->max_surge);
		turnover_give_way(pool);
	}
}

static int find_anew(struct leaving *l, const struct changes *changes, struct turnover *t, struct error **err)
{
	for (size_t i = 0; i < t->names.n; i++)
		inventory_leaving(l->c->inventory, t->names.v[i], false);
	return context_replan(l->c, err) < 0 ? -1 : find(l, changes, t->ordered, t, err);
}

int turnover_fit(struct leaving *l, struct cloud *cloud, struct view *view, const struct changes *changes, struct turnover *t, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (!any_may_give_way(l->c))
		return 0;
	if (provision_preflight(cloud, l->c->plan, view, &findings, err) < 0)
		return -1;
	if (!findings_refused_by(&findings, "quota"))
		return 0;
	give_way(l->c);
	return find_anew(l, changes, t, err);
}

int turnover_resume(struct leaving *l, struct cloud *cloud, struct view *view, struct turnover *t, struct error **err)
{
	for (size_t p = 0; p < l->c->spec->n_pools; p++)
		resume(l->c, &l->c->spec->pools[p], &l->c->plan->first);
	return turnover_fit(l, cloud, view, &(struct changes){0}, t, err);
}

void turnover_advise(const struct turnover *t)
{
	if (t->after.n > 0)
		log_info("new nodes are made before old ones go; \"maxSurge: 0\" with \"maxUnavailable: 1\" makes it the other way round");
}

int turnover_begin(struct leaving *l, const struct turnover *t, const struct strv *asked, struct error **err)
{
	for (size_t i = 0; asked != NULL && i < asked->n; i++) {
		CLEANUP_FREE char *key = mark(asked->v[i]);

		if (state_set(l->c->state, key, "1", err) < 0)
			return -1;
	}
	return leaving_remember(l, &t->before, err) < 0 ? -1 : leaving_remember(l, &t->after, err);
}

void turnover_tell(const struct context *c, const struct changes *changes)
{
	for (size_t p = 0; p < c->spec->n_pools; p++) {
		const struct pool_spec *pool = &c->spec->pools[p];
		size_t n = 0;

		for (size_t i = 0; i < c->plan->n_nodes; i++)
			n += strcmp(c->plan->nodes[i].node.pool, pool->name) == 0 && reason(changes, c->plan->nodes[i].node.name) != NULL;
		if (n > 0)
			log_info("pool %s: %zu of its nodes %s replaced by new ones, with %d more (maxSurge) and %d fewer (maxUnavailable) than %d at a "
				 "time",
				 pool->name, n, n == 1 ? "is" : "are", pool->max_surge, pool->max_unavailable, pool->count);
	}
}

void turnover_clear(struct turnover *t)
{
	strv_free(&t->names);
	strv_free(&t->before);
	strv_free(&t->after);
}
