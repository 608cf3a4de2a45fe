/*
 * worn: the labels, annotations and taints that davit may have put on the nodes of each pool.  What the file no longer wants of them is
 * taken off; what others have set is never among them.  In the state, from before it is put on until it is off every node:
 *
 *   worn = {"workers": ["label tier", "annotation a/b", "taint gpu:NoSchedule"], "control-plane": []}
 */
#pragma once
#include "core/cluster/plan.h"
#include "core/cluster/state.h"

/* What the state knows; where it is of a davit that noted nothing yet: what the file of the last run says.  The caller puts. */
int worn_read(struct state *state, struct json_object **ret, struct error **err) MUST_USE;
/* Before any of it is put on, and before the state's copy of the file is replaced. */
int worn_note(const struct spec *spec, struct state *state, struct error **err) MUST_USE;
/* The nodes have what the plan wants: the rest is forgotten, but for pools of which a node is NODE_FAILED in the plan. */
int worn_settle(const struct plan *plan, struct state *state, struct error **err) MUST_USE;
/* Of kind "label", "annotation" or "taint": appends the keys ("gpu:NoSchedule" of a taint) that the pool no longer wants.  worn may be NULL. */
void worn_dropped(struct json_object *worn, const struct pool_spec *pool, const char *kind, struct strv *ret);
