/*
 * leave: which nodes of a pool go when it gets smaller, and what keeps one from going.  Pure; facts are the answer of
 * `kubectl get nodes,pods,poddisruptionbudgets -A -o json`.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"

struct leave_candidate {
	const char *name;
	const char *zone; /* NULL: any */
	bool there;	  /* it has a server */
};

/*
 * Appends `want` names of the candidates.  In this order: those without a server, those that are not Ready (or that Kubernetes does not
 * know), those that are cordoned; then of the zone that has the most nodes left, the one of the oldest version, with the fewest
 * ordinary pods, the newest.
 */
int leave_choose(const struct leave_candidate *candidates, size_t n, size_t want, struct json_object *facts, struct strv *ret,
		 struct error **err) MUST_USE;
/* The Node of that name, borrowed; NULL where Kubernetes does not know it. */
struct json_object *leave_node(struct json_object *facts, const char *name);
/* Whether Kubernetes knows the node, and whether it is Ready. */
bool leave_is_known(struct json_object *facts, const char *node);
bool leave_is_ready(struct json_object *facts, const char *node);
/* "NAMESPACE/NAME" of each ordinary pod on the node: not a DaemonSet's, not static, not done. */
void leave_pods(struct json_object *facts, const char *node, struct strv *ret);
/* Workers that could take pods, other than those named. */
size_t leave_others(struct json_object *facts, const struct strv *names);
/* What keeps pods on the node: "pod shop/web-1: the budget shop/web allows no disruption (3 of 3 healthy ones are needed)",
 * "pod default/x: nothing makes it again elsewhere". */
void leave_blockers(struct json_object *facts, const char *node, struct strv *ret);
/* Those of them that are not gone by themselves after a while: budgets that allow no disruption though all their pods are well. */
void leave_obstacles(struct json_object *facts, const char *node, struct strv *ret);
/* Of these the budgets alone. */
void leave_budgets(struct json_object *facts, const char *node, struct strv *ret);
