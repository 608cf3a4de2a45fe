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
	CLEANUP_ETCD_PULL struct etcd_pull pull = {0};

	if (r->places[i].done)
		return 0;
	etcd_pull_begin(&pull, &r->file);
	return etcd_push(s, &r->r, etcd_pull_read, &pull, err);
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

static int start(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	return r->places[i].left_out ? 0 : etcd_begin(s, clock_deadline(READY_MS), err);
}

static int start_api(struct ssh *s, struct restore *r, size_t i, struct error **err)
{
	if (r->places[i].left_out)
		return 0;
	return etcd_begin_api(s, err) < 0 ? -1 : bootstrap_healthy(s, clock_deadline(READY_MS), err);
}

#define STOP_API                                                                                                                 \
	{                                                                                                                        \
		"stop API", "stop API server, controller-manager and scheduler", stop_api, false                                 \
	}
#define STOP_ETCD                                                                                                                \
	{                                                                                                                        \
		"stop etcd", "stop etcd", stop, false                                                                            \
	}
#define START_ETCD                                                                                                               \
	{                                                                                                                        \
		"etcd", "start etcd, wait until it has a leader", start, false                                                   \
	}
#define START_API                                                                                                                \
	{                                                                                                                        \
		"API", "start the API server and the others, wait until all are well", start_api, false                          \
	}

const struct etcd_phase etcd_forth[] = {
	{"push", "bring the snapshot there", push, true},
	STOP_API,
	STOP_ETCD,
	{"restore", "move etcd's data aside, put the snapshot's in its place", swap, false},
	START_ETCD,
	START_API,
	{0},
};

const struct etcd_phase etcd_back_again[] = {
	STOP_API,   STOP_ETCD, {"back", "remove the snapshot's data, put that of before in its place", back, false},
	START_ETCD, START_API, {0},
};

/* ---- on all control planes */

struct round {
	struct restore *r;
	const struct etcd_phase *phase;
};

struct call {
	const struct etcd_phase *phase;
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

int etcd_phase_run(struct restore *r, const struct etcd_phase *phase, struct error **err)
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

/* ---- shown */

struct json_object *etcd_phases_json(const struct etcd_phase *phases)
{
	struct json_object *o = json_object_new_array();

	for (; phases->name != NULL; phases++) {
		struct json_object *step = json_object_new_object();

		json_add_str(step, "step", phases->name);
		json_add_str(step, "what", phases->what);
		json_object_array_add(o, step);
	}
	return o;
}

void etcd_phases_print(const struct restore *r, const struct etcd_phase *phases)
{
	static const char *const headings[] = {"STEP", "ON", "WHAT"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (size_t i = 0; i < r->n; i++)
		strv_add(&names, r->c.plan->nodes[r->planes[i]].node.name);
	all = verb_names(&names);
	for (; phases->name != NULL; phases++)
		table_row(table, (const char *[]){phases->name, all, phases->what});
	table_print(table);
}
