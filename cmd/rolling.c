#include "cmd/rolling.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "bootstrap/certificates.h"
#include "bootstrap/platform.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

enum { CONNECT_MS = 60 * 1000, NODE_MS = 15 * 60 * 1000, HEALTHY_MS = 5 * 60 * 1000, AT_ONCE = 8 };

/* ---- a node */

static int restart(struct ssh *s, void *context UNUSED, struct error **err)
{
	return bootstrap_renewed(s, err) < 0 ? -1 : bootstrap_healthy(s, clock_deadline(HEALTHY_MS), err);
}

static int await_healthy(struct ssh *s, void *context UNUSED, struct error **err)
{
	return bootstrap_healthy(s, clock_deadline(HEALTHY_MS), err);
}

struct await {
	const struct platform *platform;
	const char *node;
};

static int await_ready(struct ssh *s, void *context, struct error **err)
{
	const struct await *a = context;

	return a->platform->wait_ready(s, a->node, clock_deadline(HEALTHY_MS), err);
}

static int is_ready_again(const struct work *w, const struct node *n, struct error **err)
{
	const char *plane = context_plane(w->c);
	struct await a = {platform_of(w->c->spec), n->name};
	CLEANUP_SSH struct ssh *s = NULL;

	return plane == NULL || !node_runs_kubernetes(n->role) ? 0 : reach_run(w->reach, plane, &s, await_ready, &a, err);
}

/* A manager with autolock is locked since its engine was restarted. */
static int unlock(const struct work *w, const struct node *n, struct error **err)
{
	return swarm_lock_may(w->c, n->name) ? swarm_lock_release(w->c, w->reach, n->name, clock_deadline(HEALTHY_MS), err) : 0;
}

static int pass(const struct rolling *r, struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(w->reach, n->name, clock_deadline(CONNECT_MS), &s, err) < 0 || (r->begin != NULL && r->begin(n, r->context, err) < 0) ||
	    work_install(w, n, &s, err) < 0)
		return -1;
	event_begin(w->events, n->name, "restart");
	if (reach_run(w->reach, n->name, &s, r->restart ? restart : await_healthy, NULL, err) < 0 || unlock(w, n, err) < 0 || is_ready_again(w, n, err) < 0)
		return -1;
	event_end(w->events, n->name, "restart");
	return r->done(n, r->context, err);
}

/* As the state knows it: with its floating IP, which is in certificates. */
static int known(const struct work *w, const struct plan_node *p, struct node *ret, struct error **err)
{
	return inventory_get(w->c->inventory, p->node.name, ret) ? 0 : error_set(err, ERROR_INTERNAL, "%s is not in the inventory", p->node.name);
}

static int node(const struct rolling *r, const struct plan_node *p, struct error **err)
{
	struct work w = *r->w;
	struct node n = {0};
	struct error *why = NULL;
	int result;

	w.deadline = clock_deadline(NODE_MS);
	result = known(&w, p, &n, &why) < 0 ? -1 : pass(r, &w, &n, &why);
	node_clear(&n);
	if (result == 0)
		return 0;
	if (!error_is(why, ERROR_CANCELLED))
		event_fail(w.events, p->node.name, "restart", error_message(why));
	error_wrap(&why, "%s", p->node.name);
	return error_move(err, why);
}

/* ---- all of them */

struct workers {
	const struct rolling *r;
	const struct plan_node **nodes;
	size_t n;
};

static int worker(size_t i, void *context, struct error **err)
{
	struct workers *w = context;

	return node(w->r, w->nodes[i], err);
}

/* A bastion has nothing of ours. */
static bool takes(const struct rolling *r, const struct plan_node *p)
{
	return p->node.role != NODE_BASTION && r->takes(&p->node, r->context);
}

static int workers(const struct rolling *r, struct error **err)
{
	const struct plan *plan = r->w->c->plan;
	CLEANUP_FREE const struct plan_node **nodes = xnew_n(const struct plan_node *, plan->n_nodes);
	struct workers w = {r, nodes, 0};

	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == NODE_WORKER && takes(r, &plan->nodes[i]))
			nodes[w.n++] = &plan->nodes[i];
	return verb_parallel(w.n, AT_ONCE, worker, &w, "\nThe others have theirs. The same command goes on with those that have not.", err);
}

static int others(const struct rolling *r, enum node_role role, struct error **err)
{
	const struct plan *plan = r->w->c->plan;

	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == role && takes(r, &plan->nodes[i]) && node(r, &plan->nodes[i], err) < 0)
			return -1;
	return 0;
}

int rolling_run(const struct rolling *r, struct error **err)
{
	return others(r, NODE_REGISTRY, err) < 0 || others(r, NODE_CONTROL_PLANE, err) < 0 || workers(r, err) < 0 ? -1 : 0;
}

static int is_as_wanted(const struct rolling *r, const struct plan_node *p, bool *ret, struct error **err)
{
	struct node n = {0};
	int result = known(r->w, p, &n, err) < 0 ? -1 : work_is_applied(r->w, &n, ret, err);

	node_clear(&n);
	return result;
}

int rolling_check(const struct rolling *r, bool (*is_begun)(const struct node *n, void *context), const char *what, struct error **err)
{
	const struct plan *plan = r->w->c->plan;
	CLEANUP_STRV struct strv differ = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	pki_renew(r->w->pki, (struct pki_renewal){.within = INT64_MIN});
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *p = &plan->nodes[i];
		bool applied = true;

		if (takes(r, p) && (is_begun == NULL || !is_begun(&p->node, r->context)) && is_as_wanted(r, p, &applied, err) < 0)
			return -1;
		if (!applied)
			strv_add(&differ, p->node.name);
	}
	names = verb_names(&differ);
	return differ.n == 0 ? 0
			     : error_set(err, ERROR_CONFIG,
					 "%s asks more of %s than %s, or the state has something that is not there yet: \"davit apply\" does that; then this goes on",
					 r->w->c->spec->path, names, what);
}
