#include "cmd/verbs.h"

const struct command node_actions[] = {
	{"node drain", "NODE…", "Cordon nodes, and let their pods go elsewhere as budgets allow",
	 "They stay cordoned, until \"davit node uncordon\".  Where no worker would be left for the pods it refuses, unless --yes is given.  Pods that may\n"
	 "not go are named after 15 minutes; with --force-after they go.  Interrupted, the same command goes on.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_LAST | OPT_DRAIN | OPT_TOGETHER, verb_node_drain},
	{"node list", NULL, "Show the nodes: where they are, and what Kubernetes says of them",
	 "Where the API does not answer it shows what the state knows, and says why.", 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_node_list},
	{"node reboot", "NODE…", "Reboot nodes, one after another, without losing what runs there",
	 "Cordon, drain, reboot, wait until it is Ready again, uncordon unless it was cordoned before.  Interrupted, the same command goes on.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_LAST | OPT_DRAIN | OPT_HARD, verb_node_reboot},
	{"node remove", "NODE…", "Take these workers out of their pool, without losing what runs there",
	 "The same as scale-down with --node: the pool's number in the file becomes smaller.  Interrupted, scale-down with the new number (=N) goes\n"
	 "on, as it says itself.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_LAST | OPT_DRAIN | OPT_TOGETHER, verb_node_remove},
	{"node replace", "NODE…", "Put new nodes in the place of these",
	 "New ones are made first, of their pool's maxSurge at a time; when they are Ready the old ones are drained and removed.  The new ones\n"
	 "have other names, and the image that the file's name means now.  Interrupted at any point, \"davit apply\" goes on.\n\n"
	 "A control plane, of which there must be several, goes first, and its place is taken by one of the same name and address, which joins\n"
	 "etcd anew; where another member of etcd is not well nothing is done.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_YES | OPT_MIRROR | OPT_BUNDLE | OPT_DRAIN | OPT_TOGETHER, verb_node_replace},
	{"node uncordon", "NODE…", "Let pods onto nodes again", "Balancers outside send to them again, too.", 1, -1, OPT_FILE | OPT_STATE, verb_node_uncordon},
	{0},
};
