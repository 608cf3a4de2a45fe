/*
 * members: which numbers the servers of a pool have.  Those that are there keep theirs; a new one takes the lowest free number of the
 * zone that has the fewest members: number n is in zone (n - 1) % zones.  Pure.
 */
#pragma once
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"

struct members {
	int *numbers; /* ascending: those that are there and stay, and new ones up to the count; or more than the count */
	size_t n;
};

/* known: the nodes of the cluster; those of the pool that are leaving are no members, and their numbers are taken.  The caller frees
 * ret->numbers. */
void members_find(const struct spec *spec, const struct pool_spec *pool, const struct node *known, size_t n, struct members *ret);
/* "demo-w-12" of pool "w" of cluster "demo": 12; 0 where it is no name of that pool. */
int members_number(const char *cluster, const char *pool, const char *name);
/* NULL: any. */
const char *members_zone(const struct pool_spec *pool, int number);
