#include "core/base/alloc.h"
#include "core/base/log.h"
#include "provision/view.h"

static const enum node_role roles[] = {NODE_CONTROL_PLANE, NODE_WORKER, NODE_REGISTRY, NODE_BASTION};

static bool role_named(const char *name, enum node_role *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (strcmp(node_role_name(roles[i]), name) == 0) {
			*ret = roles[i];
			return true;
		}
	return false;
}

/* "demo-workers-2" of cluster demo is of the pool "workers"; the others are pools of their own, called like their role. */
static char *pool_of(const char *cluster, const char *node, enum node_role role)
{
	const char *end = strrchr(node, '-');
	size_t n = strlen(cluster);

	if (role != NODE_WORKER)
		return xstrdup(node_role_name(role));
	if (strncmp(node, cluster, n) != 0 || node[n] != '-' || end <= node + n)
		return xstrdup("");
	return xstrndup(node + n + 1, (size_t)(end - node) - n - 1);
}

static int adopt_node(struct view *view, struct state *state, const char *cluster, const struct item *server,
		      struct inventory *ret, struct error **err)
{
	const char *name = json_get_str(server->json, "metadata.davit-node", server->name);
	const struct item *port = view_find(view, KIND_PORT, name), *ip = view_find(view, KIND_FLOATING_IP, name);
	struct node n = {.cloud = NODE_ACTIVE};
	int r = 0;

	if (!role_named(json_get_str(server->json, "metadata.davit-role", ""), &n.role)) {
		log_warning("server %s (%s) does not tell what it is for; it is no node for now", server->name, server->id);
		return 0;
	}
	n.name = xstrdup(name);
	n.pool = pool_of(cluster, name, n.role);
	n.address = xstrdup(port != NULL ? json_get_str(port->json, "fixed_ips[0].ip_address", "") : "");
	n.floating_ip = xstrdup(ip != NULL ? json_get_str(ip->json, "floating_ip_address", NULL) : NULL);
	n.server_id = xstrdup(server->id);
	inventory_put(ret, &n);
	r = state_put_node(state, &n, err);
	node_clear(&n);
	return r;
}

int provision_adopt(struct view *view, struct state *state, struct inventory *ret, struct error **err)
{
	CLEANUP_FREE char *cluster = state_get(state, "cluster"), *api = xasprintf("%s-api", cluster);

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(view, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++) {
			if (all[i]->duplicate)
				continue;
			if (state_made(state, kind_info((enum kind)kind)->name, all[i]->name, all[i]->id, err) < 0)
				return -1;
			if (kind == KIND_FLOATING_IP && strcmp(all[i]->name, api) == 0 &&
			    state_set(state, STATE_API, json_get_str(all[i]->json, "floating_ip_address", NULL), err) < 0)
				return -1;
			if (kind == KIND_SERVER && adopt_node(view, state, cluster, all[i], ret, err) < 0)
				return -1;
		}
	}
	return 0;
}
