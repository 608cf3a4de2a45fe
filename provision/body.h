/*
 * body: what is POSTed for each resource, from the plan: pure, golden-tested.  Every function returns the inner object
 * ({"name": …}, without {"network": …} around it), which the caller puts.  mark: "davit:UUID"; ids come from the cloud.
 */
#pragma once
#include "core/base/json.h"
#include "core/cluster/plan.h"

/* Of a server: the file's word for its image, a name or an id. */
#define IMAGE_METADATA "davit-image"

/* Names of what is not a node: all begin with the cluster's. */
char *name_group(const struct plan *plan, const char *group) MUST_USE;				/* "demo-node" */
char *name_server_group(const struct plan *plan, const char *group, const char *uuid) MUST_USE; /* "demo-workers-1a2b3c4d" */
char *name_keypair(const struct plan *plan, const char *uuid) MUST_USE;				/* "demo-1a2b3c4d" */
char *name_gateway(const struct plan *plan) MUST_USE;	/* "demo-gateway": the router's port */
char *name_api(const struct plan *plan) MUST_USE;	/* "demo-api": what has the API's own address */
char *name_root(const struct plan_node *node) MUST_USE; /* "demo-cp-1-root" */

struct json_object *body_keypair(const char *name, const char *public_key) MUST_USE;
struct json_object *body_network(const struct plan *plan, const char *mark) MUST_USE;
struct json_object *body_subnet(const struct plan *plan, const char *mark, const char *network_id) MUST_USE;
struct json_object *body_router(const struct plan *plan, const char *mark, const char *external_id) MUST_USE;
struct json_object *body_group(const struct plan *plan, const char *mark, const char *group) MUST_USE;
struct json_object *body_rule(const struct plan_rule *rule, const char *group_id, const char *from_group_id) MUST_USE;
struct json_object *body_server_group(const char *name, enum server_group_policy policy) MUST_USE;
/* The router's port, at the gateway's address: chosen and marked, so that an interface can be found and told apart. */
struct json_object *body_gateway(const struct plan *plan, const char *mark, const char *network_id,
				 const char *subnet_id) MUST_USE;
/*
 * Do packets of pods leave a node under the pods' own addresses?  flannel's do not (VXLAN, and what leaves the pods' network is
 * masqueraded); where the operator brings the network plugin they may, and port security has to let them through.
 */
bool pods_on_the_wire(const struct plan *plan);
/* Addresses, besides its own, that packets of the node may come from. */
void body_pairs(const struct plan *plan, const struct plan_node *node, struct strv *ret);
struct json_object *body_pair_list(const struct strv *pairs) MUST_USE; /* as neutron has them */
/* The port that keeps the API's shared address for the cluster; no server has it. */
struct json_object *body_api_port(const struct plan *plan, const char *mark, const char *network_id, const char *subnet_id) MUST_USE;
/* group_ids: of node->groups, in order */
struct json_object *body_port(const struct plan *plan, const struct plan_node *node, const char *mark, const char *network_id,
			      const char *subnet_id, const struct strv *group_ids) MUST_USE;
/* A port of a node in a network besides the cluster's own: the cloud chooses its address, and gives no default route by it.  group_ids
 * NULL: nothing is guarded there.  keep_routes: the subnet's own routes are given all the same. */
struct json_object *body_nic(const char *name, const char *mark, const char *network_id, const struct strv *group_ids,
			     bool keep_routes) MUST_USE;
/* port_id NULL: it points nowhere yet */
struct json_object *body_floating_ip(const char *mark, const char *external_id, const char *port_id) MUST_USE;
struct body_volume {
	const char *name, *uuid;
	const struct volume_spec *spec;
	const char *image_id; /* NULL: an empty volume */
	const char *zone;     /* of cinder, or NULL */
};
struct json_object *body_volume(const struct plan *plan, const struct body_volume *v) MUST_USE;

struct body_server {
	const struct plan_node *node;
	const char *uuid, *flavor_id, *image_id, *keypair, *port_id;
	const char *root_id;	       /* volume, or NULL */
	struct strv nic_ids;	       /* of the ports besides, in order */
	struct strv data_ids;	       /* of the volumes for data */
	const char *server_group_id;   /* or NULL */
	const char *user_data;	       /* plain text, or NULL */
	bool tagged;		       /* the cloud's nova takes tags */
};
/* The whole body, {"server": …, "os:scheduler_hints": …}.  ERROR_CONFIG where user_data is longer than nova takes. */
int body_server(const struct plan *plan, const struct body_server *s, struct json_object **ret, struct error **err) MUST_USE;
