#include "cmd/upgrade.h"
#include "cmd/msr.h"
#include "cmd/swarm_lock.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#define PAUSED "pause"	    /* a mark: as a swarm calls what is cordoned (platform.h) */
#define CHANGING "changing" /* in place of a digest: a run has begun to install it */
enum { NODE_MS = 30 * 60 * 1000, DRAIN_MS = 15 * 60 * 1000, READY_MS = 5 * 60 * 1000, SETTLED_MS = 15 * 60 * 1000, ANSWER_MS = 60 * 1000 };

/* One node on its way. */
struct passage {
	struct upgrade *u;
	struct work w; /* the upgrade's, with a deadline of its own */
	struct node n;
	struct ssh *ssh;	 /* to it; NULL: not yet */
	struct json_object *was; /* its Node when we came to it */
};

static char *mark_of(const char *node)
{
	return xasprintf("cordoned:%s", node);
}

bool upgrade_has_cordoned(const struct upgrade *u, const char *node)
{
	CLEANUP_FREE char *key = mark_of(node), *mark = state_get(u->c->state, key);

	return mark != NULL;
}

static const struct platform *platform(const struct passage *p)
{
	return platform_of(p->u->c->spec);
}

/* ---- by the cluster, on a control plane */

/* Its own engine has no answer while it is away. */
static const char *asked(const struct passage *p)
{
	CLEANUP_STRV struct strv self = STRV_INIT;
	const char *other = NULL;

	strv_add(&self, p->n.name);
	if (p->u->of->restarts_planes)
		other = context_plane_but(p->u->c, &self);
	return other != NULL ? other : p->u->plane;
}

static int on_plane(struct passage *p, reach_job *job, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_run(p->u->w.reach, asked(p), &s, job, p, err);
}

static int get_node(struct ssh *s, void *context, struct error **err)
{
	struct passage *p = context;

	json_object_put(steal_ptr(p->was));
	return p->u->of->node(s, p->n.name, clock_deadline(ANSWER_MS), &p->was, err);
}

static int cordon(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;
	CLEANUP_STRV struct strv self = STRV_INIT;

	strv_add(&self, p->n.name);
	return platform(p)->cordon(s, &self, clock_deadline(ANSWER_MS), err);
}

static int drain(struct ssh *s, void *context, struct error **err)
{
	struct passage *p = context;
	int64_t force_after = p->u->c->o->force_after_ms;
	struct node_drain d = {.node = p->n.name,
			       .ready = node_is_ready(p->was),
			       .force_after_ms = force_after,
			       .events = p->w.events,
			       .deadline = clock_deadline(DRAIN_MS + (force_after > 0 ? force_after : 0))};

	return cordon(s, p, err) < 0 ? -1 : platform(p)->drain(s, &d, err);
}

static int uncordon(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;
	CLEANUP_STRV struct strv self = STRV_INIT;

	strv_add(&self, p->n.name);
	return platform(p)->uncordon(s, &self, clock_deadline(ANSWER_MS), err);
}

static int await_version(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;

	return p->u->of->await(s, &p->n, p->u->version, READY_MS, err);
}

/* What the node goes back to; NULL: somebody else had cordoned it, and it stays so.  A swarm drains one that was paused, which it is no more then. */
static const char *former(const struct passage *p)
{
	if (!json_get_bool(p->was, "spec.unschedulable", false))
		return "1";
	return strcmp(json_get_str(p->was, "spec.availability", ""), PAUSED) == 0 ? PAUSED : NULL;
}

static int take_out(struct passage *p, struct error **err)
{
	CLEANUP_FREE char *key = mark_of(p->n.name);

	if (!upgrade_has_cordoned(p->u, p->n.name) && state_set(p->u->c->state, key, former(p), err) < 0)
		return -1;
	event_begin(p->w.events, p->n.name, "drain");
	if (on_plane(p, drain, err) < 0) {
		event_fail(p->w.events, p->n.name, "drain", err != NULL ? error_message(*err) : "");
		return -1;
	}
	event_end(p->w.events, p->n.name, "drain");
	return 0;
}

static int take_in(struct passage *p, struct error **err)
{
	CLEANUP_FREE char *key = mark_of(p->n.name), *mark = state_get(p->u->c->state, key);

	if (mark == NULL)
		return 0;
	return on_plane(p, strcmp(mark, PAUSED) == 0 ? cordon : uncordon, err) < 0 ? -1 : state_set(p->u->c->state, key, NULL, err);
}

/* ---- on the node */

static int keep(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;

	return bootstrap_keep(s, p->u->to, err);
}

static int healthy(struct ssh *s, void *context UNUSED, struct error **err)
{
	return bootstrap_healthy(s, clock_deadline(READY_MS), err);
}

static int restore(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;
	struct bootstrap_run run = {.node = p->n.name, .role = p->n.role, .events = p->w.events, .deadline = p->w.deadline};

	return bootstrap_restore(s, &run, err);
}

static int on_node(struct passage *p, reach_job *job, struct error **err)
{
	return reach_run(p->w.reach, p->n.name, &p->ssh, job, p, err);
}

/* From now on the state does not take the node for what it was, whatever this run comes to; that is kept for the way back. */
static int note_change(const struct passage *p, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("applied:%s", p->n.name), *kept_key = xasprintf(UPGRADE_KEPT "%s", p->n.name);
	CLEANUP_FREE char *applied = state_get(p->u->c->state, key);

	if (applied != NULL && strcmp(applied, CHANGING) == 0)
		return 0;
	return state_set(p->u->c->state, kept_key, applied, err) < 0 ? -1 : state_set(p->u->c->state, key, CHANGING, err);
}

static int note_back(const struct passage *p, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("applied:%s", p->n.name), *kept_key = xasprintf(UPGRADE_KEPT "%s", p->n.name);
	CLEANUP_FREE char *kept = state_get(p->u->c->state, kept_key);

	return state_set(p->u->c->state, key, kept, err);
}

/* A manager with autolock is locked since its engine was restarted. */
static int unlock(const struct passage *p, struct error **err)
{
	return swarm_lock_may(p->u->c, p->n.name) ? swarm_lock_release(p->u->c, p->w.reach, p->n.name, clock_deadline(READY_MS), err) : 0;
}

static int advance(struct passage *p, struct error **err)
{
	if (on_node(p, keep, err) < 0 || note_change(p, err) < 0 || work_install(&p->w, &p->n, &p->ssh, err) < 0)
		return -1;
	event_begin(p->w.events, p->n.name, "ready");
	if (unlock(p, err) < 0 || on_node(p, healthy, err) < 0 || on_plane(p, await_version, err) < 0) {
		event_fail(p->w.events, p->n.name, "ready", err != NULL ? error_message(*err) : "");
		return -1;
	}
	event_end(p->w.events, p->n.name, "ready");
	return 0;
}

/* Only what the node itself did not bear: a connection that is gone, a full disk here, or Ctrl-C say nothing against the new version. */
static bool is_to_go_back(const struct error *why)
{
	return !cancel_requested() && (error_is(why, ERROR_NODE) || error_is(why, ERROR_REMOTE) || error_is(why, ERROR_TIMEOUT));
}

static int go_back(struct passage *p, struct error **err)
{
	p->w.deadline = clock_deadline(NODE_MS);
	event_begin(p->w.events, p->n.name, "rollback");
	if (on_node(p, restore, err) < 0 || unlock(p, err) < 0 || on_node(p, healthy, err) < 0 || note_back(p, err) < 0)
		return -1;
	event_end(p->w.events, p->n.name, "rollback");
	return take_in(p, err);
}

static bool is_drained(const struct passage *p)
{
	return !p->u->nodes_run_on && (p->n.role == NODE_WORKER || p->u->of->restarts_planes);
}

static int roll_back(struct passage *p, struct error *why, struct error **err)
{
	CLEANUP_ERROR struct error *failure = why, *more = NULL;

	if (!is_to_go_back(failure))
		return error_move(err, steal_ptr(failure));
	log_warning("%s does not bear %s, and is put back to what it had", p->n.name, p->u->to);
	if (go_back(p, &more) == 0) {
		p->u->put_back = p->u->put_back || p->n.role == NODE_CONTROL_PLANE;
		return error_set(err, ERROR_NODE, "%s\n%s was put back to what it had before, and works as it did.", error_message(failure), p->n.name);
	}
	return error_set(err, ERROR_NODE, "%s\n%s could not be put back either: %s\nIt is left as it is%s.", error_message(failure), p->n.name,
			 error_message(more), is_drained(p) ? ", cordoned" : "");
}

static int begin(struct passage *p, struct upgrade *u, const struct plan_node *planned, struct error **err)
{
	*p = (struct passage){.u = u, .w = u->w};
	p->w.deadline = clock_deadline(NODE_MS);
	return inventory_wait(u->c->inventory, planned->node.name, planned->floating_ip, p->w.deadline, &p->n, err);
}

static void end(struct passage *p)
{
	ssh_free(p->ssh);
	json_object_put(p->was);
	node_clear(&p->n);
}

static int settle(struct ssh *s, void *context, struct error **err)
{
	const struct passage *p = context;

	return p->u->of->settled(s, &p->n, SETTLED_MS, err);
}

/* Nothing of it speaks against the node's own new version any more: it does not go back. */
static int await_settled(struct passage *p, struct error **err)
{
	return p->u->of->settled != NULL && p->n.role == NODE_CONTROL_PLANE ? on_plane(p, settle, err) : 0;
}

static int pass(struct passage *p, struct error **err)
{
	struct error *why = NULL;
	bool applied = false;

	if (on_plane(p, get_node, err) < 0 || work_is_applied(&p->w, &p->n, &applied, err) < 0)
		return -1;
	if (!applied || strcmp(node_version(p->was), p->u->version) != 0 || !node_is_ready(p->was)) {
		if (take_out(p, err) < 0)
			return -1;
		if (advance(p, &why) < 0)
			return roll_back(p, why, err);
	}
	return take_in(p, err) < 0 || await_settled(p, err) < 0 ? -1 : msr_wait(&p->w, &p->n, err);
}

/* What runs on a control plane of Kubernetes outlives its kubelet's restart, and the taint keeps pods of others off it: it is not drained.  Nor is a node
 * that gets images alone. */
static int stay(struct passage *p, struct error **err)
{
	struct error *why = NULL;

	return advance(p, &why) < 0 ? roll_back(p, why, err) : 0;
}

int upgrade_node(struct upgrade *u, const struct plan_node *planned, struct error **err)
{
	struct passage p;
	int r = begin(&p, u, planned, err);

	if (r == 0)
		r = is_drained(&p) ? pass(&p, err) : stay(&p, err);
	end(&p);
	return r < 0 ? error_wrap(err, "%s", planned->node.name) : 0;
}
