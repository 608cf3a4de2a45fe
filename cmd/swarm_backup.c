#include "cmd/making.h"
#include "cmd/planes.h"
#include "cmd/restoring.h"
#include "cmd/rotate.h"
#include "cmd/swarm_lock.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "bootstrap/mke.h"
#include "bootstrap/swarm_backup.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { CONNECT_MS = 30 * 1000, LOOK_MS = 60 * 1000, WELL_MS = 5 * 60 * 1000, MKE_MS = 15 * 60 * 1000 };

struct swarm_making {
	struct making m;
	struct reach *reach;
	struct events *events;
	struct swarm_source source;
	char *id;
	char *mke; /* the version that its own backup is of; NULL: it is none of MKE */
};

static void clear(struct swarm_making *w)
{
	swarm_source_clear(&w->source);
	free(w->id);
	free(w->mke);
	events_free(w->events);
	reach_free(w->reach);
	making_clear(&w->m);
}

/* ---- on the manager */

static int look(struct ssh *s, void *context, struct error **err)
{
	struct swarm_making *w = context;

	return swarm_backup_look(s, clock_deadline(LOOK_MS), &w->source, err);
}

static int copy(struct ssh *s, void *context, struct error **err)
{
	const struct swarm_making *w = context;

	return swarm_backup_copy(s, w->id, err);
}

static int await(struct ssh *s, void *context, struct error **err)
{
	const struct swarm_making *w = context;
	const struct plan_node *p = plan_find(w->m.c.plan, w->source.node);
	const struct platform_upgrade *of = platform_of(w->m.c.spec)->upgrade;

	if (of->await(s, &p->node, NULL, WELL_MS, err) < 0)
		return -1;
	return of->settled != NULL ? of->settled(s, &p->node, MKE_MS, err) : 0;
}

static int take_mke(struct ssh *s, void *context, struct error **err)
{
	struct swarm_making *w = context;

	free(steal_ptr(w->mke));
	return mke_backup_take(s, w->id, &w->mke, err);
}

static int on_begin(const struct download *d, void *context, struct error **err)
{
	struct swarm_making *w = context;
	CLEANUP_BACKUP struct backup header = {.docker = xstrdup(w->source.engine), .mke = w->mke != NULL ? xstrdup(w->mke) : NULL, .size = d->size};

	memcpy(header.sha256, d->sha256, sizeof(header.sha256));
	return making_begin(&w->m, &header, err);
}

static int on_piece(const void *p, size_t n, void *context, struct error **err)
{
	struct swarm_making *w = context;

	return making_add(p, n, &w->m, err);
}

static int send(struct ssh *s, void *context, struct error **err)
{
	struct swarm_making *w = context;
	struct download_sink sink = {on_begin, on_piece, w};

	making_anew(&w->m);
	return swarm_backup_send(s, w->id, &sink, err);
}

static int drop(struct ssh *s, void *context, struct error **err)
{
	const struct swarm_making *w = context;

	return swarm_backup_drop(s, w->id, err);
}

/* ---- the whole */

/* The key stands in the state from before the engine is stopped, and opens the manager after that. */
static int choose(struct swarm_making *w, struct error **err)
{
	const struct context *c = &w->m.c;

	if (swarm_lock_open(c, w->events, err) < 0 || planes_ask(c, w->reach, look, w, NULL, err) < 0)
		return -1;
	if (plan_find(c->plan, w->source.node) == NULL)
		return error_set(err, ERROR_NODE, "%s is a manager of the swarm, and no node of cluster %s", w->source.node,
				 c->spec->name);
	if (swarm_key_keep(c->state, w->source.key, err) < 0)
		return -1;
	if (w->source.alone)
		log_warning("%s is the only manager: the swarm cannot be changed until its engine runs again", w->source.node);
	w->m.node = w->source.node;
	w->m.unlock = state_get(c->state, STATE_UNLOCK_KEYS);
	return 0;
}

static int release(struct swarm_making *w, struct error **err)
{
	const char *node = w->source.node;

	return swarm_lock_may(&w->m.c, node) ? swarm_lock_release(&w->m.c, w->reach, node, clock_deadline(WELL_MS), err) : 0;
}

/* The engine is stopped, and begins again, whatever becomes of the copy: it is not left locked either way. */
static int take(struct swarm_making *w, struct ssh **s, struct error **err)
{
	const char *node = w->source.node;
	CLEANUP_ERROR struct error *why = NULL;

	log_info("%s: its engine is stopped while its data is copied", node);
	if (reach_run(w->reach, node, s, copy, w, err) < 0) {
		if (release(w, &why) < 0)
			log_warning("%s: %s", node, error_message(why));
		return error_wrap(err, "%s", node);
	}
	if (release(w, err) < 0 || reach_run(w->reach, node, s, await, w, err) < 0)
		return error_wrap(err, "%s", node);
	return 0;
}

/* While its engine runs. */
static int take_first(struct swarm_making *w, struct ssh **s, struct error **err)
{
	if (w->m.c.spec->platform != PLATFORM_MKE || reach_run(w->reach, w->source.node, s, take_mke, w, err) == 0)
		return 0;
	return error_wrap(err, "%s", w->source.node);
}

static int fetch(struct swarm_making *w, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;
	int r;

	if (reach_ssh(w->reach, w->source.node, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	r = take_first(w, &s, err);
	if (r == 0)
		r = take(w, &s, err);
	if (r == 0)
		r = reach_run(w->reach, w->source.node, &s, send, w, err);
	if (!cancel_requested() && reach_run(w->reach, w->source.node, &s, drop, w, &why) < 0)
		log_warning("%s: %s", w->source.node, error_message(why));
	return r;
}

static int prepare(struct swarm_making *w, const struct options *o, struct error **err)
{
	struct context *c = &w->m.c;

	if (context_open(o, CONTEXT_EXISTING, c, err) < 0 || context_need_swarm(c, NULL, err) < 0 || context_need_keys(c, err) < 0 ||
	    restoring_check_none(c, err) < 0 || upgrade_check_none(c, err) < 0 || rotate_check_none(c, err) < 0)
		return -1;
	if (context_plane(c) == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no manager yet: there is nothing to keep", c->spec->name);
	return making_place(&w->m, err) < 0 ? -1 : making_prepare(&w->m, err);
}

int verb_swarm_backup(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct swarm_making w = {.events = events_new(), .id = random_uuid()};
	struct making *m = &w.m;

	making_init(m, "swarm backup");
	if (prepare(&w, o, err) < 0)
		return -1;
	w.reach = reach_new(m->c.spec, m->c.state, m->c.inventory);
	if (choose(&w, err) < 0 || fetch(&w, err) < 0 || making_end(m, err) < 0)
		return -1;
	log_info("the swarm of cluster %s as it is on %s%s%s: %lld bytes, with the cluster's keys; SHA-256 of the file: %s",
		 m->c.spec->name, m->node, w.mke != NULL ? ", and the backup of MKE " : "", w.mke != NULL ? w.mke : "", (long long)m->header.size, m->sha256);
	return making_deliver(m, err);
}
