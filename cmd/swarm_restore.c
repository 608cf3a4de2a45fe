#include "cmd/swarm_restore.h"
#include "cmd/checks.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/rotate.h"
#include "cmd/swarm.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

/* ---- what it is about */

static void add_seats(struct swarm_restore *r, enum node_role role)
{
	for (size_t i = 0; i < r->b.c.plan->n_nodes; i++)
		if (r->b.c.plan->nodes[i].node.role == role)
			r->seats[r->n++] = (struct seat){.n = &r->b.c.plan->nodes[i].node};
}

static int open_restore(struct swarm_restore *r, const struct options *o, struct error **err)
{
	struct context *c = &r->b.c;

	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, c, err) < 0 || context_need_swarm(c, SWARM_RESTORE_OF_MKE, err) < 0 || context_need_keys(c, err) < 0 ||
	    upgrade_check_none(c, err) < 0 || rotate_check_none(c, err) < 0 || restoring_open(&r->b, o->args.v[0], err) < 0)
		return -1;
	r->r = (struct swarm_restoration){r->b.id, r->b.stamp, r->b.file.header.sha256};
	return swarm_restore_seats(r, err);
}

int swarm_restore_seats(struct swarm_restore *r, struct error **err)
{
	struct context *c = &r->b.c;

	context_pin_pools(c, NULL);
	if (context_replan(c, err) < 0)
		return -1;
	r->b.reach = reach_new(c->spec, c->state, c->inventory);
	r->seats = xnew_n(struct seat, c->plan->n_nodes + 1);
	add_seats(r, NODE_CONTROL_PLANE);
	r->n_managers = r->n;
	add_seats(r, NODE_WORKER);
	return 0;
}

static void clear(struct swarm_restore *r)
{
	for (size_t i = 0; i < r->n; i++) {
		swarm_place_clear(&r->seats[i].place);
		ssh_free(r->seats[i].session);
	}
	free(r->seats);
	swarm_offer_clear(&r->offer);
	restoring_clear(&r->b);
}

/* ---- told */

/* NULL: it had none. */
static const char *before(const struct seat *seat)
{
	return seat->place.has_data || seat->place.done ? seat->place.before : NULL;
}

static void print_json(const struct swarm_restore *r, struct json_object *steps)
{
	struct json_object *nodes = json_object_new_array();

	for (size_t i = 0; i < r->n_managers; i++)
		json_object_array_add(nodes, restoring_node_json(r->seats[i].n->name, before(&r->seats[i])));
	restoring_print_json(&r->b, nodes, steps);
}

static void tell_done(const struct swarm_restore *r, int64_t begun)
{
	CLEANUP_FREE char *taken = clock_rfc3339(r->b.file.header.taken_ms);

	log_info("the swarm of cluster %s is as it was on %s (%.1f s); \"davit apply\" brings what the file has and the backup had not", r->b.c.spec->name, taken,
		 (double)(clock_ms() - begun) / 1000);
	for (size_t i = 0; i < r->n_managers; i++)
		if (before(&r->seats[i]) != NULL)
			restoring_tell_before(r->seats[i].n->name, before(&r->seats[i]));
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r, NULL);
}

/* ---- the whole */

static int check(struct swarm_restore *r, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (swarm_restore_visit(r, &findings, err) < 0)
		return -1;
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}

static int confirm(const struct swarm_restore *r, struct error **err)
{
	CLEANUP_FREE char *taken = clock_rfc3339(r->b.file.header.taken_ms), *question = NULL;

	question = xasprintf("Make the swarm of cluster %s anew on %s as it was on %s, so that what it was told since then is lost", r->b.c.spec->name,
			     r->first->n->name, taken);
	return restoring_confirm(&r->b, question, err);
}

static int show(const struct swarm_restore *r)
{
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r, swarm_restore_json(r));
	else
		swarm_restore_print(r);
	return 0;
}

static int run(struct swarm_restore *r, struct error **err)
{
	int64_t begun = clock_ms();
	struct live *live;
	int result;

	if (check(r, err) < 0)
		return -1;
	if (r->b.c.o->dry_run)
		return show(r);
	if (confirm(r, err) < 0)
		return -1;
	live = live_new(r->b.events, r->b.c.state, r->b.c.o);
	result = swarm_restore_phases(r, err);
	if (result == 0)
		result = state_set(r->b.c.state, SWARM_RESTORE_KEY, NULL, err);
	live_free(live);
	if (result == 0)
		tell_done(r, begun);
	return result;
}

static int restore(struct swarm_restore *r, const struct options *o, struct error **err)
{
	CLEANUP_FREE char *onward = NULL;
	int result;

	if (open_restore(r, o, err) < 0)
		return -1;
	onward = xasprintf("the same \"davit swarm restore %s\" goes on from here; \"davit swarm restore --abort\" goes back to what was there before", r->b.file.path);
	result = run(r, err);
	return r->b.noted ? restoring_told(result, onward, err) : result;
}

int verb_swarm_restore(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct swarm_restore r = {.b = RESTORING_INIT(SWARM_RESTORE_KEY)};

	if (o->abort && o->args.n > 0)
		return error_set(err, ERROR_USAGE, "swarm restore: --abort takes no backup: it goes back to what was there before");
	if (o->abort)
		return swarm_abort(&r, o, err);
	if (o->args.n == 0)
		return error_set(err, ERROR_USAGE, "swarm restore: give a backup: a file, or the URL of one in an object store");
	return restore(&r, o, err);
}
