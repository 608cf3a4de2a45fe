/*
 * balancer: the API's load balancer in Octavia (api.endpoint: octavia): one listener, one pool, one health monitor, a member for each control plane.
 * It holds nothing that would be lost: one that is broken is made anew.
 *
 * What the list of load balancers does not tell is read besides, and kept in the view's JSON under keys of its own: "davit_listener", as GET
 * /listeners/ID has it, and "davit_pool" of GET /loadbalancers/ID/status: {"id", "members": [{"address", …}], "health_monitor": {…}}.
 */
#pragma once
#include "provision/body.h"
#include "provision/view.h"

/*
 * Without its parts, which are made one by one afterwards: the whole tree in one POST is quicker, but where Octavia 11 (Zed) works without a job board,
 * which is its default, its worker never hears of the listeners (run_flow() of octavia/controller/worker/v2/controller_worker.py hands them to the engine
 * instead of the flow): the parts of such a one stay in PENDING_CREATE for ever.  And a part that is missing later is made in the same way.
 */
struct json_object *body_balancer(const struct plan *plan, const char *mark, const char *subnet_id) MUST_USE;

enum balancer_verdict {
	BALANCER_FINE,
	BALANCER_WAIT,	/* being made or changed: it refuses every change meanwhile */
	BALANCER_REMAKE /* it is in ERROR, or a part of it is stuck */
};
enum balancer_verdict balancer_judge(struct json_object *balancer, const char **ret_why);
/* The next call that brings its parts to what the plan wants: listener, pool, health monitor, allowed CIDRs and time-outs, members. */
struct balancer_change {
	const char *method;
	char *path;
	struct json_object *body;
	char *reason; /* for people */
};
/* False where there is nothing to do.  Pure; the caller clears. */
bool balancer_next(const struct plan *plan, struct json_object *balancer, const char *subnet_id, struct balancer_change *ret);
void balancer_change_clear(struct balancer_change *c);

/* Reads the rest of the plan's load balancer into the view; no call where there is none. */
int balancer_look(struct cloud *c, const struct plan *plan, struct view *view, struct error **err) MUST_USE;
/* As it is now, without the rest, once it takes changes again; NULL: it is gone. */
int balancer_settle(struct cloud *c, const char *id, const char *name, struct json_object **ret, struct error **err) MUST_USE;
/* With all its parts, and waits until it is gone. */
int balancer_delete(struct cloud *c, const char *id, const char *name, struct error **err) MUST_USE;
