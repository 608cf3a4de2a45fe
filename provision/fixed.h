/*
 * fixed: what of a resource that is there differs from the plan and cannot be changed in place.  A worker is replaced by a new one for
 * it; the rest apply leaves alone, and says what a person can do.  Pure; each adds one reason a difference.
 */
#pragma once
#include "provision/view.h"

struct fixed {
	struct strv left;	/* with the way out */
	struct strv replaced;	/* a new node is made for it */
};
void fixed_clear(struct fixed *f);

void fixed_subnet(const struct plan *plan, struct json_object *subnet, struct strv *ret);
/* Flavor, image, zone, the policy of its server group, and whether it boots from a volume. */
void fixed_server(struct view *view, const struct plan_node *node, struct json_object *server, struct fixed *ret);
/* Size and type of one for data, which nobody takes from a node: always left. */
void fixed_volume(const struct volume_spec *wanted, struct json_object *volume, struct strv *ret);
/* Size, type and the image that it was made of.  server: the one that runs on it, or NULL. */
void fixed_root(struct view *view, const struct plan_node *node, struct json_object *server, struct json_object *volume,
		struct fixed *ret);
/* Is there to be a root volume?  A server (or NULL) whose disk is on its hypervisor cannot get one any more. */
bool root_wanted(const struct plan_node *node, const struct item *server);
