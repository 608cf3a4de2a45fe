#include "cmd/etcd_restore.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

/*
 * The snapshot is there before anything is stopped; an API server that still ran while etcd goes would hang for more than a minute, and etcd's members
 * must not meet one of before.  A run that goes on does all phases, and a node that has its data already keeps it.
 */

enum { READY_MS = 10 * 60 * 1000 };

static int push(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	CLEANUP_BACKUP_PULL struct backup_pull pull = {0};

	if (r->places[i].done)
		return 0;
	backup_pull_begin(&pull, &r->b.file);
	return etcd_push(s, &r->r, backup_pull_read, &pull, err);
}

static int stop_api(struct ssh *s, struct restore *r UNUSED, size_t i UNUSED, struct error **err)
{
	return etcd_stop_api(s, err);
}

static int stop(struct ssh *s, struct restore *r UNUSED, size_t i UNUSED, struct error **err)
{
	return etcd_stop(s, err);
}

static int swap(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	return etcd_swap(s, &r->r, r->b.c.plan, &r->b.c.plan->nodes[r->planes[i]], err);
}

static int back(struct ssh *s, struct restore *r, size_t i UNUSED, struct error **err)
{
	return etcd_back(s, &r->r, err);
}

/* On the way back a member that had no data before stays out: it cannot begin with none. */
static bool stays_out(const struct restore *r, size_t i)
{
	return r->back && !etcd_place_had_data(&r->places[i]);
}

static int start(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	return stays_out(r, i) ? 0 : etcd_begin(s, clock_deadline(READY_MS), err);
}

static int start_api(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	if (stays_out(r, i))
		return 0;
	return etcd_begin_api(s, err) < 0 ? -1 : bootstrap_healthy(s, clock_deadline(READY_MS), err);
}

enum { FORTH = 1 << 0, BACK = 1 << 1 };

static const struct phase {
	unsigned ways;
	const char *name, *what;
	int (*run)(struct ssh *s, struct restore *r, size_t i, struct error **err); /* on the i-th control plane */
	bool harmless; /* nothing has been stopped yet */
} phases[] = {
	{FORTH, "push", "bring the snapshot there", push, true},
	{FORTH | BACK, "stop API", "stop API server, controller-manager and scheduler", stop_api, false},
	{FORTH | BACK, "stop etcd", "stop etcd", stop, false},
	{FORTH, "restore", "move etcd's data aside, put the snapshot's in its place", swap, false},
	{BACK, "back", "remove the snapshot's data, put that of before in its place", back, false},
	{FORTH | BACK, "etcd", "start etcd, wait until it has a leader", start, false},
	{FORTH | BACK, "API", "start the API server and the others, wait until all are well", start_api, false},
};

static bool takes(const struct restore *r, const struct phase *p)
{
	return (p->ways & (r->back ? BACK : FORTH)) != 0;
}

/* ---- on all control planes */

struct round {
	struct restore *r;
	const struct phase *phase;
};

struct call {
	const struct phase *phase;
	struct restore *r;
	size_t i;
};

static int call(struct ssh *s, void *context, struct error **err)
{
	struct call *c = context;

	return c->phase->run(s, c->r, c->i, err);
}

static int one(size_t i, void *context, struct error **err)
{
	const struct round *round = context;
	struct restore *r = round->r;
	struct call c = {round->phase, r, i};

	return restoring_phase(&r->b, r->b.c.plan->nodes[r->planes[i]].node.name, &r->sessions[i], round->phase->name, call, &c, err);
}

/* From here on it is known what has been begun. */
static int note(struct restore *r, struct error **err)
{
	CLEANUP_FREE char *raised = xasprintf("%lld", (long long)(r->b.file.header.revision + r->r.bump));

	if (state_set(r->b.c.state, RAISED_KEY, raised, err) < 0)
		return -1;
	return restoring_note(&r->b, err);
}

int etcd_phases_run(struct restore *r, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (!takes(r, &phases[i]))
			continue;
		if (!phases[i].harmless && !r->b.noted && note(r, err) < 0)
			return -1;
		if (verb_parallel(r->n, 0, one, &(struct round){r, &phases[i]}, "", err) < 0)
			return -1;
	}
	return 0;
}

/* ---- shown */

struct json_object *etcd_phases_json(const struct restore *r)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		struct json_object *step;

		if (!takes(r, &phases[i]))
			continue;
		step = json_object_new_object();
		json_add_str(step, "step", phases[i].name);
		json_add_str(step, "what", phases[i].what);
		json_object_array_add(o, step);
	}
	return o;
}

void etcd_phases_print(const struct restore *r)
{
	static const char *const headings[] = {"STEP", "ON", "WHAT"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (size_t i = 0; i < r->n; i++)
		strv_add(&names, r->b.c.plan->nodes[r->planes[i]].node.name);
	all = verb_names(&names);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (takes(r, &phases[i]))
			table_row(table, (const char *[]){phases[i].name, all, phases[i].what});
	table_print(table);
}
