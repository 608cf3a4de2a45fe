/* etcd: what the verbs of "davit etcd" share. */
#pragma once
#include "cmd/context.h"
#include "cmd/reach.h"
#include "core/base/json.h"

#define ETCD_OF_SWARM "its managers keep their data themselves, and \"davit node list\" shows them" /* of context_need_kubernetes() */
#define RAISED_KEY "etcd:raised" /* in the state: the revision that etcd began with at the last restoration */

/* What the control planes have kept by the cluster's schedule, newest first: [{"name": "demo-cp-1/20261126T030000Z.db", "node", "taken", "size"}]; the
 * caller puts.  Of those that answer; ERROR_NODE where none does. */
int etcd_find_kept(const struct context *c, struct reach *reach, struct json_object **ret, struct error **err) MUST_USE;
