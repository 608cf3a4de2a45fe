#include "cmd/swarm_restore.h"
#include "cmd/going_back.h"
#include "cmd/swarm_lock.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

static int open_abort(struct swarm_restore *r, const struct options *o, struct error **err)
{
	struct context *c = &r->b.c;

	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, c, err) < 0 || context_need_swarm(c, SWARM_RESTORE_OF_MKE, err) < 0 || context_need_keys(c, err) < 0 ||
	    going_back_open(&r->b, err) < 0)
		return -1;
	r->r = (struct swarm_restoration){r->b.id, r->b.stamp, ""};
	r->back = true;
	return swarm_restore_seats(r, err);
}

static int check(void *of, struct findings *ret, struct error **err)
{
	struct swarm_restore *r = of;
	CLEANUP_STRV struct strv without = STRV_INIT;

	if (swarm_restore_visit(r, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_managers && findings_count(ret, SEVERITY_ERROR) == 0; i++)
		if (!swarm_place_had_data(&r->seats[i].place))
			strv_add(&without, r->seats[i].n->name);
	going_back_without(&r->b, &without, r->n_managers, "without a majority of managers that have theirs nobody would lead", "\"davit apply\" lets it join", ret);
	return 0;
}

/* ---- the end */

static int await_workers(struct ssh *s, void *context, struct error **err)
{
	return swarm_restore_await(s, context, err);
}

static const struct seat *with_data(const struct swarm_restore *r)
{
	const struct seat *seat = r->seats;

	while (!swarm_place_had_data(&seat->place)) /* most have */
		seat++;
	return seat;
}

static void tell_away(const struct swarm_restore *r)
{
	for (size_t i = r->n_managers; i < r->n; i++)
		if (!r->seats[i].is_back)
			log_warning("%s has joined the swarm that was made, or is away: \"davit node replace %s\" makes it anew", r->seats[i].n->name, r->seats[i].n->name);
}

/* The swarm may have had no majority before, which is what restorations are for: then there is nobody to ask. */
static int settle(struct swarm_restore *r, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (swarm_lock_open(&r->b.c, r->b.events, err) < 0)
		return -1;
	if (reach_run(r->b.reach, with_data(r)->n->name, &s, await_workers, r, &why) == 0)
		tell_away(r);
	else if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	else
		log_warning("the managers have what they had before, and do not say how their nodes are: %s", error_message(why));
	return state_set(r->b.c.state, SWARM_RESTORE_KEY, NULL, err);
}

/* ---- the whole */

static struct json_object *steps(const void *of)
{
	return swarm_restore_json(of);
}

static void print(const void *of)
{
	swarm_restore_print(of);
}

static int run(void *of, struct error **err)
{
	return swarm_restore_phases(of, err) < 0 ? -1 : settle(of, err);
}

int swarm_abort(struct swarm_restore *r, const struct options *o, struct error **err)
{
	const struct going_back g = {&r->b, "has what it had", r, check, steps, print, run};

	return open_abort(r, o, err) < 0 ? -1 : going_back(&g, err);
}
