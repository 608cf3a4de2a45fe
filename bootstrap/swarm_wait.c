#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum { AGAIN_MS = 500 };

static struct json_object *find_ready(struct json_object *nodes, const char *name)
{
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (strcmp(swarm_node_name(node), name) == 0 && swarm_node_is(node, "ready"))
			return node;
	}
	return NULL;
}

static char *unwell_itself(struct json_object *node, const struct swarm_wanted *w)
{
	const char *has = swarm_node_engine(node);
	bool manages = swarm_node_manages(node);

	if (w->version != NULL && strcmp(has, w->version) != 0)
		return xasprintf("its engine is %s, not %s", has, w->version);
	if (w->manages && !manages)
		return xstrdup("it is no manager any more");
	return manages && !swarm_node_is_reachable(node) ? xstrdup("the other managers do not reach it") : NULL;
}

/* Each engine is given half a minute to find a new leader, and is down after that: this passes (swarmkit's manager/dispatcher, markNodesUnknown).  One that
 * is "disconnected" may stay so for ever. */
static char *unheard_of(struct json_object *nodes)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (swarm_node_is(node, "unknown"))
			strv_add(&names, swarm_node_name(node));
	}
	list = strv_join(&names, ", ");
	return names.n > 0 ? xasprintf("the managers have a new leader, which has not heard of %s yet", list) : NULL;
}

char *swarm_unwell(struct json_object *nodes, const struct swarm_wanted *w)
{
	struct json_object *node = find_ready(nodes, w->name);
	char *why = node != NULL ? unwell_itself(node, w) : xstrdup("the managers do not hear of its engine");

	return why != NULL ? why : unheard_of(nodes);
}

/* A manager that asks itself, or one whose leader is away, has no answer for a while. */
static bool passes(const struct error *why)
{
	return error_is(why, ERROR_TIMEOUT) || error_is(why, ERROR_NODE) || error_is(why, ERROR_REMOTE);
}

int swarm_await(struct ssh *s, const struct swarm_wanted *w, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_JSON struct json_object *nodes = NULL;
		CLEANUP_ERROR struct error *why = NULL;
		CLEANUP_FREE char *unwell = NULL;

		if (swarm_list_nodes(s, deadline, &nodes, &why) < 0 && !passes(why))
			return error_move(err, steal_ptr(why));
		unwell = why != NULL ? xstrdup(error_message(why)) : swarm_unwell(nodes, w);
		if (unwell == NULL)
			return 0;
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "it is not well in time: %s", unwell);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
