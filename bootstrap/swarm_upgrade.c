#include "bootstrap/nodes.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

/* ---- before it */

void swarm_upgrade_view(struct json_object *nodes, struct upgrade_view *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!swarm_node_manages(node))
			continue;
		n++;
		if (!swarm_node_is_reachable(node))
			strv_addf(&ret->ailing, "the other managers do not reach %s", swarm_node_name(node));
		if (!swarm_node_leads(node))
			continue;
		free(ret->version);
		free(ret->last);
		ret->version = xstrdup(swarm_node_engine(node));
		ret->last = xstrdup(swarm_node_name(node));
	}
	if (ret->version == NULL) {
		ret->version = xstrdup("an engine of no version that is known");
		strv_add(&ret->ailing, "the managers have no leader");
	}
	ret->well = n == 1 ? xasprintf("the manager answers, with %s", ret->version) : xasprintf("%zu managers have a leader, with %s", n, ret->version);
}

static int look(struct ssh *s, const struct spec *target UNUSED, int64_t deadline, struct upgrade_view *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	if (swarm_list_nodes(s, deadline, &nodes, err) < 0 || platform_swarm.facts(s, deadline, &ret->facts, err) < 0)
		return -1;
	swarm_upgrade_view(nodes, ret);
	return 0;
}

static int node(struct ssh *s, const char *name, int64_t deadline, struct json_object **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL, *shape = NULL;
	struct json_object *found;

	if (swarm_list_nodes(s, deadline, &nodes, err) < 0)
		return -1;
	shape = swarm_shape(nodes, NULL, NULL);
	found = node_find(shape, name);
	if (found == NULL)
		return error_set(err, ERROR_NODE, "%s is no member of the swarm: \"davit apply\", with the version that the cluster has, lets it join", name);
	*ret = json_object_get(found);
	return 0;
}

static void refusals(const char *version UNUSED, const struct spec *target, const struct upgrade_node *engines, size_t n, struct strv *ret)
{
	upgrade_engine_refusals(target->version, engines, n, ret);
}

/* ---- after it */

static int await(struct ssh *s, const struct node *n, const char *version, int64_t patience_ms, struct error **err)
{
	return swarm_await(s, &(struct swarm_wanted){n->name, n->role == NODE_CONTROL_PLANE, version}, clock_deadline(patience_ms), err);
}

const struct platform_upgrade swarm_upgrade = {
	.look = look,
	.refusals = refusals,
	.why = "what a newer engine has stored is read by no older one",
	.programs = "engines",
	.node = node,
	.await = await,
	.restarts_planes = true,
};
