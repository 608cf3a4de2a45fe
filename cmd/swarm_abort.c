#include "cmd/swarm_restore.h"
#include "cmd/checks.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static int take_up(struct swarm_restore *r, struct error **err)
{
	CLEANUP_FREE char *noted = state_get(r->b.c.state, SWARM_RESTORE_KEY);
	CLEANUP_STRV struct strv words = STRV_INIT;

	if (noted == NULL)
		return error_set(err, ERROR_CONFIG,
				 "no restoration of the swarm of cluster %s is under way, so that there is nothing to go back from; one that has come to its end has "
				 "said where the data of before is",
				 r->b.c.spec->name);
	strv_split(&words, noted, " ");
	r->b.id = xstrdup(words.n > 0 ? words.v[0] : "");
	r->b.stamp = xstrdup(words.n > 1 ? words.v[1] : "");
	r->r = (struct swarm_restoration){r->b.id, r->b.stamp, ""};
	r->b.noted = r->back = true;
	return 0;
}

static int open_abort(struct swarm_restore *r, const struct options *o, struct error **err)
{
	struct context *c = &r->b.c;

	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, c, err) < 0 || context_need_swarm(c, SWARM_RESTORE_OF_MKE, err) < 0 || context_need_keys(c, err) < 0 ||
	    take_up(r, err) < 0)
		return -1;
	return swarm_restore_seats(r, err);
}

/* ---- what stands against it */

static void find_data(const struct swarm_restore *r, struct findings *ret)
{
	CLEANUP_STRV struct strv without = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	for (size_t i = 0; i < r->n_managers; i++)
		if (!swarm_place_had_data(&r->seats[i].place))
			strv_add(&without, r->seats[i].n->name);
	if (without.n == 0)
		return;
	names = verb_names(&without);
	if (without.n * 2 < r->n_managers)
		findings_add(ret, SEVERITY_WARNING, "data", xasprintf("%s had no data of a swarm before the restoration", names), NULL,
			     xstrdup("\"davit apply\" lets it join"));
	else
		findings_add(ret, SEVERITY_ERROR, "data", xasprintf("%s had no data of a swarm before the restoration", names),
			     xstrdup("without a majority of managers that have theirs nobody would lead"),
			     xstrdup("go on: \"davit swarm restore\" with the same backup, or another one"));
}

static int check(struct swarm_restore *r, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (swarm_restore_visit(r, &findings, err) < 0)
		return -1;
	if (findings_count(&findings, SEVERITY_ERROR) == 0)
		find_data(r, &findings);
	checks_warn(&findings);
	return findings_refuse(&findings, err);
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

static void print_json(const struct swarm_restore *r)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "cluster", r->b.c.spec->name);
	if (r->b.c.o->dry_run)
		json_add(o, "steps", swarm_restore_json(r));
	output_json(o);
}

static int show(const struct swarm_restore *r)
{
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r);
	else
		swarm_restore_print(r);
	return 0;
}

static int run(struct swarm_restore *r, struct error **err)
{
	int64_t begun = clock_ms();
	CLEANUP_FREE char *question = xasprintf("Go back from the restoration of the swarm of cluster %s to the data of before it", r->b.c.spec->name);
	struct live *live;
	int result;

	if (output_confirm(r->b.c.o->yes, question, err) < 0)
		return -1;
	live = live_new(r->b.events, r->b.c.state, r->b.c.o);
	result = swarm_restore_phases(r, err);
	if (result == 0)
		result = settle(r, err);
	live_free(live);
	if (result < 0)
		return restoring_told(result, "the same command goes on from here", err);
	log_info("the swarm of cluster %s has what it had before the restoration (%.1f s)", r->b.c.spec->name, (double)(clock_ms() - begun) / 1000);
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r);
	return 0;
}

int swarm_abort(struct swarm_restore *r, const struct options *o, struct error **err)
{
	if (open_abort(r, o, err) < 0 || check(r, err) < 0)
		return -1;
	return o->dry_run ? show(r) : run(r, err);
}
