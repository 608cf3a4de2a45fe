#include "bootstrap/nodes.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum { AGAIN_MS = 500 };

static const char *name_of(struct json_object *node)
{
	return json_get_str(node, "Description.Hostname", "");
}

static bool is_manager(struct json_object *node)
{
	return json_at(node, "ManagerStatus") != NULL;
}

static bool is_reachable(struct json_object *node)
{
	return strcmp(json_get_str(node, "ManagerStatus.Reachability", ""), "reachable") == 0;
}

/* ---- before it */

void swarm_upgrade_view(struct json_object *nodes, struct upgrade_view *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!is_manager(node))
			continue;
		n++;
		if (!is_reachable(node))
			strv_addf(&ret->ailing, "the other managers do not reach %s", name_of(node));
		if (!json_get_bool(node, "ManagerStatus.Leader", false))
			continue;
		free(ret->version);
		free(ret->last);
		ret->version = xstrdup(json_get_str(node, "Description.Engine.EngineVersion", ""));
		ret->last = xstrdup(name_of(node));
	}
	if (ret->version == NULL) {
		ret->version = xstrdup("an engine of no version that is known");
		strv_add(&ret->ailing, "the managers have no leader");
	}
	ret->well = n == 1 ? xasprintf("the manager answers, with %s", ret->version) : xasprintf("%zu managers have a leader, with %s", n, ret->version);
}

static int look(struct ssh *s, const char *target UNUSED, int64_t deadline, struct upgrade_view *ret, struct error **err)
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

/* ---- after it */

char *swarm_unwell(struct json_object *nodes, const struct node *n, const char *version)
{
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);
		const char *state = json_get_str(node, "Status.State", ""), *has = json_get_str(node, "Description.Engine.EngineVersion", "");

		if (strcmp(name_of(node), n->name) != 0 || strcmp(state, "ready") != 0)
			continue;
		if (version != NULL && strcmp(has, version) != 0)
			return xasprintf("its engine is %s, not %s", has, version);
		if (n->role != NODE_CONTROL_PLANE)
			return NULL;
		if (!is_manager(node))
			return xstrdup("it is no manager any more");
		return is_reachable(node) ? NULL : xstrdup("the other managers do not reach it");
	}
	return xstrdup("the managers do not hear of its engine");
}

/* A manager that asks itself, or one whose leader is away, has no answer for a while. */
static bool passes(const struct error *why)
{
	return error_is(why, ERROR_TIMEOUT) || error_is(why, ERROR_NODE) || error_is(why, ERROR_REMOTE);
}

static int await(struct ssh *s, const struct node *n, const char *version, int64_t patience_ms, struct error **err)
{
	int64_t deadline = clock_deadline(patience_ms);

	for (;;) {
		CLEANUP_JSON struct json_object *nodes = NULL;
		CLEANUP_ERROR struct error *why = NULL;
		CLEANUP_FREE char *unwell = NULL;

		if (swarm_list_nodes(s, deadline, &nodes, &why) < 0 && !passes(why))
			return error_move(err, steal_ptr(why));
		unwell = why != NULL ? xstrdup(error_message(why)) : swarm_unwell(nodes, n, version);
		if (unwell == NULL)
			return 0;
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "it is not well in time: %s", unwell);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

const struct platform_upgrade swarm_upgrade = {
	.look = look,
	.refusals = upgrade_engine_refusals,
	.why = "what a newer engine has stored is read by no older one",
	.programs = "engines",
	.node = node,
	.await = await,
	.restarts_planes = true,
};
