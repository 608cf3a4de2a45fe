#include "cmd/upgrade.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"

enum { WELL_MS = 15 * 60 * 1000 };

/* ---- a snapshot before it */

static char *snapshot_path(const struct upgrade *u)
{
	CLEANUP_FREE char *now = clock_rfc3339(clock_wall_ms()), *name = NULL, *version = frozen_version(u->c->state);

	now[13] = now[16] = '-'; /* a colon of a path is something else to scp and rsync */
	name = xasprintf("snapshots/%s-%s-%.19sZ%s", u->of->keeper, version, now, u->of->suffix);
	return state_path(u->c->state, name);
}

struct snapshot {
	const struct platform_upgrade *of;
	const char *path;
};

static int take_snapshot(struct ssh *s, void *context, struct error **err)
{
	const struct snapshot *a = context;

	return a->of->snapshot(s, a->path, err);
}

int upgrade_snapshot(struct upgrade *u, struct error **err)
{
	CLEANUP_FREE char *kept = state_get(u->c->state, UPGRADE_SNAPSHOT_KEY), *path = snapshot_path(u), *folder = state_path(u->c->state, "snapshots");
	struct snapshot a = {u->of, path};
	CLEANUP_SSH struct ssh *s = NULL;

	if (kept != NULL && path_exists(kept))
		return 0;
	event_begin(u->w.events, u->of->keeper, "snapshot");
	if (path_mkdirs(folder, 0700, err) < 0 || reach_run(u->w.reach, u->plane, &s, take_snapshot, &a, err) < 0 ||
	    state_set(u->c->state, UPGRADE_SNAPSHOT_KEY, path, err) < 0)
		return -1;
	event_end(u->w.events, u->of->keeper, "snapshot");
	log_info("%s as it was with %s: %s", u->of->keeper, u->from, path);
	return 0;
}

/* ---- the whole cluster */

static int whole(struct ssh *s, void *context, struct error **err)
{
	const struct upgrade *u = context;

	return u->of->whole(s, u->c->spec, err);
}

static int arrived(struct ssh *s, void *context, struct error **err)
{
	const struct upgrade *u = context;

	return u->of->arrived(s, u->c->spec, err);
}

struct settling {
	const struct upgrade *u;
	const struct node *n;
};

static int settled(struct ssh *s, void *context, struct error **err)
{
	const struct settling *t = context;

	return t->u->of->settled(s, t->n, WELL_MS, err);
}

static int await_plane(struct upgrade *u, const struct node *n, struct error **err)
{
	struct settling t = {u, n};
	CLEANUP_SSH struct ssh *own = NULL, *plane = NULL;

	if (reach_run(u->w.reach, n->name, &own, arrived, u, err) < 0)
		return error_wrap(err, "%s", n->name);
	return reach_run(u->w.reach, u->plane, &plane, settled, &t, err);
}

int upgrade_whole(struct upgrade *u, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	int r;

	event_begin(u->w.events, u->of->keeper, "upgrade");
	r = reach_run(u->w.reach, u->plane, &s, whole, u, err);
	for (size_t i = 0; i < u->c->plan->n_nodes && r == 0; i++)
		if (u->c->plan->nodes[i].node.role == NODE_CONTROL_PLANE)
			r = await_plane(u, &u->c->plan->nodes[i].node, err);
	if (r < 0)
		event_fail(u->w.events, u->of->keeper, "upgrade", err != NULL && *err != NULL ? error_message(*err) : "");
	else
		event_end(u->w.events, u->of->keeper, "upgrade");
	return r;
}
