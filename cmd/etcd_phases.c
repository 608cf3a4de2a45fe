#include "cmd/etcd_restore.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"

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
	backup_pull_begin(&pull, &r->file);
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
	return etcd_swap(s, &r->r, r->c.plan, &r->c.plan->nodes[r->planes[i]], err);
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
	const char *name = r->c.plan->nodes[r->planes[i]].node.name;
	struct call c = {round->phase, r, i};
	struct error *why = NULL;

	event_begin(r->events, name, round->phase->name);
	if (reach_run(r->reach, name, &r->sessions[i], call, &c, &why) == 0) {
		event_end(r->events, name, round->phase->name);
		return 0;
	}
	if (!error_is(why, ERROR_CANCELLED))
		event_fail(r->events, name, round->phase->name, error_message(why));
	error_wrap(&why, "%s", name);
	return error_move(err, why);
}

static int everywhere(struct restore *r, const struct phase *phase, struct error **err)
{
	struct round round = {r, phase};
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, r->n + 1);
	int result = parallel_for(r->n, 0, one, &round, errors, NULL);

	if (result < 0)
		result = verb_sum_up(errors, r->n, "", "", err);
	for (size_t i = 0; i < r->n; i++)
		error_free(errors[i]);
	return result;
}

/* From here on it is known what has been begun. */
static int note(struct restore *r, struct error **err)
{
	CLEANUP_FREE char *raised = xasprintf("%lld", (long long)(r->file.header.revision + r->r.bump));

	r->noted = true;
	if (state_set(r->c.state, RAISED_KEY, raised, err) < 0)
		return -1;
	return restoring_note(r->c.state, ETCD_RESTORE_KEY, r->file.header_sha256, &r->under_way, err);
}

int etcd_phases_run(struct restore *r, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (!takes(r, &phases[i]))
			continue;
		if (!phases[i].harmless && !r->noted && note(r, err) < 0)
			return -1;
		if (everywhere(r, &phases[i], err) < 0)
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
		strv_add(&names, r->c.plan->nodes[r->planes[i]].node.name);
	all = verb_names(&names);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (takes(r, &phases[i]))
			table_row(table, (const char *[]){phases[i].name, all, phases[i].what});
	table_print(table);
}
