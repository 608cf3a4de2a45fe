/* pick: what the file names, found in the view: pure.  Each is NULL unless there is exactly one. */
#pragma once
#include "provision/view.h"

bool pick_is_uuid(const char *s);
struct json_object *pick_image(const struct view *v, const char *name);
struct json_object *pick_flavor(const struct view *v, const char *name);
/* Named in the file (name or id), else by clouds.yaml, else the only one. */
struct json_object *pick_external(const struct view *v, const struct plan *plan);
/* What that is called, or NULL where neither the file nor clouds.yaml names it. */
const char *pick_external_name(const struct view *v, const struct plan *plan);
/* The nth (from 0) of the cluster's floating IPs that points to none of the nodes that should have one; NULL where there is none. */
const struct item *pick_spare_floating_ip(struct view *v, const struct plan *plan, size_t nth);
/* The floating IP of an API that has an address of its own: the one that it has or had, else one that serves nothing; NULL where there is none. */
const struct item *pick_api_floating_ip(struct view *v, const struct plan *plan);
/* The members whose name or id is `name`; the caller frees the array, which ends with NULL. */
struct json_object **pick_named(struct json_object *list, const char *name, size_t *ret_n) MUST_USE;
/* The zone of a volume: the file's, or that of its server where cinder has one of that name; NULL: cinder's choice. */
const char *pick_volume_zone(const struct view *v, const struct plan_node *node, const struct volume_spec *volume);
/* Of a server group, as nova calls it: "soft-anti-affinity"; NULL where it tells none. */
const char *pick_policy(struct json_object *server_group);
/* Kernels and ramdisks are images too, but no server is made of them. */
bool pick_is_bootable(struct json_object *image);
