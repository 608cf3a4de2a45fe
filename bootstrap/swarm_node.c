#include "bootstrap/swarm_node.h"
#include <string.h>

const char *swarm_node_name(struct json_object *node)
{
	return json_get_str(node, "Description.Hostname", "");
}

const char *swarm_node_engine(struct json_object *node)
{
	return json_get_str(node, "Description.Engine.EngineVersion", "");
}

bool swarm_node_is(struct json_object *node, const char *state)
{
	return strcmp(json_get_str(node, "Status.State", ""), state) == 0;
}

bool swarm_node_manages(struct json_object *node)
{
	return json_at(node, "ManagerStatus") != NULL;
}

bool swarm_node_is_reachable(struct json_object *node)
{
	return strcmp(json_get_str(node, "ManagerStatus.Reachability", ""), "reachable") == 0;
}

bool swarm_node_leads(struct json_object *node)
{
	return json_get_bool(node, "ManagerStatus.Leader", false);
}
