/* claims: what the lists of kubectl say of things that Kubernetes made in the cloud.  Pure. */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"

/* Ids of volumes that cinder's CSI driver made for claims and deletes with them (reclaim policy Delete). */
void claims_volumes(struct json_object *persistent_volumes, struct strv *ret);
void claims_services(struct json_object *services, struct strv *ret); /* uids */
