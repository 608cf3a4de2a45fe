#include "cmd/upgrade.h"
#include "cmd/checks.h"
#include "cmd/planes.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/cluster/platform.h"
#include "manifests/gates.h"

enum { CONNECT_MS = 20 * 1000, ANSWER_MS = 60 * 1000, AT_ONCE = 20 };

/* What one node says of itself. */
struct visit {
	int64_t need, room; /* MiB; need 0: not known */
	struct error *why;  /* it could not be asked */
};

struct look {
	struct upgrade *u;
	struct artifacts artifacts; /* of a bundle that is there already */
	struct visit *visits; /* of plan->nodes */
};

static void refuse(struct findings *f, const char *check, char *what, const char *why, const char *fix)
{
	findings_add(f, SEVERITY_ERROR, check, what, xstrdup(why), xstrdup(fix));
}

/* ---- what the cluster says */

static int ask(struct ssh *s, void *context, struct error **err)
{
	struct upgrade *u = context;

	upgrade_view_clear(&u->view);
	return u->of->look(s, u->c->spec, clock_deadline(ANSWER_MS), &u->view, err);
}

/* Where a control plane is away while it is upgraded, any other one tells the same. */
static int ask_any(struct upgrade *u, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (u->of->restarts_planes)
		return planes_ask(u->c, u->w.reach, ask, u, NULL, err);
	return reach_ssh(u->w.reach, u->plane, clock_deadline(CONNECT_MS), &s, err) < 0 ? -1 : reach_run(u->w.reach, u->plane, &s, ask, u, err);
}

/* While the control plane of a resumed upgrade is on its way it may be away: going on is what mends it. */
static int look_at_cluster(struct upgrade *u, struct findings *ret, struct error **err)
{
	const char *what = platform_title(u->c->spec->platform);
	CLEANUP_ERROR struct error *why = NULL;

	if (ask_any(u, &why) == 0) {
		findings_pass(ret, "health", xstrdup(u->view.well));
		return 0;
	}
	if (error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	json_object_put(steal_ptr(u->view.facts));
	if (u->resumed)
		findings_add(ret, SEVERITY_WARNING, "health", xasprintf("%s does not answer: %s", what, error_message(why)),
			     xstrdup("the upgrade that was begun may have left it so"), xstrdup("nothing: it is gone on with"));
	else
		refuse(ret, "health", xasprintf("%s does not answer: %s", what, error_message(why)), "an upgrade is no repair",
		       "\"davit apply\", with the version that the cluster has, mends the control plane");
	return 0;
}

static void check_health(const struct upgrade *u, const struct strv *locked, struct findings *ret)
{
	enum severity severity = u->lenient ? SEVERITY_WARNING : SEVERITY_ERROR;
	size_t planes = 0;

	for (size_t i = 0; i < u->view.ailing.n; i++)
		findings_add(ret, severity, "health", xstrdup(u->view.ailing.v[i]), xstrdup("while one manager restarts, the others need a majority"),
			     xstrdup("\"davit apply\", with the version that the cluster has, mends it"));
	for (size_t i = 0; i < locked->n; i++)
		findings_add(ret, SEVERITY_WARNING, "health", xasprintf("%s is locked, since its engine was restarted", locked->v[i]),
			     xstrdup("while one manager restarts, the others need a majority"), xstrdup("nothing: it is unlocked before all else"));
	for (size_t i = 0; i < u->c->plan->n_nodes; i++)
		planes += u->c->plan->nodes[i].node.role == NODE_CONTROL_PLANE;
	if (u->of->restarts_planes && !u->nodes_run_on && planes < 3)
		findings_add(ret, SEVERITY_WARNING, "health", xasprintf("there are fewer than three managers (%zu)", planes),
			     xstrdup("while the engine of one restarts nobody tells nodes what to run; what runs on the others goes on"),
			     xstrdup("more of them (controlPlane.count: 3, davit apply), where that matters"));
}

static void check_versions(const struct upgrade *u, struct findings *ret)
{
	CLEANUP_STRV struct strv why = STRV_INIT;
	size_t n = json_len(json_at(u->view.facts, "items")), n_nodes = 0;
	CLEANUP_FREE struct upgrade_node *nodes = xnew_n(struct upgrade_node, n + 1);

	if (u->view.facts == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(json_at(u->view.facts, "items"), i);

		if (strcmp(json_get_str(o, "kind", ""), "Node") == 0)
			nodes[n_nodes++] = (struct upgrade_node){json_get_str(o, "metadata.name", ""),
									   json_get_str(o, "status.nodeInfo.kubeletVersion", "")};
	}
	u->of->refusals(u->view.version, u->c->spec, nodes, n_nodes, &why);
	for (size_t i = 0; i < why.n; i++)
		refuse(ret, "version", xstrdup(why.v[i]), u->of->why, "choose another platform.version");
	if (why.n == 0)
		findings_pass(ret, "version", xasprintf("%s after %s, with the %s of %zu nodes", u->to, u->view.version, u->of->programs, n_nodes));
}

static void check_gates(const struct upgrade *u, const char *key, struct json_object *settings, struct findings *ret)
{
	CLEANUP_STRV struct strv why = STRV_INIT;

	gates_refused(settings, u->to, &why);
	for (size_t i = 0; i < why.n; i++)
		refuse(ret, "settings", xasprintf("%s.featureGates.%s", key, why.v[i]), "it ends at once with a gate that it does not take",
		       "take it out of the file");
}

static void check_pool_gates(const struct upgrade *u, struct findings *ret)
{
	for (size_t i = 0; i < u->c->spec->n_pools; i++) {
		CLEANUP_FREE char *key = xasprintf("workerPools[%zu].kubelet", i);

		check_gates(u, key, u->c->spec->pools[i].kubelet, ret);
	}
}

static void check_complete(const struct upgrade *u, struct findings *ret)
{
	CLEANUP_FREE char *complete = state_get(u->c->state, "complete");

	if (u->resumed || (complete != NULL && strcmp(complete, "1") == 0))
		return;
	findings_add(ret, SEVERITY_ERROR, "complete", xstrdup("the last run did not come to its end"),
		     xstrdup("what is not whole is not to be changed further"),
		     xasprintf("write version: %s back, \"davit apply\", then the new version and \"davit upgrade\"", u->from));
}

/* One that an earlier run has left in the middle may well be down. */
static void check_ready(const struct upgrade *u, const char *name, struct findings *ret)
{
	struct json_object *node = leave_node(u->view.facts, name);
	CLEANUP_FREE char *unknown = xasprintf("%s does not know it", platform_title(u->c->spec->platform));
	bool ours = u->lenient;

	if (node_is_ready(node))
		return;
	findings_add(ret, ours ? SEVERITY_WARNING : SEVERITY_ERROR, "health",
		     xasprintf("%s is not Ready: %s", name,
			       node == NULL ? unknown : json_get_str(node_condition(node, "Ready"), "message", "it does not say why")),
		     xstrdup("what ran on it is elsewhere or down, and while another node is away there may be no room for that"),
		     xstrdup(ours ? "nothing, if the upgrade has left it so: it is gone on with" : "mend it, or take it out (davit scale-down --node)"));
}

static void check_pods(const struct upgrade *u, const char *name, struct findings *ret)
{
	CLEANUP_STRV struct strv why = STRV_INIT, self = STRV_INIT, pods = STRV_INIT;
	bool forced = u->c->o->force_after_ms >= 0;

	leave_obstacles(u->view.facts, name, &why);
	for (size_t i = 0; i < why.n; i++)
		findings_add(ret, forced ? SEVERITY_WARNING : SEVERITY_ERROR, "pods", xasprintf("%s: %s", name, why.v[i]),
			     xstrdup("the node is drained before it is upgraded"),
			     xstrdup(forced ? "nothing: --force-after disregards it in the end" : "change it, or allow it with --force-after"));
	strv_add(&self, name);
	leave_pods(u->view.facts, name, &pods);
	if (pods.n > 0 && !u->resumed && leave_others(u->view.facts, &self) == 0) /* resumed: others may be cordoned by ourselves */
		findings_add(ret, SEVERITY_WARNING, "pods", xasprintf("%s is the only worker that takes pods", name),
			     xasprintf("its %zu pods are down while it is upgraded", pods.n), xstrdup("add a worker first (davit scale-up), where that matters"));
}

static void check_nodes(const struct upgrade *u, struct findings *ret)
{
	for (size_t i = 0; i < u->c->plan->n_nodes && u->view.facts != NULL; i++) {
		const struct plan_node *p = &u->c->plan->nodes[i];

		if (!node_runs_kubernetes(p->node.role))
			continue;
		check_ready(u, p->node.name, ret);
		if (p->node.role == NODE_WORKER && !u->nodes_run_on && !upgrade_is_done(p, (void *)u))
			check_pods(u, p->node.name, ret);
	}
}

static void check_rest(const struct look *k, struct findings *ret)
{
	CLEANUP_FREE char *leaving = verb_names(&k->u->c->plan->leaving);

	for (size_t i = 0; i < k->u->view.deprecated.n; i++)
		findings_add(ret, SEVERITY_WARNING, "deprecated", xasprintf("somebody has asked for %s", k->u->view.deprecated.v[i]),
			     xasprintf("%s does not have it any more: whoever asks for it then fails", k->u->to),
			     xstrdup("the API server's audit log (/var/log/kubernetes/audit.log) says who asks: look for k8s.io/deprecated"));
	if (k->u->c->plan->leaving.n > 0)
		findings_add(ret, SEVERITY_WARNING, "nodes", xasprintf("%s are not upgraded", leaving), xstrdup("the file no longer wants them"),
			     xstrdup("\"davit apply\" takes them out, before or after it"));
}

/* ---- what the nodes say */

static int visit(size_t i, void *context, struct error **err)
{
	struct look *k = context;
	const struct node *n = &k->u->c->plan->nodes[i].node;
	struct bootstrap_run run = {.node = n->name, .role = n->role, .artifacts = &k->artifacts};
	CLEANUP_SSH struct ssh *s = NULL;

	(void)err; /* each has its own */
	if (n->role == NODE_BASTION || upgrade_is_done(&k->u->c->plan->nodes[i], k->u))
		return 0;
	if (reach_ssh(k->u->w.reach, n->name, clock_deadline(CONNECT_MS), &s, &k->visits[i].why) == 0 && k->artifacts.n > 0)
		(void)!bootstrap_room(s, &run, &k->visits[i].need, &k->visits[i].room, &k->visits[i].why);
	return 0;
}

static void tell_visit(const struct node *n, const struct visit *v, struct findings *ret)
{
	if (v->why != NULL)
		refuse(ret, "reach", xasprintf("%s cannot be reached: %s", n->name, error_message(v->why)), "it could not be upgraded",
		       n->role == NODE_WORKER ? "start or mend it, or take it out (davit scale-down --node)" : "start or mend it (davit status)");
	else if (v->need > v->room)
		findings_add(ret, SEVERITY_ERROR, "disk",
			     xasprintf("%s: the programs need %lld MiB, and %lld are free", n->name, (long long)v->need, (long long)v->room),
			     xstrdup("those of before stay until the end"), xstrdup("make room in /opt/davit, /var/lib/containerd or /var/log there"));
}

static int visit_nodes(struct look *k, struct findings *ret, struct error **err)
{
	const struct plan *plan = k->u->c->plan;
	CLEANUP_FREE char *folder = bundle_default_folder(k->u->c->spec);
	const char *named = k->u->c->o->bundle != NULL ? k->u->c->o->bundle : k->u->c->spec->artifacts.bundle;
	int r;

	(void)!bundle_load(k->u->c->spec, named != NULL ? named : folder, false, &k->artifacts, NULL);
	k->visits = xnew_n(struct visit, plan->n_nodes + 1);
	r = parallel_for(plan->n_nodes, AT_ONCE, visit, k, NULL, err);
	for (size_t i = 0; i < plan->n_nodes; i++) {
		if (r == 0)
			tell_visit(&plan->nodes[i].node, &k->visits[i], ret);
		error_free(k->visits[i].why);
	}
	free(k->visits);
	artifacts_free(&k->artifacts);
	return r;
}

int upgrade_look(struct upgrade *u, struct findings *ret, struct error **err)
{
	struct look k = {.u = u};
	CLEANUP_STRV struct strv locked = STRV_INIT;
	int r = look_at_cluster(u, ret, err);

	if (r == 0)
		r = swarm_lock_find(u->c, u->w.reach, &locked, err);
	if (r == 0) {
		u->lenient = u->resumed || (u->c->o->dry_run && locked.n > 0);
		check_health(u, &locked, ret);
		check_versions(u, ret);
		check_gates(u, "kubelet", u->c->spec->kubelet, ret);
		check_gates(u, "kubeProxy", u->c->spec->kube_proxy, ret);
		check_pool_gates(u, ret);
		check_complete(u, ret);
		check_nodes(u, ret);
		check_rest(&k, ret);
		checks_artifacts(u->c, ret);
		checks_msr(u->c, ret);
		r = visit_nodes(&k, ret, err);
	}
	return r;
}
