#include "provision/existing.h"
#include "core/base/alloc.h"
#include "provision/optional.h"
#include "provision/pick.h"

/* Those of that name or id; where there is none, all, so that the message can say what there is. */
static int look_named(struct cloud *c, const char *path, const char *key, const char *name, struct json_object **ret,
		      struct error **err)
{
	CLEANUP_FREE char *escaped = http_escape(name);
	CLEANUP_FREE char *query = xasprintf("%s?%s=%s", path, pick_is_uuid(name) ? "id" : "name", escaped);
	CLEANUP_JSON struct json_object *list = NULL;

	if (optional_list(c, CLOUD_NETWORK, query, key, &list, err) < 0) /* a neutron without routers answers 404 */
		return -1;
	if (json_len(list) > 0) {
		*ret = json_object_get(list);
		return 0;
	}
	return optional_list(c, CLOUD_NETWORK, path, key, ret, err);
}

static struct json_object *only(struct json_object *list, const char *name)
{
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(list, name, &n);

	return n == 1 ? found[0] : NULL;
}

struct json_object *existing_network(const struct plan *plan, const struct view *v)
{
	return only(v->existing.networks, plan->spec->network.existing.network);
}

struct json_object *existing_router(const struct plan *plan, const struct view *v)
{
	return only(v->existing.routers, plan->spec->network.existing.router);
}

size_t existing_subnets(const struct plan *plan, const struct view *v, struct json_object **ret_one, struct strv *ret)
{
	const char *name = plan->spec->network.existing.subnet;
	size_t n = 0;

	for (size_t i = 0; i < json_len(v->existing.subnets); i++) {
		struct json_object *o = json_object_array_get_idx(v->existing.subnets, i);
		const char *id = json_get_str(o, "id", ""), *its = json_get_str(o, "name", "");

		if (json_get_int(o, "ip_version", 4) != 4)
			continue;
		strv_addf(ret, "%s (%s, %s)", its, json_get_str(o, "cidr", ""), id);
		if (name != NULL && strcmp(its, name) != 0 && strcmp(id, name) != 0)
			continue;
		*ret_one = n++ == 0 ? o : NULL;
	}
	return n;
}

static struct json_object *subnet_of(const struct plan *plan, const struct view *v)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	struct json_object *one = NULL;

	(void)existing_subnets(plan, v, &one, &names);
	return one;
}

int existing_look_network(struct cloud *c, const struct plan *plan, struct view *v, struct error **err)
{
	CLEANUP_FREE char *path = NULL;

	if (plan->own_network)
		return 0;
	if (look_named(c, "/networks", "networks", plan->spec->network.existing.network, &v->existing.networks, err) < 0)
		return -1;
	if (existing_network(plan, v) == NULL)
		return 0;
	path = xasprintf("/subnets?network_id=%s", json_get_str(existing_network(plan, v), "id", ""));
	return cloud_list(c, CLOUD_NETWORK, path, "subnets", NULL, &v->existing.subnets, err);
}

int existing_look_router(struct cloud *c, const struct plan *plan, struct view *v, struct error **err)
{
	CLEANUP_FREE char *path = NULL;

	if (plan->spec->network.existing.router == NULL)
		return 0;
	if (look_named(c, "/routers", "routers", plan->spec->network.existing.router, &v->existing.routers, err) < 0)
		return -1;
	if (plan->own_network || existing_router(plan, v) == NULL)
		return 0;
	path = xasprintf("/ports?device_id=%s", json_get_str(existing_router(plan, v), "id", ""));
	return cloud_list(c, CLOUD_NETWORK, path, "ports", NULL, &v->existing.router_ports, err);
}

/* One list for all of them: projects have few. */
int existing_look_groups(struct cloud *c, const struct plan *plan, struct view *v, struct error **err)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].pool != NULL && plan->nodes[i].pool->security_groups.n > 0)
			return cloud_list(c, CLOUD_NETWORK, "/security-groups?fields=id&fields=name", "security_groups", NULL,
					  &v->existing.groups, err);
	return 0;
}

void existing_group_ids(const struct view *v, const struct plan_node *node, struct strv *ret)
{
	for (size_t i = 0; node->pool != NULL && i < node->pool->security_groups.n; i++) {
		const char *id = json_get_str(only(v->existing.groups, node->pool->security_groups.v[i]), "id", NULL);

		if (id != NULL && !strv_has(ret, id))
			strv_add(ret, id);
	}
}

const char *network_id_of(const struct plan *plan, struct view *v)
{
	return plan->own_network ? view_id(v, KIND_NETWORK, plan->spec->name) : json_get_str(existing_network(plan, v), "id", NULL);
}

const char *subnet_id_of(const struct plan *plan, struct view *v)
{
	return plan->own_network ? view_id(v, KIND_SUBNET, plan->spec->name) : json_get_str(subnet_of(plan, v), "id", NULL);
}

const char *router_id_of(const struct plan *plan, struct view *v)
{
	return plan->own_router ? view_id(v, KIND_ROUTER, plan->spec->name) : json_get_str(existing_router(plan, v), "id", NULL);
}

bool has_floating_ips(const struct plan *plan)
{
	if (plan->api_floating_ip)
		return true;
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].floating_ip)
			return true;
	return false;
}

bool wants_external(const struct plan *plan)
{
	return plan->own_router || has_floating_ips(plan);
}
