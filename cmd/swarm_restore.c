#include "cmd/swarm_restore.h"
#include "cmd/backup_away.h"
#include "cmd/backup_header.h"
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
#include "core/cluster/recovery.h"

/* ---- what it is about */

static void add_seats(struct swarm_restore *r, enum node_role role)
{
	for (size_t i = 0; i < r->c.plan->n_nodes; i++)
		if (r->c.plan->nodes[i].node.role == role)
			r->seats[r->n++] = (struct seat){.n = &r->c.plan->nodes[i].node};
}

/* What comes from an object store has no name on this machine any more once it is open. */
static int open_backup(struct swarm_restore *r, const char *name, struct error **err)
{
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;

	if (backup_away_local(name, context_cloud(&r->c), &folder, &path, err) < 0 ||
	    backup_open(r->c.o, path, r->c.spec->name, state_uuid(r->c.state), &r->file, &r->recovery, err) < 0)
		return -1;
	r->file.path = name;
	if (r->file.header.docker == NULL)
		return error_set(err, ERROR_CONFIG, "%s is of etcd, not of a swarm", name);
	return 0;
}

static int open_restore(struct swarm_restore *r, const struct options *o, struct error **err)
{
	struct context *c = &r->c;

	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, c, err) < 0 || context_need_swarm(c, err) < 0 || context_need_keys(c, err) < 0 ||
	    upgrade_check_none(c, err) < 0 || rotate_check_none(c, err) < 0 || open_backup(r, o->args.v[0], err) < 0)
		return -1;
	restoring_take_up(c->state, SWARM_RESTORE_KEY, r->file.header_sha256, &r->under_way);
	r->noted = r->under_way.resumed;
	r->r = (struct swarm_restoration){r->under_way.id, r->under_way.stamp, r->file.header.sha256};
	context_pin_pools(c, NULL);
	if (context_replan(c, err) < 0)
		return -1;
	r->reach = reach_new(c->spec, c->state, c->inventory);
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
	reach_free(r->reach);
	recovery_free(&r->recovery);
	backup_file_close(&r->file);
	events_free(r->events);
	restoring_clear(&r->under_way);
	context_close(&r->c);
}

/* ---- told */

static bool keeps(const struct seat *seat)
{
	return seat->place.has_data || seat->place.done;
}

static void print_json(const struct swarm_restore *r, bool steps)
{
	struct json_object *o = json_object_new_object(), *nodes = json_object_new_array();

	json_add_str(o, "cluster", r->c.spec->name);
	json_add(o, "backup", backup_header_json(&r->file.header));
	for (size_t i = 0; i < r->n_managers; i++) {
		const struct seat *seat = &r->seats[i];
		struct json_object *node = json_object_new_object();

		json_add_str(node, "node", seat->n->name);
		json_add_str(node, "before", keeps(seat) ? seat->place.before : NULL);
		json_object_array_add(nodes, node);
	}
	json_add(o, "nodes", nodes);
	if (steps)
		json_add(o, "steps", swarm_restore_json(r));
	output_json(o);
}

static void tell_done(const struct swarm_restore *r, int64_t begun)
{
	CLEANUP_FREE char *taken = clock_rfc3339(r->file.header.taken_ms);

	log_info("the swarm of cluster %s is as it was on %s (%.1f s); \"davit apply\" brings what the file has and the backup had not", r->c.spec->name, taken,
		 (double)(clock_ms() - begun) / 1000);
	for (size_t i = 0; i < r->n_managers; i++)
		if (keeps(&r->seats[i]))
			log_info("what %s had before is there in %s: remove it when nobody wants it any more", r->seats[i].n->name, r->seats[i].place.before);
	if (r->c.o->format == OUTPUT_JSON)
		print_json(r, false);
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
	CLEANUP_FREE char *taken = clock_rfc3339(r->file.header.taken_ms), *question = NULL;

	question = xasprintf("Make the swarm of cluster %s anew on %s as it was on %s, so that what it was told since then is lost", r->c.spec->name,
			     r->first->n->name, taken);
	return r->under_way.resumed ? 0 : output_confirm(r->c.o->yes, question, err);
}

static int show(const struct swarm_restore *r)
{
	if (r->c.o->format == OUTPUT_JSON)
		print_json(r, true);
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
	if (r->c.o->dry_run)
		return show(r);
	if (confirm(r, err) < 0)
		return -1;
	live = live_new(r->events, r->c.state, r->c.o);
	result = swarm_restore_phases(r, err);
	live_free(live);
	if (result == 0)
		tell_done(r, begun);
	return result;
}

int verb_swarm_restore(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct swarm_restore r = {.file = {.fd = -1}, .events = events_new()};
	CLEANUP_FREE char *onward = NULL;
	int result;

	if (open_restore(&r, o, err) < 0)
		return -1;
	onward = xasprintf("the same \"davit swarm restore %s\" goes on from here", r.file.path);
	result = run(&r, err);
	return r.noted ? restoring_told(result, onward, err) : result;
}
