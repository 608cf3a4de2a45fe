#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"

/* Of a task that has come to its end: https://docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states/ */
static const char *const ended[] = {"complete", "failed", "shutdown", "rejected", "orphaned", "remove"};

/* Another one of its name is there in its place. */
static bool is_superseded(struct json_object *nodes, struct json_object *node)
{
	for (size_t i = 0; swarm_node_is(node, "down") && i < json_len(nodes); i++) {
		struct json_object *other = json_object_array_get_idx(nodes, i);

		if (other != node && strcmp(swarm_node_name(other), swarm_node_name(node)) == 0 && !swarm_node_is(other, "down"))
			return true;
	}
	return false;
}

/* "2026-11-22T10:15:30.123456789Z" to the second */
static void add_time(struct json_object *to, const char *key, const char *text)
{
	CLEANUP_FREE char *short_one = strlen(text) >= 19 ? xasprintf("%.19sZ", text) : NULL;

	json_add_str(to, key, short_one);
}

static struct json_object *ready(struct json_object *node)
{
	struct json_object *list = json_object_new_array(), *c = json_object_new_object();
	const char *state = json_get_str(node, "Status.State", "unknown"), *message = json_get_str(node, "Status.Message", "");
	bool is = strcmp(state, "ready") == 0;

	json_add_str(c, "type", "Ready");
	json_add_str(c, "status", is ? "True" : "False");
	json_add_str(c, "reason", state);
	json_add_str(c, "message", is ? "" : *message != '\0' ? message : "its engine is not heard of");
	add_time(c, "lastHeartbeatTime", json_get_str(node, "UpdatedAt", ""));
	add_time(c, "lastTransitionTime", json_get_str(node, "UpdatedAt", ""));
	json_object_array_add(list, c);
	return list;
}

static struct json_object *shape_node(struct json_object *node)
{
	struct json_object *o = json_object_new_object(), *meta = json_object_new_object(), *spec = json_object_new_object();
	struct json_object *status = json_object_new_object(), *info = json_object_new_object();

	json_add_str(o, "kind", "Node");
	json_add_str(meta, "name", swarm_node_name(node));
	json_add_str(meta, "uid", json_get_str(node, "ID", ""));
	json_add(meta, "labels", json_object_get(json_at(node, "Spec.Labels")));
	add_time(meta, "creationTimestamp", json_get_str(node, "CreatedAt", ""));
	json_add(o, "metadata", meta);
	json_add_bool(spec, "unschedulable", strcmp(json_get_str(node, "Spec.Availability", ""), "active") != 0);
	json_add_str(spec, "availability", json_get_str(node, "Spec.Availability", ""));
	json_add(o, "spec", spec);
	json_add(status, "conditions", ready(node));
	json_add_str(info, "kubeletVersion", swarm_node_engine(node));
	json_add(status, "nodeInfo", info);
	json_add(o, "status", status);
	return o;
}

static struct json_object *by_id(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "ID", ""), id) == 0)
			return o;
	}
	return NULL;
}

static bool has_ended(struct json_object *task)
{
	const char *state = json_get_str(task, "Status.State", "");

	for (size_t i = 0; i < ARRAY_SIZE(ended); i++)
		if (strcmp(state, ended[i]) == 0)
			return true;
	return false;
}

/* "web.2"; one of a service that runs everywhere has no number. */
static char *task_name(struct json_object *task, struct json_object *service)
{
	const char *name = json_get_str(service, "Spec.Name", json_get_str(task, "ServiceID", ""));
	int64_t slot = json_get_int(task, "Slot", 0);

	return slot > 0 ? xasprintf("%s.%lld", name, (long long)slot) : xstrdup(name);
}

static struct json_object *owners(bool everywhere)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();

	json_add_bool(o, "controller", true);
	json_add_str(o, "kind", everywhere ? "DaemonSet" : "ReplicaSet");
	json_object_array_add(list, o);
	return list;
}

static struct json_object *shape_task(struct json_object *task, struct json_object *node, struct json_object *services)
{
	struct json_object *o = json_object_new_object(), *meta = json_object_new_object(), *spec = json_object_new_object();
	struct json_object *status = json_object_new_object(), *service = by_id(services, json_get_str(task, "ServiceID", ""));
	CLEANUP_FREE char *name = task_name(task, service);

	json_add_str(o, "kind", "Pod");
	json_add_str(meta, "namespace", "service");
	json_add_str(meta, "name", name);
	json_add(meta, "ownerReferences", owners(json_at(service, "Spec.Mode.Global") != NULL));
	json_add(o, "metadata", meta);
	json_add_str(spec, "nodeName", swarm_node_name(node));
	json_add(o, "spec", spec);
	json_add_str(status, "phase", "Running");
	json_add(o, "status", status);
	return o;
}

struct json_object *swarm_shape(struct json_object *nodes, struct json_object *tasks, struct json_object *services)
{
	struct json_object *whole = json_object_new_object(), *items = json_object_new_array();

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (*swarm_node_name(node) != '\0' && !is_superseded(nodes, node))
			json_object_array_add(items, shape_node(node));
	}
	for (size_t i = 0; i < json_len(tasks); i++) {
		struct json_object *task = json_object_array_get_idx(tasks, i), *node = by_id(nodes, json_get_str(task, "NodeID", ""));

		if (node != NULL && !has_ended(task))
			json_object_array_add(items, shape_task(task, node, services));
	}
	json_add(whole, "items", items);
	return whole;
}

int swarm_spares(struct json_object *nodes, const char *name, struct error **err)
{
	CLEANUP_STRV struct strv away = STRV_INIT;
	CLEANUP_FREE char *list = NULL;
	size_t others = 0;

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!swarm_node_manages(node) || strcmp(swarm_node_name(node), name) == 0)
			continue;
		others++;
		if (!swarm_node_is_reachable(node))
			strv_add(&away, swarm_node_name(node));
	}
	if (others == 0)
		return error_set(err, ERROR_NODE, "%s is the only manager: without it there is no swarm", name);
	list = strv_join(&away, ", ");
	if (others - away.n < others / 2 + 1)
		return error_set(err, ERROR_NODE, "without %s the managers would have no majority: %s cannot be reached; mend that first (davit apply)", name,
				 list);
	return 0;
}
