#include "cmd/verbs.h"

const struct command node_actions[] = {
	{"node list", NULL, "Show the nodes: where they are, and what Kubernetes says of them",
	 "Where the API does not answer it shows what the state knows, and says why.", 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_node_list},
	{"node remove", "NODE...", "Take these workers out of their pool, without losing what runs there",
	 "The same as scale-down with --node: the pool's number in the file becomes smaller.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_YES | OPT_DRAIN, verb_node_remove},
	{"node replace", "NODE...", "Put new workers in the place of these",
	 "New ones are made first, of their pool's maxSurge at a time; when they are Ready the old ones are drained and removed.  The new ones\n"
	 "have other names, and the image that the file's name means now.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_YES | OPT_MIRROR | OPT_BUNDLE | OPT_DRAIN, verb_node_replace},
	{0},
};
