/* rollout: the workloads that davit has applied (by its field manager's name), and whether they are out.  Pure. */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"

/* Whether davit has applied it: its managed fields are shown. */
bool rollout_is_ours(struct json_object *o);
/* Whether the newest version of a Deployment, StatefulSet or DaemonSet is available everywhere. */
bool rollout_is_out(struct json_object *o);
/* list: `kubectl get deployments,daemonsets -A --show-managed-fields -o json`.  ret: "deployment/coredns -n kube-system" of those
 * of ours whose newest version is not available everywhere. */
int rollout_waiting(struct json_object *list, struct strv *ret, struct error **err) MUST_USE;
