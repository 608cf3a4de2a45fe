#include "provision/nics.h"
#include "core/base/alloc.h"
#include "provision/pick.h"

enum { ID_SHOWN = 8 };

bool nics_wanted(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].pool != NULL && plan->nodes[i].pool->networks.n > 0)
			return true;
	return false;
}

/* Each once: "network_id=A&network_id=B&"; "" where none is there. */
static void query_subnets(const struct plan *plan, const struct view *v, struct buf *ret)
{
	CLEANUP_STRV struct strv seen = STRV_INIT, ports = STRV_INIT, networks = STRV_INIT;

	for (size_t i = 0; i < plan->n_nodes; i++)
		nics_of(v, &plan->nodes[i], &networks, &ports);
	for (size_t i = 0; i < networks.n; i++) {
		if (!strv_has(&seen, networks.v[i]))
			buf_addf(ret, "network_id=%s&", networks.v[i]);
		strv_add(&seen, networks.v[i]);
	}
}

/* One list of all: projects see few, and the message about one that is missing names them. */
int nics_look(struct cloud *c, const struct plan *plan, struct view *v, struct error **err)
{
	CLEANUP_BUF struct buf query = BUF_INIT;
	CLEANUP_FREE char *path = NULL;

	if (!nics_wanted(plan))
		return 0;
	if (cloud_list(c, CLOUD_NETWORK, "/networks", "networks", NULL, &v->nics.networks, err) < 0)
		return -1;
	query_subnets(plan, v, &query);
	if (query.len == 0)
		return 0;
	buf_truncate(&query, query.len - 1);
	path = xasprintf("/subnets?%s", buf_str(&query));
	return cloud_list(c, CLOUD_NETWORK, path, "subnets", NULL, &v->nics.subnets, err);
}

struct json_object *nics_network(const struct view *v, const char *word)
{
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(v->nics.networks, word, &n);

	return n == 1 ? found[0] : NULL;
}

void nics_of(const struct view *v, const struct plan_node *node, struct strv *ret_networks, struct strv *ret_ports)
{
	for (size_t i = 0; node->pool != NULL && i < node->pool->networks.n; i++) {
		const char *id = json_get_str(nics_network(v, node->pool->networks.v[i]), "id", NULL);

		if (id == NULL)
			continue;
		strv_add(ret_networks, id);
		strv_addf(ret_ports, "%s.%.*s", node->node.name, ID_SHOWN, id);
	}
}

bool nics_any(const struct plan *plan, struct view *v)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_PORT, &n);

	for (size_t i = 0; i < n; i++)
		if (strchr(all[i]->name, '.') != NULL)
			return true;
	return nics_wanted(plan);
}

/* Names of nodes hold no dot. */
bool nics_is_of(const char *port, const char *node)
{
	size_t n = strlen(node);

	return strncmp(port, node, n) == 0 && port[n] == '.';
}

static struct json_object *by_id(const struct view *v, const char *network_id)
{
	for (size_t i = 0; i < json_len(v->nics.networks); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(v->nics.networks, i), "id", ""), network_id) == 0)
			return json_object_array_get_idx(v->nics.networks, i);
	return NULL;
}

bool nics_is_guarded(const struct view *v, const char *network_id)
{
	return json_get_bool(by_id(v, network_id), "port_security_enabled", true);
}

bool nics_has_routes(const struct view *v, const char *network_id)
{
	for (size_t i = 0; i < json_len(v->nics.subnets); i++) {
		struct json_object *subnet = json_object_array_get_idx(v->nics.subnets, i);

		if (strcmp(json_get_str(subnet, "network_id", ""), network_id) == 0 && json_len(json_at(subnet, "host_routes")) > 0)
			return true;
	}
	return false;
}

static void tell(const struct view *v, const struct plan_node *node, const char *network_id, bool wanted, struct fixed *ret)
{
	const char *name = json_get_str(by_id(v, network_id), "name", network_id);
	CLEANUP_FREE char *what = wanted ? xasprintf("is not in network \"%s\", which the file wants", name)
					 : xasprintf("is in network \"%s\", which the file no longer wants", name);

	if (node->node.role == NODE_WORKER)
		strv_add(&ret->replaced, what);
	else
		strv_addf(&ret->left, "%s: a server has its networks from its first boot; write the old value back, or make the cluster anew", what);
}

void nics_fixed(struct view *v, const struct plan_node *node, struct fixed *ret, struct strv *ret_taken)
{
	CLEANUP_STRV struct strv networks = STRV_INIT, ports = STRV_INIT;
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_PORT, &n);

	nics_of(v, node, &networks, &ports);
	for (size_t i = 0; i < ports.n; i++)
		if (view_find(v, KIND_PORT, ports.v[i]) == NULL)
			tell(v, node, networks.v[i], true, ret);
	for (size_t i = 0; i < n; i++) {
		if (!nics_is_of(all[i]->name, node->node.name) || strv_has(&ports, all[i]->name))
			continue;
		tell(v, node, json_get_str(all[i]->json, "network_id", "?"), false, ret);
		strv_add(ret_taken, all[i]->name);
	}
}
