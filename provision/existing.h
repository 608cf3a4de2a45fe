/* existing: network, subnet, router and security groups that were there before the cluster: found, used, and never changed. */
#pragma once
#include "core/base/strv.h"
#include "provision/view.h"

/* Reads what the file names into the view; makes no call where it names nothing. */
int existing_look_network(struct cloud *c, const struct plan *plan, struct view *v, struct error **err) MUST_USE;
int existing_look_router(struct cloud *c, const struct plan *plan, struct view *v, struct error **err) MUST_USE;
int existing_look_groups(struct cloud *c, const struct plan *plan, struct view *v, struct error **err) MUST_USE;

/* NULL unless there is exactly one that the file can mean. */
struct json_object *existing_network(const struct plan *plan, const struct view *v);
struct json_object *existing_router(const struct plan *plan, const struct view *v);
/* How many IPv4 subnets of the network the file can mean; *ret_one where it is one, ret: all of them, "NAME (CIDR, ID)". */
size_t existing_subnets(const struct plan *plan, const struct view *v, struct json_object **ret_one, struct strv *ret);

/* Ids of what the servers' ports are made in: ours or the existing ones; NULL where there is none (yet). */
const char *network_id_of(const struct plan *plan, struct view *v);
const char *subnet_id_of(const struct plan *plan, struct view *v);
const char *router_id_of(const struct plan *plan, struct view *v);

/* Adds the ids of the groups that the node's pool names; of one that is not there, none. */
void existing_group_ids(const struct view *v, const struct plan_node *node, struct strv *ret);

/* Whether anything of the cluster needs the external network. */
bool wants_external(const struct plan *plan);
bool has_floating_ips(const struct plan *plan);
