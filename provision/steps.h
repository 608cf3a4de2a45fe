/* steps: what provision_create() does, each for a whole kind; context is the maker.  A step with nothing to do makes no call. */
#pragma once
#include "provision/make.h"
#include "provision/rules.h"

int make_keypair(void *context, struct error **err); /* security.c */
int make_groups(void *context, struct error **err);
int make_rules(void *context, struct error **err);
int make_server_groups(void *context, struct error **err);
/* Those that the plan does not want. */
int rules_remove_extra(struct cloud *c, const struct plan *plan, struct view *view, enum rule_use use, struct error **err) MUST_USE;
int make_network(void *context, struct error **err); /* network.c */
int make_subnet(void *context, struct error **err);
int make_router(void *context, struct error **err);
int make_ports(void *context, struct error **err);
int update_ports(void *context, struct error **err);
/* The node's ports besides the first, before its server is made (again). */
int make_nics(struct maker *m, const struct plan_node *node, struct error **err) MUST_USE;
int make_interface(void *context, struct error **err);
int make_floating_ips(void *context, struct error **err);
int make_api_floating_ip(struct maker *m, struct error **err) MUST_USE; /* api.c */
int make_balancer(void *context, struct error **err); /* make_balancer.c */
int finish_balancer(void *context, struct error **err);
int make_volumes(void *context, struct error **err); /* volume.c */
int make_servers(void *context, struct error **err); /* compute.c */

/* volume.c: waits until the node's volumes can be attached, that is, until no server has them; those of server_id (may be NULL)
 * are fine where they are. */
int volumes_ready(struct maker *m, const struct plan_node *node, const char *server_id, struct error **err) MUST_USE;
bool volume_attached_to(struct json_object *volume, const char *server_id);
/* The node's server went: what of its volumes? */
int volumes_reread(struct maker *m, const struct plan_node *node, struct error **err) MUST_USE;
