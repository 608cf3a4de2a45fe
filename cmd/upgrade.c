#include "cmd/upgrade.h"
#include "cmd/checks.h"
#include "cmd/restoring.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/rotate.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "core/cluster/platform.h"

enum { PRUNE_AT_ONCE = 20, CONNECT_MS = 20 * 1000, STEP_MS = 30 * 60 * 1000, OPENED_MS = 60 * 1000 };

int upgrade_check_none(const struct context *c, struct error **err)
{
	CLEANUP_FREE char *to = state_get(c->state, UPGRADE_KEY);

	if (to == NULL)
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "the upgrade of cluster %s to %s has not come to its end: \"davit upgrade\" goes on from there, with that version in %s", c->spec->name,
			 to, c->spec->path);
}

static char *release_of(const struct spec *s)
{
	return platform_release(s->platform, s->version, s->mke.engine.version);
}

char *upgrade_due(const struct context *c)
{
	static const char *const what[] = {[PLATFORM_KUBERNETES] = "Kubernetes", [PLATFORM_SWARM] = "engine", [PLATFORM_MKE] = "MKE"};
	CLEANUP_FREE char *has = frozen_release(c->spec, c->state), *wanted = release_of(c->spec);

	if (!frozen_moves(c->spec, c->state, FROZEN_ANY))
		return NULL;
	if (strcmp(has, wanted) == 0)
		return xstrdup("other packages of the engine: \"davit upgrade\" does that, node by node");
	return xasprintf("%s %s instead of %s: \"davit upgrade\" does that, node by node", what[c->spec->platform], wanted, has);
}

static bool has_version(const struct upgrade *u, const char *node)
{
	return strcmp(node_version(leave_node(u->view.facts, node)), u->version) == 0;
}

bool upgrade_is_done(const struct plan_node *p, void *context)
{
	struct upgrade *u = context;
	struct node n = {0};
	bool applied = true;

	if (!u->bundled && !u->nodes_tell) /* it is in what was applied */
		return false;
	if (!node_runs_kubernetes(p->node.role) || u->view.facts == NULL || !has_version(u, p->node.name) || upgrade_has_cordoned(u, p->node.name) ||
	    !leave_is_ready(u->view.facts, p->node.name))
		return false;
	if (u->bundled && inventory_get(u->c->inventory, p->node.name, &n)) /* with all addresses, which are in certificates */
		applied = work_is_applied(&u->w, &n, &applied, NULL) == 0 && applied;
	node_clear(&n);
	return applied;
}

/* ---- steps */

static int fetch(struct upgrade *u, struct error **err)
{
	event_begin(u->w.events, "bundle", "fetch");
	if (context_bundle(u->c, u->w.events, &u->w.artifacts, &u->w.bundle_folder, err) < 0) {
		event_fail(u->w.events, "bundle", "fetch", err != NULL ? error_message(*err) : "");
		return -1;
	}
	event_end(u->w.events, "bundle", "fetch");
	latch_open(u->w.bundle, NULL);
	u->bundled = true;
	return 0;
}

static int roll_out(struct ssh *s, void *context, struct error **err)
{
	const struct work *w = context;

	return platform_of(w->c->spec)->rollout(s, w->events, "cluster", w->deadline, err);
}

/* When all control planes, or all of the cluster where it is one thing, are through: from here on the cluster is one of the new version, which a run that goes on, and every other command,
 * finds in the state; also in one that was lost and recovered. */
static int note_version(struct upgrade *u, struct error **err)
{
	u->w.deadline = clock_deadline(STEP_MS);
	return frozen_keep(u->c->spec, u->c->state, err) < 0 || context_remember_file(u->c, err) < 0 || work_keep_recovery(&u->w, err) < 0 ? -1 : 0;
}

static int add_ons(struct upgrade *u, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	u->w.deadline = clock_deadline(STEP_MS);
	if (work_addons(&u->w, &plan_find(u->c->plan, u->plane)->node, err) < 0)
		return -1;
	return reach_run(u->w.reach, u->plane, &s, roll_out, &u->w, err);
}

struct batch {
	struct upgrade *u;
	const struct upgrade_step *steps;
};

static int run_worker(size_t i, void *context, struct error **err)
{
	const struct batch *b = context;

	if (atomic_load(&b->u->stop) || upgrade_node(b->u, b->steps[i].node, err) == 0)
		return 0;
	atomic_store(&b->u->stop, true);
	return -1;
}

/* As soon as one is through the next one begins; where one fails, those that are under way come to their end, and no other begins. */
static int workers(struct upgrade *u, size_t first, size_t n, struct error **err)
{
	struct batch b = {u, &u->steps.items[first]};

	return verb_parallel(n, (unsigned)u->c->o->at_once, run_worker, &b, "", err);
}

static int prune(struct ssh *s, void *context UNUSED, struct error **err)
{
	return bootstrap_prune(s, err);
}

/* What a node keeps of before costs it space, no more. */
static int prune_node(size_t i, void *context, struct error **err)
{
	struct upgrade *u = context;
	const struct node *n = &u->c->plan->nodes[i].node;
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (n->role == NODE_BASTION || (reach_ssh(u->w.reach, n->name, clock_deadline(CONNECT_MS), &s, &why) == 0 &&
					reach_run(u->w.reach, n->name, &s, prune, NULL, &why) == 0))
		return 0;
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	log_warning("%s keeps the programs of before: %s", n->name, error_message(why));
	return 0;
}

static int retire(struct upgrade *u, struct error **err)
{
	u->w.deadline = clock_deadline(STEP_MS);
	if (work_finish(&u->w, err) < 0)
		return -1;
	event_begin(u->w.events, "cluster", "retire");
	if (parallel_for(u->c->plan->n_nodes, PRUNE_AT_ONCE, prune_node, u, NULL, err) < 0)
		return -1;
	event_end(u->w.events, "cluster", "retire");
	return 0;
}

static int run_step(struct upgrade *u, size_t i, size_t *ret_n, struct error **err)
{
	const struct upgrade_step *step = &u->steps.items[i];

	*ret_n = 1;
	if (!u->noted && step->phase > (u->of->whole != NULL ? UPGRADE_WHOLE : UPGRADE_PLANE)) {
		if (note_version(u, err) < 0)
			return -1;
		u->noted = true;
	}
	switch (step->phase) {
	case UPGRADE_BUNDLE:
		return 0; /* before the steps were made: what is done already is told by it */
	case UPGRADE_REGISTRY:
		u->w.deadline = clock_deadline(STEP_MS);
		return work_node((size_t)(step->node - u->c->plan->nodes), &u->w, err);
	case UPGRADE_SNAPSHOT:
		return upgrade_snapshot(u, err);
	case UPGRADE_PLANE:
		return upgrade_node(u, step->node, err);
	case UPGRADE_ADDONS:
		return add_ons(u, err);
	case UPGRADE_WORKER:
		*ret_n = upgrade_pool_len(&u->steps, i);
		return workers(u, i, *ret_n, err);
	case UPGRADE_WHOLE:
		return upgrade_whole(u, err);
	case UPGRADE_RETIRE:
		return retire(u, err);
	}
	return 0;
}

/* ---- the whole */

static void make_steps(struct upgrade *u)
{
	upgrade_steps_free(&u->steps);
	upgrade_make_steps(u->c->plan, u->of->parts & ~(u->whole ? 0u : (unsigned)UPGRADE_WITH_WHOLE), upgrade_is_done, u, &u->steps);
	upgrade_put_last(&u->steps, u->view.last);
}

static int finish(struct upgrade *u, struct error **err)
{
	for (size_t i = 0; i < u->c->plan->n_nodes; i++) {
		CLEANUP_FREE char *key = xasprintf(UPGRADE_KEPT "%s", u->c->plan->nodes[i].node.name);

		if (state_set(u->c->state, key, NULL, err) < 0)
			return -1;
	}
	if (state_set(u->c->state, UPGRADE_SNAPSHOT_KEY, NULL, err) < 0 || state_set(u->c->state, UPGRADE_KEY, NULL, err) < 0)
		return -1;
	return work_keep_recovery(&u->w, err);
}

/* Whether some node had the target already, or was on its way there, when this run began. */
static bool had_begun(const struct upgrade *u)
{
	if (!u->nodes_tell)
		return u->resumed;
	for (size_t i = 0; i < u->c->plan->n_nodes; i++)
		if (has_version(u, u->c->plan->nodes[i].node.name) || upgrade_has_cordoned(u, u->c->plan->nodes[i].node.name))
			return true;
	return false;
}

/* No node was begun with, or the first control plane went back to what it had: the cluster is as it was, and nothing is under way that other
 * commands would wait for. */
static bool is_off(const struct upgrade *u, size_t step)
{
	enum upgrade_phase phase = u->steps.items[step].phase;

	if (had_begun(u))
		return false;
	if (phase < UPGRADE_PLANE)
		return !u->resumed;
	return phase == UPGRADE_PLANE && u->put_back && u->steps.items[step - 1].phase != UPGRADE_PLANE;
}

static int run_steps(struct upgrade *u, struct error **err)
{
	if (fetch(u, err) < 0 || (!u->resumed && state_set(u->c->state, UPGRADE_SNAPSHOT_KEY, NULL, err) < 0) ||
	    state_set(u->c->state, UPGRADE_FROM_KEY, u->from, err) < 0 || state_set(u->c->state, UPGRADE_KEY, u->to, err) < 0)
		return -1;
	make_steps(u);
	for (size_t i = 0, n = 1; i < u->steps.n; i += n) {
		struct error *why = NULL;

		if (run_step(u, i, &n, &why) == 0)
			continue;
		if (is_off(u, i))
			(void)!state_set(u->c->state, UPGRADE_KEY, NULL, NULL);
		return error_move(err, why);
	}
	return finish(u, err);
}

struct opened {
	const struct platform_upgrade *of;
	const struct node *n;
};

static int await_opened(struct ssh *s, void *context, struct error **err)
{
	const struct opened *o = context;

	return o->of->await(s, o->n, NULL, OPENED_MS, err);
}

/* Managers that are locked are unlocked, and the state has the key that they will need; until those are well, or a look tells what they are. */
static int open_locks(struct upgrade *u, struct error **err)
{
	CLEANUP_STRV struct strv locked = STRV_INIT;

	if (swarm_lock_find(u->c, u->w.reach, &locked, err) < 0 || swarm_lock_open(u->c, u->w.events, err) < 0)
		return -1;
	for (size_t i = 0; i < locked.n; i++) {
		struct opened o = {u->of, &plan_find(u->c->plan, locked.v[i])->node};
		CLEANUP_SSH struct ssh *s = NULL;
		CLEANUP_ERROR struct error *why = NULL;

		if (reach_run(u->w.reach, u->plane, &s, await_opened, &o, &why) < 0 && error_is(why, ERROR_CANCELLED))
			return error_move(err, steal_ptr(why));
	}
	return 0;
}

static int check(struct upgrade *u, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (!u->c->o->dry_run && open_locks(u, err) < 0)
		return -1;
	event_begin(u->w.events, "cluster", "look");
	if (upgrade_look(u, &findings, err) < 0)
		return -1;
	event_end(u->w.events, "cluster", "look");
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}

static int run(struct upgrade *u, struct live *live, struct error **err)
{
	int64_t start = clock_ms();

	if (check(u, err) < 0)
		return -1;
	make_steps(u);
	if (u->c->o->dry_run) {
		upgrade_print(u, u->c->o->format);
		return 0;
	}
	log_info("cluster %s: from %s to %s%s", u->c->spec->name, u->from, u->to, u->resumed ? ", where an earlier run had come to" : "");
	if (run_steps(u, err) < 0)
		return -1;
	live_phases(live);
	log_info("cluster %s has %s (%.1f s)", u->c->spec->name, u->to, (double)(clock_ms() - start) / 1000);
	return 0;
}

/* Without the cloud: servers are neither made nor removed by it. */
static int open_upgrade(struct upgrade *u, const struct options *o, struct error **err)
{
	CLEANUP_FREE char *under_way = NULL;

	if (context_open(o, CONTEXT_EXISTING, u->c, err) < 0 ||
	    context_need_keys(u->c, err) < 0 || restoring_check_none(u->c, err) < 0 || rotate_check_none(u->c, err) < 0 ||
	    frozen_check(u->c->spec, u->c->state, FROZEN_ALLOW_UPGRADE, err) < 0)
		return -1;
	u->of = platform_of(u->c->spec)->upgrade;
	context_pin_pools(u->c, NULL);
	if (context_replan(u->c, err) < 0)
		return -1;
	under_way = state_get(u->c->state, UPGRADE_KEY);
	u->resumed = under_way != NULL;
	u->from = u->resumed ? state_get(u->c->state, UPGRADE_FROM_KEY) : NULL;
	if (u->from == NULL)
		u->from = frozen_release(u->c->spec, u->c->state);
	u->to = release_of(u->c->spec);
	u->version = platform_node_version(u->c->spec);
	u->whole = frozen_moves(u->c->spec, u->c->state, FROZEN_WHOLE);
	u->nodes_run_on = u->whole && !frozen_moves(u->c->spec, u->c->state, FROZEN_NODES);
	u->nodes_tell = frozen_moves(u->c->spec, u->c->state, FROZEN_TOLD) || !frozen_moves(u->c->spec, u->c->state, FROZEN_ANY);
	u->plane = context_plane(u->c);
	if (u->from != NULL && (u->plane != NULL || (!u->resumed && !frozen_moves(u->c->spec, u->c->state, FROZEN_ANY))))
		return 0;
	return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet: \"davit apply\" makes one of version %s", u->c->spec->name,
			 u->from != NULL ? u->from : u->to);
}

/* What to do next, where it did not come to its end. */
static int told(const struct upgrade *u, int r, struct error **err)
{
	CLEANUP_FREE char *to = r < 0 && u->c->state != NULL ? state_get(u->c->state, UPGRADE_KEY) : NULL;
	CLEANUP_FREE char *message = NULL;
	enum error_kind kind;

	if (r == 0 || err == NULL || *err == NULL || u->to == NULL)
		return r;
	if (error_is(*err, ERROR_CANCELLED) && cancel_by_user()) {
		error_clear(err);
		return error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: \"davit upgrade\" goes on from here");
	}
	if (!u->bundled)
		return r;
	message = xstrdup(error_message(*err));
	kind = error_kind(*err);
	error_clear(err);
	return error_set(err, kind, "%s\n%s", message,
			 to != NULL ? "When that is mended, \"davit upgrade\" goes on from here; what is done is not done again."
				    : "The cluster is as it was; \"davit upgrade\" begins anew.");
}

int verb_upgrade(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	struct events *events = events_new();
	struct upgrade u = {.c = &c};
	struct live *live = NULL;
	int r = open_upgrade(&u, o, err);

	if (r == 0 && !u.resumed && !frozen_moves(c.spec, c.state, FROZEN_ANY)) {
		log_info("cluster %s has %s, as %s says: nothing to upgrade", c.spec->name, u.to, c.spec->path);
	} else if (r == 0) {
		live = live_new(events, c.state, o);
		r = work_open(&c, events, &u.w, err) < 0 ? -1 : run(&u, live, err);
		r = told(&u, r, err);
	}
	live_free(live);
	work_close(&u.w);
	upgrade_steps_free(&u.steps);
	upgrade_view_clear(&u.view);
	free(u.from);
	free(u.to);
	events_free(events);
	return r;
}
