/*
 * fixed: what of a resource that is there differs from the plan and cannot be changed in place: apply leaves it alone, and says what a
 * person can do.  Pure; each adds one reason a difference.
 */
#pragma once
#include "provision/view.h"

void fixed_subnet(const struct plan *plan, struct json_object *subnet, struct strv *ret);
/* Flavor, image, zone, and whether it boots from a volume. */
void fixed_server(struct view *view, const struct plan_node *node, struct json_object *server,
		  struct strv *ret);
/* Size and type.  The root volume also: the image that it was made of. */
void fixed_volume(const struct volume_spec *wanted, struct json_object *volume, struct strv *ret);
void fixed_root(struct view *view, const struct plan_node *node, struct json_object *volume,
		struct strv *ret);
/* Is there to be a root volume?  A server (or NULL) whose disk is on its hypervisor cannot get one any more. */
bool root_wanted(const struct plan_node *node, const struct item *server);
