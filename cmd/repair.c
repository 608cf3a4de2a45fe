#include "cmd/repair.h"
#include "cmd/planes.h"
#include "bootstrap/platform.h"
#include "bootstrap/health.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/platform.h"
#include "core/cluster/turnover.h"
#include <stdlib.h>

enum { ASK_MS = 30 * 1000, PATIENCE_MIN_MS = 60 * 1000, PATIENCE_MAX_MS = 30 * 60 * 1000 };

static char *mark(const char *node)
{
	return xasprintf("rebooted:%s", node);
}

/* When it was rebooted for repair (wall time), 0: it was not. */
static int64_t rebooted_at(const struct repair *r, const char *node)
{
	CLEANUP_FREE char *key = mark(node), *text = state_get(r->l->c->state, key);

	return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int remember(const struct repair *r, const char *node, bool rebooted, struct error **err)
{
	CLEANUP_FREE char *key = mark(node), *now = xasprintf("%lld", (long long)clock_wall_ms());

	return state_set(r->l->c->state, key, rebooted ? now : NULL, err);
}

/* How long a reboot may take to help. */
static int64_t patience(const struct repair *r, const char *node)
{
	int64_t ms = plan_find(r->l->c->plan, node)->pool->repair_after;

	return ms < PATIENCE_MIN_MS ? PATIENCE_MIN_MS : ms > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : ms;
}

static bool in_vain(const struct repair *r, const char *node)
{
	int64_t at = rebooted_at(r, node);

	return at != 0 && clock_wall_ms() - at >= patience(r, node);
}

static bool is_broken(const struct changes *changes, const char *node)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].broken && strcmp(changes->items[i].node, node) == 0)
			return true;
	return false;
}

static void add(struct changes *changes, const char *node, const char *why)
{
	struct change *c = changes_add(changes, CHANGE_REPLACE, "node", node, xstrdup(why));

	c->node = xstrdup(node);
	c->broken = true;
}

/* Those that were not rebooted yet are, before they are replaced. */
static void decide(struct repair *r, struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct change *c = &changes->items[i];
		bool late;
		char *reason;

		if (c->node == NULL || !c->broken)
			continue;
		late = in_vain(r, c->node);
		reason = xasprintf("%s; %s", c->reason, late ? "a reboot did not help: it is replaced" : "it is rebooted");
		free(c->reason);
		c->reason = reason;
		c->action = late ? CHANGE_REPLACE : CHANGE_UPDATE;
	}
}

/* Whose installation came to its end in a cluster that did. */
static void known(const struct repair *r, struct strv *ret)
{
	const struct context *c = r->l->c;
	CLEANUP_FREE char *complete = state_get(c->state, "complete");

	for (size_t i = 0; i < c->plan->n_nodes && complete != NULL && strcmp(complete, "1") == 0; i++)
		if (state_is_installed(c->state, c->plan->nodes[i].node.name))
			strv_add(ret, c->plan->nodes[i].node.name);
}

static void judge(const struct health *h, struct changes *changes)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct ailing *a = &h->items[i];

		if (!a->late)
			log_warning("node %s is %s; that is not yet as long as its pool's repairAfter", a->node, a->why);
		else if (!is_broken(changes, a->node))
			add(changes, a->node, a->why);
	}
}

static int ask(struct ssh *s, void *context, struct error **err)
{
	struct repair *r = context;
	const struct spec *spec = r->l->c->spec;
	const struct platform *p = platform_of(spec);

	json_object_put(steal_ptr(r->nodes));
	strv_free(&r->settings);
	if (p->status(s, &r->nodes, err) < 0 || (p->differs != NULL && p->differs(s, spec, clock_deadline(ASK_MS), &r->settings, err) < 0))
		return -1;
	return kubernetes_clock(s, &r->wall_ms, err);
}

int repair_ask(struct repair *r, struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (context_plane(r->l->c) == NULL || planes_ask(r->l->c, r->l->reach, ask, r, NULL, &why) == 0)
		return 0;
	json_object_put(steal_ptr(r->nodes));
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	log_warning("%s cannot be asked how its nodes are: %s", platform_title(r->l->c->spec->platform), error_message(why));
	return 0;
}

/* Those of the pool that are broken, and for which this is to be done. */
static void list_broken(const struct repair *r, const char *pool, const struct changes *changes, enum change_action action, struct strv *ret)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->items[i];

		if (c->broken && c->action == action && strcmp(plan_find(r->l->c->plan, c->node)->node.pool, pool) == 0)
			strv_add(ret, c->node);
	}
}

static void choose(struct repair *r, const struct changes *changes)
{
	const struct spec *spec = r->l->c->spec;

	for (size_t p = 0; p < spec->n_pools; p++) {
		CLEANUP_STRV struct strv due = STRV_INIT, in_vain = STRV_INIT;
		size_t n;

		list_broken(r, spec->pools[p].name, changes, CHANGE_UPDATE, &due);
		list_broken(r, spec->pools[p].name, changes, CHANGE_REPLACE, &in_vain);
		n = turnover_reboots(&spec->pools[p], due.n, in_vain.n);
		for (size_t i = 0; i < n; i++)
			strv_add(&r->reboots, due.v[i]);
	}
}

static void diagnose(const struct repair *r, struct health *ret)
{
	CLEANUP_STRV struct strv installed = STRV_INIT;

	known(r, &installed);
	if (r->nodes != NULL)
		health_read(r->l->c->plan, r->nodes, r->wall_ms, &installed, ret);
}

void repair_find(struct repair *r, struct changes *changes)
{
	CLEANUP_HEALTH struct health health = {0};

	diagnose(r, &health);
	judge(&health, changes);
	decide(r, changes);
	choose(r, changes);
}

int repair_forgive(struct repair *r, const struct changes *changes, struct error **err)
{
	CLEANUP_HEALTH struct health health = {0};

	diagnose(r, &health);
	for (size_t i = 0; i < r->l->c->plan->n_nodes && r->nodes != NULL; i++) {
		const char *name = r->l->c->plan->nodes[i].node.name;

		if (rebooted_at(r, name) != 0 && health_find(&health, name) == NULL && !is_broken(changes, name) && remember(r, name, false, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- reboots ---- */

struct rounds {
	struct repair *r;
	struct cloud *cloud;
	struct events *events;
};

struct wait {
	const struct platform *platform;
	const char *node;
	int64_t deadline;
};

static int wait_ready(struct ssh *s, void *context, struct error **err)
{
	const struct wait *w = context;

	return w->platform->wait_ready(s, w->node, w->deadline, err);
}

static int reboot(const struct rounds *x, const char *name, struct error **err)
{
	const struct context *c = x->r->l->c;
	struct node n = {0};
	int r;

	if (rebooted_at(x->r, name) != 0) /* by a run that was cut off: only its end is waited for */
		return 0;
	if (!inventory_get(c->inventory, name, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", name);
	r = remember(x->r, name, true, err) < 0 ? -1 : provision_reboot(x->cloud, state_uuid(c->state), c->spec->name, &n, err);
	node_clear(&n);
	return r;
}

static int mend(const struct rounds *x, const char *node, struct error **err)
{
	struct wait w = {.platform = platform_of(x->r->l->c->spec), .node = node};
	CLEANUP_SSH struct ssh *s = NULL;

	if (reboot(x, node, err) < 0)
		return -1;
	w.deadline = clock_deadline(rebooted_at(x->r, node) + patience(x->r, node) - clock_wall_ms());
	if (reach_run(x->r->l->reach, context_plane(x->r->l->c), &s, wait_ready, &w, err) < 0)
		return -1;
	return remember(x->r, node, false, err);
}

static int mend_one(size_t i, void *context, struct error **err)
{
	const struct rounds *x = context;
	const char *node = x->r->reboots.v[i];
	CLEANUP_ERROR struct error *why = NULL;

	event_begin(x->events, node, "repair");
	if (mend(x, node, &why) < 0) {
		event_fail(x->events, node, "repair", error_message(why));
		return error_is(why, ERROR_CANCELLED) ? error_move(err, steal_ptr(why)) : 0;
	}
	event_end(x->events, node, "repair");
	return 0;
}

int repair_run(struct repair *r, struct cloud *cloud, struct events *events, struct error **err)
{
	struct rounds x = {r, cloud, events};

	return parallel_for(r->reboots.n, 0, mend_one, &x, NULL, err);
}

void repair_clear(struct repair *r)
{
	json_object_put(steal_ptr(r->nodes));
	strv_free(&r->settings);
	strv_free(&r->reboots);
}
