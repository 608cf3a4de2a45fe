/*
 * renewal: what control planes sign anew for nodes that renew certificates by themselves: a ConfigMap for each node, with its name, in a namespace of its
 * own.  Nodes may read all of them, which holds no secret, and write none; administrators of the cluster may write them.
 */
#pragma once
#include "core/base/json.h"
#include "core/net/ssh.h"

#define RENEWAL_NAMESPACE "davit-certificates"

/* Pure.  The ConfigMap of a node; takes data (renewed_data()).  The caller puts. */
struct json_object *renewal_map(const char *node, struct json_object *data);
/* Pure.  All that kubectl is given: the namespace, what lets nodes read there, and these maps (an array).  The caller puts. */
struct json_object *renewal_list(struct json_object *maps);
/* In a session with a control plane. */
int renewal_publish(struct ssh *s, struct json_object *maps, int64_t deadline, struct error **err) MUST_USE;
int renewal_withdraw(struct ssh *s, int64_t deadline, struct error **err) MUST_USE; /* all of it */
