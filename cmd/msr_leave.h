/* msr_leave: nodes that leave, and have a replica of MSR: it goes before them. */
#pragma once
#include "cmd/leaving.h"

/* Before anything is made: ERROR_CONFIG for nodes that are to be replaced whose images no other node finds; ERROR_NODE where those in `first`, which go before
 * others come, have all replicas. */
int msr_leave_check(const struct context *c, const struct strv *nodes, const struct strv *first, struct error **err) MUST_USE;
/* Their replicas go, one after the other, as one that stays says; a node that does not answer needs not.  Nothing where they have none. */
int msr_leave(struct leaving *l, const struct strv *nodes, struct events *events, struct error **err) MUST_USE;
