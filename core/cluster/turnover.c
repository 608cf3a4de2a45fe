#include "core/cluster/turnover.h"

size_t turnover_reboots(const struct pool_spec *pool, size_t due, size_t in_vain)
{
	size_t most = (size_t)pool->max_unhealthy > in_vain ? (size_t)pool->max_unhealthy - in_vain : 0;

	return due < most ? due : most;
}

bool turnover_may_give_way(const struct pool_spec *pool, size_t leaving, size_t coming)
{
	return !pool->surge_said && pool->max_surge > 0 && leaving > 0 && coming > 0;
}

void turnover_give_way(struct pool_spec *pool)
{
	pool->max_surge = 0;
	pool->max_unavailable = 1;
}

void turnover_batch(const struct pool_spec *pool, const struct turnover_node *nodes, size_t n, size_t leaving, struct strv *ret_before,
		    struct strv *ret_after)
{
	int broken = pool->max_unhealthy, before = pool->max_unavailable, after = pool->max_surge;

	if (leaving > 0)
		return;
	for (size_t i = 0; i < n; i++) {
		int *left = nodes[i].broken ? &broken : after > 0 ? &after : &before;

		if (*left <= 0)
			continue;
		(*left)--;
		strv_add(left == &after ? ret_after : ret_before, nodes[i].name);
	}
}
