/*
 * balancer: where there are several control planes each worker has a haproxy of its own at 127.0.0.1:6443, a static pod, so that no
 * balancer of the cloud is in the way between kubelet and API server, and none has to be paid for.
 */
#pragma once
#include "core/base/buf.h"
#include "core/cluster/plan.h"

/* Appends the API servers to the text of node/haproxy.cfg. */
int balancer_finish_config(const struct plan *plan, const struct node *node, struct buf *text, struct error **err) MUST_USE;
/* Gives the pod's JSON the digest of its configuration: the kubelet makes a static pod anew when the manifest changes, and does not look
 * at what the pod mounts. */
int balancer_finish_pod(const struct plan *plan, const struct node *node, struct buf *text, struct error **err) MUST_USE;
