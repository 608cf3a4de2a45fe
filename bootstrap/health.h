/*
 * health: workers that are not Ready, by what Kubernetes says of them.  Pure.
 */
#pragma once
#include "core/base/json.h"
#include "core/cluster/plan.h"

struct ailing {
	char *node;
	char *why; /* "not Ready for 12m: Kubelet stopped posting node status." */
	bool late; /* for longer than its pool's repairAfter */
};
struct health {
	struct ailing *items;
	size_t n, cap;
};
/* list: `kubectl get nodes -o json`; wall_ms: the cluster's time.  known: those that have been Ready once; Kubernetes not knowing one of them any more
 * is as late as can be, since nothing tells for how long. */
void health_read(const struct plan *plan, struct json_object *list, int64_t wall_ms, const struct strv *known, struct health *ret);
const struct ailing *health_find(const struct health *h, const char *node); /* NULL: it is well */
void health_free(struct health *h);
#define CLEANUP_HEALTH CLEANUP(health_free)
