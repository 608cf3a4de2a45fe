#include "cmd/lost.h"
#include "bootstrap/platform.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/etcd.h"
#include "core/cluster/platform.h"
#include "core/cluster/way.h"

enum { CONNECT_MS = 15 * 1000, ANSWER_MS = 60 * 1000, KUBELET_MS = 60 * 1000 };

/* Whether the others may know it. */
static bool was_joined(const struct context *c, const char *node)
{
	const struct plan_node *planned = plan_find(c->plan, node);

	return planned != NULL && node_runs_kubernetes(planned->node.role) && state_is_installed(c->state, node);
}

static int forget_by(struct leaving *l, const char *plane, const struct strv *nodes, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(l->reach, plane, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	for (size_t i = 0; i < nodes->n; i++)
		if (platform_of(l->c->spec)->forget(s, nodes->v[i], clock_deadline(ANSWER_MS), err) < 0)
			return -1;
	return 0;
}

static int forget(struct leaving *l, const struct strv *nodes, struct error **err)
{
	CLEANUP_FREE char *entry = way_entry(l->c->spec, l->c->inventory);
	const char *plane = context_plane_but(l->c, nodes);
	CLEANUP_ERROR struct error *why = NULL;

	if (nodes->n == 0 || plane == NULL || (entry != NULL && strv_has(nodes, entry)))
		return 0;
	if (forget_by(l, plane, nodes, &why) == 0)
		return 0;
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	log_warning("%s was not told that nodes are gone: %s", platform_title(l->c->spec->platform), error_message(why));
	return 0;
}

/* Nobody is there whom one could join. */
static int begin_anew(const struct context *c, const struct strv *made, const struct strv *lost, struct error **err)
{
	bool any = false;

	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct node *n = &c->plan->nodes[i].node;

		if (n->role != NODE_CONTROL_PLANE)
			continue;
		if (!strv_has(made, n->name))
			return 0;
		any = any || strv_has(lost, n->name);
	}
	if (!any)
		return 0;
	if (platform_is_swarm(c->spec->platform))
		return error_set(err, ERROR_PREFLIGHT,
				 "all managers have lost their servers, and with them the swarm, which the workers cannot be taken out of: make it anew (davit delete, davit apply)");
	log_warning("all control planes have lost their servers: etcd begins without data, where none of it is on a volume; \"davit etcd restore\" puts a backup back");
	return etcd_is_lost(c->state, c->plan, err);
}

int lost_await(struct leaving *l, const struct changes *changes, struct error **err)
{
	CLEANUP_STRV struct strv made = STRV_INIT, lost = STRV_INIT;

	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->items[i];

		if (strcmp(c->kind, "server") != 0 || (c->action != CHANGE_CREATE && c->action != CHANGE_UPDATE))
			continue;
		inventory_cloud(l->c->inventory, c->name, NODE_PLANNED, NULL, NULL, NULL);
		if (c->action == CHANGE_CREATE)
			strv_add(&made, c->name);
		if (c->action == CHANGE_CREATE && was_joined(l->c, c->name))
			strv_add(&lost, c->name);
	}
	if (begin_anew(l->c, &made, &lost, err) < 0)
		return -1;
	return l->c->o->cloud_only ? 0 : forget(l, &lost, err);
}

static int restart_kubelet(struct ssh *s, void *context UNUSED, struct error **err)
{
	struct ssh_command c = {.command = "sudo -n systemctl restart kubelet.service", .deadline = clock_deadline(KUBELET_MS)};

	return ssh_must_run(s, &c, err);
}

int lost_register(struct reach *reach, const char *node, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_ssh(reach, node, clock_deadline(KUBELET_MS), &s, err) < 0 ? -1 : reach_run(reach, node, &s, restart_kubelet, NULL, err);
}

static int register_one(size_t i, void *context, struct error **err)
{
	struct leaving *l = context;
	const struct node *n = &l->c->plan->nodes[i].node;
	CLEANUP_ERROR struct error *why = NULL;

	if (n->role != NODE_WORKER || !state_is_installed(l->c->state, n->name) || lost_register(l->reach, n->name, &why) == 0)
		return 0;
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	log_warning("%s cannot be told to register anew: %s", n->name, error_message(why));
	return 0;
}

int lost_return(struct leaving *l, struct error **err)
{
	if (!etcd_was_lost(l->c->state))
		return 0;
	return parallel_for(l->c->plan->n_nodes, 0, register_one, l, NULL, err) < 0 ? -1 : etcd_is_told(l->c->state, err);
}
