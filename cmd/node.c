#include "cmd/verbs.h"

const struct command node_actions[] = {
	{"node list", NULL, "Show the nodes: where they are, and what Kubernetes says of them",
	 "Where the API does not answer it shows what the state knows, and says why.", 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_node_list},
	{0},
};
