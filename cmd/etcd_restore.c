#include "cmd/etcd_restore.h"
#include "cmd/etcd.h"
#include "cmd/checks.h"
#include "cmd/live.h"
#include "cmd/lost.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/rotate.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "bootstrap/nodes.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/cluster/frozen.h"

enum { READY_MS = 10 * 60 * 1000 };

/* ---- Kubernetes, which has gone back in time */

static int list(struct ssh *s, void *context, struct error **err)
{
	struct json_object **nodes = context;

	json_object_put(steal_ptr(*nodes));
	return kubernetes_await_leaders(s, clock_deadline(READY_MS), err) < 0 ? -1 : kubernetes_status(s, nodes, err);
}

static void register_again(struct restore *r, const char *name)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (lost_register(r->b.reach, name, &why) == 0)
		log_info("%s came after the backup: its kubelet registers it again", name);
	else
		log_warning("%s came after the backup, and Kubernetes does not know it; restart its kubelet: %s", name, error_message(why));
}

static void compare_nodes(struct restore *r, struct json_object *nodes)
{
	struct json_object *items = json_at(nodes, "items");

	for (size_t i = 0; i < r->b.c.plan->n_nodes; i++) {
		const struct node *n = &r->b.c.plan->nodes[i].node;

		if (node_runs_kubernetes(n->role) && n->server_id != NULL && node_find(nodes, n->name) == NULL)
			register_again(r, n->name);
	}
	for (size_t i = 0; i < json_len(items); i++) {
		const char *name = json_get_str(json_object_array_get_idx(items, i), "metadata.name", "?");

		if (plan_find(r->b.c.plan, name) == NULL)
			log_warning("Kubernetes knows a node %s, as when the backup was made, and the cluster has none: kubectl delete node %s", name, name);
	}
}

static int settle(struct restore *r, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	if (planes_ask(&r->b.c, r->b.reach, list, &nodes, NULL, err) < 0)
		return -1;
	compare_nodes(r, nodes);
	return state_set(r->b.c.state, ETCD_RESTORE_KEY, NULL, err);
}

/* ---- the whole */

/* NULL: it had none. */
static const char *before(const struct restore *r, size_t i)
{
	return r->places[i].has_data || r->places[i].done ? r->places[i].before : NULL;
}

static void print_json(const struct restore *r, struct json_object *steps)
{
	struct json_object *nodes = json_object_new_array();

	for (size_t i = 0; i < r->n; i++)
		json_object_array_add(nodes, restoring_node_json(r->b.c.plan->nodes[r->planes[i]].node.name, before(r, i)));
	restoring_print_json(&r->b, nodes, steps);
}

static void tell_done(const struct restore *r, int64_t begun)
{
	CLEANUP_FREE char *taken = clock_rfc3339(r->b.file.header.taken_ms);

	log_info("etcd of cluster %s is as it was on %s (%.1f s)", r->b.c.spec->name, taken, (double)(clock_ms() - begun) / 1000);
	for (size_t i = 0; i < r->n; i++)
		if (before(r, i) != NULL)
			restoring_tell_before(r->b.c.plan->nodes[r->planes[i]].node.name, before(r, i));
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r, NULL);
}

static int confirm(const struct restore *r, struct error **err)
{
	CLEANUP_FREE char *taken = clock_rfc3339(r->b.file.header.taken_ms), *question = NULL;

	question = xasprintf("Put etcd of cluster %s back to %s (%lld keys), so that what Kubernetes was told since then is lost", r->b.c.spec->name, taken,
			     (long long)r->b.file.header.keys);
	return restoring_confirm(&r->b, question, err);
}

static int check(struct restore *r, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (etcd_restore_look(r, &findings, err) < 0)
		return -1;
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}

static int run(struct restore *r, struct error **err)
{
	int64_t begun = clock_ms();
	struct live *live;
	int result;

	if (check(r, err) < 0)
		return -1;
	if (r->b.c.o->dry_run) {
		if (r->b.c.o->format == OUTPUT_JSON)
			print_json(r, etcd_phases_json(r));
		else
			etcd_phases_print(r);
		return 0;
	}
	if (confirm(r, err) < 0)
		return -1;
	live = live_new(r->b.events, r->b.c.state, r->b.c.o);
	result = etcd_phases_run(r, err);
	if (result == 0)
		result = settle(r, err);
	live_free(live);
	if (result == 0)
		tell_done(r, begun);
	return result;
}

static void take_up(struct restore *r)
{
	CLEANUP_FREE char *raised = state_get(r->b.c.state, RAISED_KEY);

	r->r = (struct etcd_restoration){.id = r->b.id, .stamp = r->b.stamp, .sha256 = r->b.file.header.sha256, .size = r->b.file.header.size};
	r->r.bump = etcd_bump(r->b.file.header.revision, raised != NULL ? strtoll(raised, NULL, 10) : 0, r->b.resumed);
}

int etcd_restore_planes(struct restore *r, struct error **err)
{
	context_pin_pools(&r->b.c, NULL);
	if (context_replan(&r->b.c, err) < 0)
		return -1;
	r->b.reach = reach_new(r->b.c.spec, r->b.c.state, r->b.c.inventory);
	r->planes = planes_list(&r->b.c, &r->n);
	r->places = xnew_n(struct etcd_place, r->n + 1);
	r->sessions = xnew_n(struct ssh *, r->n + 1);
	return 0;
}

static int open_restore(struct restore *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->b.c, err) < 0 ||
	    context_need_kubernetes(&r->b.c, ETCD_OF_SWARM, err) < 0 || context_need_keys(&r->b.c, err) < 0 ||
	    upgrade_check_none(&r->b.c, err) < 0 || rotate_check_none(&r->b.c, err) < 0)
		return -1;
	r->kubernetes = frozen_version(r->b.c.state);
	if (r->kubernetes == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet: \"davit apply\" makes it, then its data can be put there",
				 r->b.c.spec->name);
	if (restoring_open(&r->b, o->args.v[0], err) < 0)
		return -1;
	take_up(r);
	return etcd_restore_planes(r, err);
}

void etcd_restore_clear(struct restore *r)
{
	for (size_t i = 0; i < r->n; i++) {
		etcd_place_clear(&r->places[i]);
		ssh_free(r->sessions[i]);
	}
	free(r->places);
	free(r->sessions);
	free(r->planes);
	free(r->kubernetes);
	restoring_clear(&r->b);
}

static int restore(struct restore *r, const struct options *o, struct error **err)
{
	CLEANUP_FREE char *onward = NULL;
	int result;

	if (open_restore(r, o, err) < 0)
		return -1;
	onward = xasprintf("the same \"davit etcd restore %s\" goes on from here; \"davit etcd restore --abort\" goes back to what was there before", r->b.file.path);
	result = run(r, err);
	return r->b.noted ? restoring_told(result, onward, err) : result;
}

int verb_etcd_restore(const struct options *o, struct error **err)
{
	CLEANUP(etcd_restore_clear) struct restore r = {.b = RESTORING_INIT(ETCD_RESTORE_KEY)};

	if (o->abort && o->args.n > 0)
		return error_set(err, ERROR_USAGE, "etcd restore: --abort takes no backup: it goes back to what was there before");
	if (o->abort)
		return etcd_abort(&r, o, err);
	if (o->args.n == 0)
		return error_set(err, ERROR_USAGE, "etcd restore: give a backup: a file, or the URL of one in an object store");
	return restore(&r, o, err);
}
