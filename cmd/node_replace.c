#include "cmd/apply.h"
#include "cmd/plane_replace.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"

struct refusal {
	const char *plane, *other; /* what is said of a control plane, and of a server that is no node of a pool */
};
static const struct refusal to_replace = {"one alone is replaced at a time, and the number of them", "delete its server in the cloud, and \"davit apply\" makes it anew"},
			    to_remove = {"the number of them", "it goes when the cluster does (\"davit delete\")"};

static int must_be_worker(const struct context *c, const char *name, const struct refusal *refusal, struct error **err)
{
	struct node n = {0};
	int r = 0;

	if (!inventory_get(c->inventory, name, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", name);
	if (n.role == NODE_CONTROL_PLANE)
		r = error_set(err, ERROR_USAGE,
"%s is a control plane: %s is controlPlane.count in %s", name, refusal->plane, c->spec->path);
	else if (n.role != NODE_WORKER)
		r = error_set(err, ERROR_USAGE, "%s is no worker: %s", name, refusal->other);
	else if (n.leaving)
		r = error_set(err, ERROR_USAGE, "%s is on its way out already: \"davit apply\" goes on with that", name);
	node_clear(&n);
	return r;
}

static int named(const struct context *c, const struct refusal *refusal, struct strv *ret, struct error **err)
{
	if (context_node_names(c, &c->o->args, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++)
		if (must_be_worker(c, ret->v[i], refusal, err) < 0)
			return -1;
	return 0;
}

static void of_pool(const struct context *c, const char *pool, const struct strv *names, struct strv *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		struct node n = {0};

		if (inventory_get(c->inventory, names->v[i], &n) && strcmp(n.pool, pool) == 0)
			strv_add(ret, names->v[i]);
		node_clear(&n);
	}
}

static int nothing_to_write(void *context UNUSED, struct error **err UNUSED)
{
	return 0;
}

static int must_not_shrink(const struct context *c, const struct pool_spec *pool, struct error **err)
{
	size_t there = context_members(c, pool->name);

	if (there <= (size_t)pool->count)
		return 0;
	return error_set(err, ERROR_CONFIG, "pool %s has %zu nodes, and %s wants %d: \"davit apply\" sees to that first", pool->name, there,
			 c->spec->path, pool->count);
}

/* What came to its end is worked on pool by pool; else the whole is taken up. */
static int replace(struct context *c, const struct strv *names, struct error **err)
{
	for (size_t i = 0; i < c->spec->n_pools; i++) {
		const struct pool_spec *pool = &c->spec->pools[i];
		CLEANUP_STRV struct strv asked = STRV_INIT;
		struct apply_scope scope = {.replaces = true, .asked = &asked};

		of_pool(c, pool->name, names, &asked);
		if (asked.n == 0)
			continue;
		if (context_is_whole(c, pool->name)) {
			scope.pool = pool->name;
			scope.commit = nothing_to_write; /* to say it was the consent */
			context_pin_pools(c, pool->name);
		}
		if (must_not_shrink(c, pool, err) < 0 || apply_run(c, &scope, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_one_plane(const struct context *c, const struct strv *words, char **ret)
{
	struct node n = {0};
	bool plane = words->n == 1 && context_node_name(c, words->v[0], ret, NULL) == 0 && inventory_get(c->inventory, *ret, &n) &&
		     n.role == NODE_CONTROL_PLANE;

	node_clear(&n);
	return plane;
}

static int replace_named(struct context *c, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *plane = NULL;

	if (is_one_plane(c, &c->o->args, &plane))
		return plane_replace(c, plane, err);
	return named(c, &to_replace, &names, err) < 0 ? -1 : replace(c, &names, err);
}

int verb_node_replace(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	int r = context_open(o, CONTEXT_EXISTING, &c, err) < 0 ? -1 : replace_named(&c, err);

	if (r < 0 && err != NULL && error_is(*err, ERROR_CANCELLED) && cancel_by_user())
		return error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: \"davit apply\" goes on from here");
	return r;
}

/* The pool that all of them are of. */
static int one_pool(const struct context *c, const struct strv *names, char **ret, struct error **err)
{
	for (size_t i = 0; i < names->n; i++) {
		struct node n = {0};
		bool other;

		if (!inventory_get(c->inventory, names->v[i], &n))
			return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", names->v[i]);
		other = *ret != NULL && strcmp(*ret, n.pool) != 0;
		if (other)
			error_set(err, ERROR_USAGE, "%s is of pool %s, %s of pool %s: one pool at a time", names->v[0], *ret, n.name, n.pool);
		if (*ret == NULL)
			*ret = steal_ptr(n.pool);
		node_clear(&n);
		if (other)
			return -1;
	}
	return 0;
}

static int read_names(const struct options *o, struct strv *ret_names, char **ret_pool, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || named(&c, &to_remove, ret_names, err) < 0)
		return -1;
	return one_pool(&c, ret_names, ret_pool, err);
}

/* scale-down of the pool by just these. */
int verb_node_remove(const struct options *o, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT, args = STRV_INIT;
	CLEANUP_FREE char *pool = NULL;
	struct options down = *o;

	if (read_names(o, &names, &pool, err) < 0)
		return -1;
	strv_add(&args, pool);
	down.args = args;
	down.nodes = names;
	return verb_scale_down(&down, err);
}
