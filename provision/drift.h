/* drift: what of a resource that exists differs from the plan and can be changed in place: pure.  Each gives the fields for a
 * PUT (the caller puts), or NULL where all is as wanted; *ret_reason (the caller frees) says it for people. */
#pragma once
#include "provision/view.h"

struct json_object *drift_subnet(const struct plan *plan, struct json_object *subnet, char **ret_reason) MUST_USE;
struct json_object *drift_router(struct json_object *router, const char *external_id, char **ret_reason) MUST_USE;
struct json_object *drift_port(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			       char **ret_reason) MUST_USE;

/* The port that keeps the API's shared address. */
struct json_object *drift_api_port(const struct plan *plan, struct view *view, struct json_object *port, char **ret_reason) MUST_USE;
/* The API's: port_id is that of the port that has its address; NULL: not made yet. */
struct json_object *drift_floating_ip(struct json_object *floating_ip, const char *port_id, char **ret_reason) MUST_USE;
/* Of a port in a network besides the cluster's own, where security groups guard it. */
struct json_object *drift_nic(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			      char **ret_reason) MUST_USE;

/* No server has it. */
bool port_is_loose(struct json_object *port);

/* What can be done about a server that is not ACTIVE. */
enum server_verdict {
	SERVER_FINE,   /* ACTIVE */
	SERVER_WAIT,   /* being built or changed */
	SERVER_START,  /* stopped, paused, suspended: an action starts it */
	SERVER_REMAKE, /* in ERROR and never ran: nothing is lost by making it again */
	SERVER_BROKEN  /* in a state that somebody has to look at */
};
enum server_verdict server_judge(struct json_object *server, const char **ret_action); /* action: "os-start"; may be NULL */
char *server_fault(struct json_object *server) MUST_USE; /* "ERROR: No valid host was found"; the caller frees */
/* What nova's scheduler does not say: "; …" with what to change in the file, or "". */
const char *server_advice(const struct plan_node *node, const char *fault);
