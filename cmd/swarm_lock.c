#include "cmd/swarm_lock.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include <stdatomic.h>

enum { KEYS_MAX = 3, CONNECT_MS = 15 * 1000, ASK_MS = 60 * 1000, OPEN_MS = 3 * 60 * 1000, AGAIN_MS = 1000 };

/* ---- keys of the state */

static void wipe_keys(struct strv *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		explicit_bzero(keys->v[i], strlen(keys->v[i]));
	strv_free(keys);
}

static void read_keys(struct state *state, struct strv *ret)
{
	CLEANUP_SECRET char *text = state_get(state, STATE_UNLOCK_KEYS);

	strv_split(ret, text != NULL ? text : "", " ");
}

bool swarm_key_is_newest(struct state *state, const char *key)
{
	CLEANUP(wipe_keys) struct strv keys = STRV_INIT;

	read_keys(state, &keys);
	return keys.n > 0 && strcmp(keys.v[0], key) == 0;
}

int swarm_key_keep(struct state *state, const char *key, struct error **err)
{
	CLEANUP(wipe_keys) struct strv had = STRV_INIT, now = STRV_INIT;
	CLEANUP_SECRET char *text = NULL;

	if (key == NULL || swarm_key_is_newest(state, key))
		return 0;
	read_keys(state, &had);
	strv_add(&now, key);
	for (size_t i = 0; i < had.n && now.n < KEYS_MAX; i++)
		if (strcmp(had.v[i], key) != 0)
			strv_add(&now, had.v[i]);
	text = strv_join(&now, " ");
	return state_set(state, STATE_UNLOCK_KEYS, text, err);
}

bool swarm_lock_may(const struct context *c, const char *node)
{
	const struct plan_node *p = node != NULL ? plan_find(c->plan, node) : NULL;
	CLEANUP_SECRET char *text = NULL;

	if (c->spec->platform != PLATFORM_SWARM || c->state == NULL || (node != NULL && (p == NULL || p->node.role != NODE_CONTROL_PLANE)))
		return false;
	text = state_get(c->state, STATE_UNLOCK_KEYS);
	return text != NULL || c->spec->swarm.autolock;
}

/* ---- one manager */

struct door {
	const struct context *c;
	const char *node;
	enum swarm_standing standing;
	int64_t deadline;
	bool no_key; /* of the swarm, as it says */
};

static int ask(struct ssh *s, void *context, struct error **err)
{
	struct door *d = context;

	return swarm_standing(s, d->deadline, &d->standing, err);
}

static int unlock(struct ssh *s, void *context, struct error **err)
{
	struct door *d = context;
	CLEANUP(wipe_keys) struct strv keys = STRV_INIT;

	read_keys(d->c->state, &keys);
	return swarm_unlock(s, &keys, d->deadline, &d->standing, err);
}

static int keep_key(struct ssh *s, void *context, struct error **err)
{
	struct door *d = context;
	CLEANUP_SECRET char *key = NULL;

	if (swarm_key_read(s, d->deadline, &key, err) < 0)
		return -1;
	d->no_key = key == NULL;
	return swarm_key_keep(d->c->state, key, err);
}

int swarm_lock_enter(const struct context *c, struct ssh *s, int64_t deadline, bool *ret, struct error **err)
{
	struct door d = {.c = c, .deadline = deadline};

	if (unlock(s, &d, err) < 0)
		return -1;
	*ret = d.standing == SWARM_MEMBER;
	return 0;
}

/* Whoever asks too early is refused by the socket, or by what leads to it. */
static int release(struct reach *reach, struct door *d, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_ssh(reach, d->node, clock_deadline(CONNECT_MS), &s, err) < 0 ? -1 : reach_run(reach, d->node, &s, unlock, d, err);
}

int swarm_lock_release(const struct context *c, struct reach *reach, const char *node, int64_t deadline, struct error **err)
{
	struct door d = {.c = c, .node = node, .deadline = deadline};

	for (;;) {
		struct error *why = NULL;

		if (release(reach, &d, &why) == 0)
			return 0;
		if ((!error_is(why, ERROR_TIMEOUT) && !error_is(why, ERROR_NETWORK)) || clock_ms() + AGAIN_MS >= deadline)
			return error_move(err, why);
		error_free(why);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

/* ---- all of them */

struct sweep {
	const struct context *c;
	struct reach *reach;
	struct events *events; /* NULL: they are only asked */
	struct door *doors;	/* of plan->nodes */
	atomic_flag kept;
};

static int open_door(struct sweep *w, struct door *d, struct ssh **s, struct error **err)
{
	struct error *why = NULL;

	event_begin(w->events, d->node, "unlock");
	d->deadline = clock_deadline(OPEN_MS);
	if (reach_run(w->reach, d->node, s, unlock, d, &why) == 0) {
		event_end(w->events, d->node, "unlock");
		return 0;
	}
	event_fail(w->events, d->node, "unlock", error_message(why));
	return error_move(err, why);
}

/* The first one that is a member tells which key is the swarm's. */
static int visit(struct sweep *w, struct door *d, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(w->reach, d->node, clock_deadline(CONNECT_MS), &s, err) < 0 || reach_run(w->reach, d->node, &s, ask, d, err) < 0)
		return -1;
	if (w->events == NULL)
		return 0;
	if (d->standing == SWARM_LOCKED && open_door(w, d, &s, err) < 0)
		return -1;
	if (d->standing != SWARM_MEMBER || atomic_flag_test_and_set(&w->kept))
		return 0;
	return reach_run(w->reach, d->node, &s, keep_key, d, err);
}

static int visit_node(size_t i, void *context, struct error **err)
{
	struct sweep *w = context;
	const struct node *n = &w->c->plan->nodes[i].node;
	struct error *why = NULL;

	w->doors[i] = (struct door){.c = w->c, .node = n->name, .deadline = clock_deadline(ASK_MS)};
	if (n->role != NODE_CONTROL_PLANE || !state_is_installed(w->c->state, n->name) || visit(w, &w->doors[i], &why) == 0)
		return 0;
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, why);
	if (w->doors[i].standing == SWARM_LOCKED)
		log_warning("%s: %s", n->name, error_message(why));
	else
		log_verbose("%s: %s", n->name, error_message(why));
	error_free(why);
	return 0;
}

static int run_sweep(struct sweep *w, struct error **err)
{
	w->doors = xnew_n(struct door, w->c->plan->n_nodes);
	return parallel_for(w->c->plan->n_nodes, 0, visit_node, w, NULL, err);
}

int swarm_lock_find(const struct context *c, struct reach *reach, struct strv *ret, struct error **err)
{
	struct sweep w = {.c = c, .reach = reach, .kept = ATOMIC_FLAG_INIT};
	int r = swarm_lock_may(c, NULL) ? run_sweep(&w, err) : 0;

	for (size_t i = 0; w.doors != NULL && r == 0 && i < c->plan->n_nodes; i++)
		if (w.doors[i].standing == SWARM_LOCKED)
			strv_add(ret, w.doors[i].node);
	free(w.doors);
	return r;
}

int swarm_lock_compare(const struct context *c, struct reach *reach, struct changes *ret, struct error **err)
{
	CLEANUP_STRV struct strv locked = STRV_INIT;

	if (swarm_lock_find(c, reach, &locked, err) < 0)
		return -1;
	for (size_t i = 0; i < locked.n; i++)
		changes_add(ret, CHANGE_UPDATE, "node", locked.v[i], xstrdup("is locked, since its engine was restarted: it is unlocked"));
	return 0;
}

/* Whether no manager can need a former key any more: autolock is off, and all of them are there and know it. */
static bool is_over(const struct sweep *w)
{
	bool off = false;

	for (size_t i = 0; i < w->c->plan->n_nodes; i++) {
		const struct node *n = &w->c->plan->nodes[i].node;

		off = off || w->doors[i].no_key;
		if (n->role == NODE_CONTROL_PLANE && state_is_installed(w->c->state, n->name) && w->doors[i].standing != SWARM_MEMBER)
			return false;
	}
	return off && !w->c->spec->swarm.autolock;
}

int swarm_lock_open(const struct context *c, struct events *events, struct error **err)
{
	CLEANUP_REACH struct reach *reach = NULL;
	struct sweep w = {.c = c, .events = events, .kept = ATOMIC_FLAG_INIT};
	int r;

	if (!swarm_lock_may(c, NULL))
		return 0;
	reach = reach_new(c->spec, c->state, c->inventory);
	w.reach = reach;
	r = run_sweep(&w, err);
	if (r == 0 && is_over(&w))
		r = state_set(c->state, STATE_UNLOCK_KEYS, NULL, err);
	free(w.doors);
	return r;
}

/* ---- settings */

int swarm_settle(const struct context *c, struct ssh *s, int64_t deadline, struct error **err)
{
	struct door d = {.c = c, .deadline = deadline};

	return swarm_set(s, c->spec, deadline, err) < 0 ? -1 : keep_key(s, &d, err);
}
