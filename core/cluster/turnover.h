/*
 * turnover: in which order the nodes of a pool are replaced by new ones: how many at a time, and which of them go before their
 * successors are there.  Pure.
 */
#pragma once
#include "core/cluster/spec.h"

struct turnover_node {
	const char *name;
	bool broken; /* it serves nobody any more */
};

/* How many of `due` broken nodes of the pool are rebooted now: with those that a reboot did not help, which are replaced first, maxUnhealthy at
 * most. */
size_t turnover_reboots(const struct pool_spec *pool, size_t due, size_t in_vain);
/* Whether old nodes may go first, one by one, where the quota has no room for more: the file says nothing of it, and some wait for their
 * successors. */
bool turnover_may_give_way(const struct pool_spec *pool, size_t leaving, size_t coming);
void turnover_give_way(struct pool_spec *pool);
/*
 * The next batch of a pool's nodes that are to be replaced, in the order in which they should go.  leaving: nodes of the pool that are
 * on their way out already: these come first, and the batch is empty.
 * Appends to *ret_before those that go before the new ones are made: of broken ones maxUnhealthy at most, as nothing is lost with
 * them, and maxUnavailable others; to *ret_after maxSurge others, which go when the new ones are Ready.
 */
void turnover_batch(const struct pool_spec *pool, const struct turnover_node *nodes, size_t n, size_t leaving, struct strv *ret_before,
		    struct strv *ret_after);
