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

/* The whole tree, for one POST. */
struct json_object *body_balancer(const struct plan *plan, const char *mark, const char *subnet_id) MUST_USE;

enum balancer_verdict {
	BALANCER_FINE,
	BALANCER_WAIT,	/* being made or changed: it refuses every change meanwhile */
	BALANCER_REMAKE /* it is in ERROR, or lacks a part */
};
enum balancer_verdict balancer_judge(struct json_object *balancer, const char **ret_why);
/* Fields of its listener for a PUT, and the whole list of members for another; NULL where all is as the plan wants.  The caller puts, and frees the
 * reason. */
struct json_object *drift_listener(const struct plan *plan, struct json_object *balancer, char **ret_reason) MUST_USE;
struct json_object *drift_members(const struct plan *plan, struct json_object *balancer, const char *subnet_id, char **ret_reason) MUST_USE;

/* Reads the rest of the plan's load balancer into the view; no call where there is none. */
int balancer_look(struct cloud *c, const struct plan *plan, struct view *view, struct error **err) MUST_USE;
/* As it is now, without the rest, once it takes changes again; NULL: it is gone. */
int balancer_settle(struct cloud *c, const char *id, const char *name, struct json_object **ret, struct error **err) MUST_USE;
/* With all its parts, and waits until it is gone. */
int balancer_delete(struct cloud *c, const char *id, const char *name, struct error **err) MUST_USE;
