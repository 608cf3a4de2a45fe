/*
 * withdraw: which of the cluster's resources are one node's own, so that they go with it.  Pure.
 */
#pragma once
#include "provision/view.h"

/* The node whose own the item is: a server, port or floating IP of its name, or a volume named after it; of nodes of which one's name
 * begins with the other's, the longer one.  NULL: none's.  nodes: those of the plan, and those that leave. */
const char *withdraw_owner(const struct plan *plan, const struct item *it);
/* Whether it is the own of a node that leaves. */
bool withdraw_takes(const struct plan *plan, const struct item *it);
/* Nothing of the node is there any more: the state's row of it, and every value whose key ends in ":NODE". */
int withdraw_forget(struct state *state, const char *node, struct error **err) MUST_USE;
