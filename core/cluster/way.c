#include "core/cluster/way.h"
#include "core/base/alloc.h"

static const struct {
	bool jumps, by_role; /* by_role: the way in is a server of the cluster, the first one of */
	enum node_role role;
	enum way others; /* the way to every server that is not the way in */
} ways[] = {
	[BASTION_CONTROL_PLANE] = {true, true, NODE_CONTROL_PLANE, WAY_JUMP},
	[BASTION_SERVER] = {true, true, NODE_BASTION, WAY_JUMP},
	[BASTION_FLOATING_IPS] = {false, false, 0, WAY_FLOATING_IP},
	[BASTION_NONE] = {false, false, 0, WAY_ADDRESS},
	[BASTION_HOST] = {true, false, 0, WAY_JUMP},
};

char *way_entry(const struct spec *spec, struct inventory *inventory)
{
	char *entry = NULL;
	size_t n;
	struct node *nodes;

	if (!ways[spec->access.bastion].by_role)
		return NULL;
	nodes = inventory_list(inventory, &n);
	for (size_t i = 0; i < n && entry == NULL; i++)
		if (nodes[i].role == ways[spec->access.bastion].role)
			entry = xstrdup(nodes[i].name);
	node_list_free(nodes, n);
	return entry;
}

enum way way_to(const struct spec *spec, const char *entry, const char *node)
{
	if (entry != NULL && strcmp(entry, node) == 0)
		return WAY_FLOATING_IP;
	return ways[spec->access.bastion].others;
}

bool way_jumps(const struct spec *spec)
{
	return ways[spec->access.bastion].jumps;
}
