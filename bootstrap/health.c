#include "bootstrap/health.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/platform.h"

static void add(struct health *h, const char *node, bool late, char *why)
{
	array_grow(h->items, h->n, h->cap);
	h->items[h->n++] = (struct ailing){.node = xstrdup(node), .why = why, .late = late};
}

static void not_ready(const struct plan_node *planned, struct json_object *node, int64_t wall_ms, struct health *ret)
{
	struct json_object *c = node_condition(node, "Ready");
	const char *since = json_get_str(c, "lastTransitionTime", json_get_str(node, "metadata.creationTimestamp", ""));
	const char *message = json_get_str(c, "message", "its kubelet has said nothing yet");
	int64_t begin = wall_ms;
	size_t n;
	CLEANUP_FREE char *how_long = NULL;

	if (!clock_parse(since, &begin) || begin > wall_ms)
		begin = wall_ms;
	how_long = clock_age(wall_ms - begin);
	n = strlen(message);
	add(ret, planned->node.name, wall_ms - begin >= planned->pool->repair_after,
	    xasprintf("not Ready for %s: %.*s", how_long, (int)(n > 0 && message[n - 1] == '.' ? n - 1 : n), message));
}

void health_read(const struct plan *plan, struct json_object *list, int64_t wall_ms, const struct strv *known, struct health *ret)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *p = &plan->nodes[i];
		struct json_object *node = p->node.role == NODE_WORKER ? node_find(list, p->node.name) : NULL;

		if (node != NULL && !node_is_ready(node))
			not_ready(p, node, wall_ms, ret);
		else if (node == NULL && p->node.role == NODE_WORKER && strv_has(known, p->node.name))
			add(ret, p->node.name, p->pool->repair_after != INT64_MAX, xasprintf("%s does not know it any more", platform_title(plan->spec->platform)));
	}
}

const struct ailing *health_find(const struct health *h, const char *node)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->items[i].node, node) == 0)
			return &h->items[i];
	return NULL;
}

void health_free(struct health *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->items[i].node);
		free(h->items[i].why);
	}
	free(h->items);
	*h = (struct health){0};
}
