/*
 * swarm_node: one node, as a swarm's managers list it (GET /nodes of the engine's API).  Of what is not there: "", or false.
 */
#pragma once
#include "core/base/json.h"

const char *swarm_node_name(struct json_object *node); /* the node's still */
const char *swarm_node_engine(struct json_object *node); /* "29.9.3" */
/* state: "ready", "down", "unknown" or "disconnected" */
bool swarm_node_is(struct json_object *node, const char *state);
/* Its part among the managers: whether it has one, whether the others reach it, whether it leads. */
bool swarm_node_manages(struct json_object *node);
bool swarm_node_is_reachable(struct json_object *node);
bool swarm_node_leads(struct json_object *node);
