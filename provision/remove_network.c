#include "core/base/alloc.h"
#include "core/cluster/address.h"
#include "provision/removal.h"

static bool is_interface(const struct item *port)
{
	static const char prefix[] = "network:";

	return strncmp(json_get_str(port->json, "device_owner", ""), prefix, sizeof(prefix) - 1) == 0;
}

static bool is_interface_port(const struct removal *r UNUSED, const struct item *it)
{
	return is_interface(it);
}

static bool is_other_port(const struct removal *r UNUSED, const struct item *it)
{
	return !is_interface(it);
}

int remove_floating_ips(void *context, struct error **err)
{
	return removal_each(context, KIND_FLOATING_IP, NULL, REMOVAL_WIDTH, removal_delete, err);
}

/* The port goes with the interface. */
static int remove_interface_once(struct removal *r, const struct item *port, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/routers/%s/remove_router_interface", json_get_str(port->json, "device_id", ""));
	CLEANUP_FREE char *what = xasprintf("remove interface \"%s\" of the router", port->name);
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct cloud_call call = {.service = CLOUD_NETWORK,
				  .method = "PUT",
				  .path = path,
				  .body = body,
				  .retry = RETRY_B,
				  .what = what,
				  .not_found_ok = true};

	json_add_str(body, "port_id", port->id);
	return cloud_call(r->cloud, &call, &answer, NULL, NULL, err) < 0 ? -1 : removal_gone(r, port, err);
}

static bool subnet_has(const struct item *subnet, const char *address)
{
	struct cidr cidr = {0};
	uint32_t n = 0;

	return cidr_parse(json_get_str(subnet->json, "cidr", ""), &cidr, NULL) == 0 && address_parse(address, &n, NULL) == 0 &&
	       cidr_has(cidr, n);
}

/* Routes of the router whose next hop is in one of our subnets hold its interface there; the others may be somebody's. */
static struct json_object *routes_that_stay(struct removal *r, struct json_object *router)
{
	struct json_object *routes = json_at(router, "routes"), *stay = json_object_new_array();
	size_t n = 0;
	CLEANUP_FREE const struct item **subnets = view_all(r->view, KIND_SUBNET, &n);

	for (size_t i = 0; i < json_len(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes, i), *copy = NULL;
		bool ours = false;

		for (size_t k = 0; k < n; k++)
			ours = ours || subnet_has(subnets[k], json_get_str(route, "nexthop", ""));
		if (ours)
			continue;
		if (json_object_deep_copy(route, &copy, NULL) < 0)
			abort();
		json_object_array_add(stay, copy);
	}
	return stay;
}

static int clear_routes(struct removal *r, const char *router_id, struct error **err)
{
	CLEANUP_JSON struct json_object *router = NULL, *body = json_object_new_object(), *answer = NULL;
	CLEANUP_FREE char *path = xasprintf("/routers/%s", router_id);
	struct json_object *fields = json_object_new_object(), *stay;
	struct cloud_call call = {.service = CLOUD_NETWORK,
				  .method = "PUT",
				  .path = path,
				  .body = body,
				  .retry = RETRY_A,
				  .what = "take the routes into the cluster's network out of the router",
				  .not_found_ok = true};

	json_add(body, "router", fields);
	if (kind_get(r->cloud, KIND_ROUTER, router_id, &router, err) < 0)
		return -1;
	if (json_len(json_at(router, "routes")) == 0)
		return 0;
	stay = routes_that_stay(r, router);
	json_add(fields, "routes", stay);
	if (json_len(stay) == json_len(json_at(router, "routes")))
		return 0;
	return cloud_call(r->cloud, &call, &answer, NULL, NULL, err);
}

/* A floating IP that was just deleted may still count for a moment; routes of our own router are in the way until they go. */
static int remove_interface_why(struct removal *r, const struct item *port, struct error **err)
{
	const char *router = json_get_str(port->json, "device_id", "");
	size_t n = 0;
	CLEANUP_FREE const struct item **routers = view_all(r->view, KIND_ROUTER, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(routers[i]->id, router) == 0)
			return clear_routes(r, router, err);
	return 0;
}

static int remove_interface(struct removal *r, const struct item *port, struct error **err)
{
	return removal_settle(r, port, remove_interface_once, remove_interface_why, err);
}

/* One at a time: neutron does not like two changes of a router's interfaces at once. */
int remove_interfaces(void *context, struct error **err)
{
	return removal_each(context, KIND_PORT, is_interface_port, 1, remove_interface, err);
}

/* The ports that the query finds, "port ID of OWNER DEVICE" each, less those that go by themselves or are the router's own. */
static int list_ports(struct removal *r, const char *query, const char *key, const char *value, struct strv *ret,
		      struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/ports?%s=%s", query, value);
	CLEANUP_JSON struct json_object *list = NULL;

	if (cloud_list(r->cloud, CLOUD_NETWORK, path, "ports", NULL, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *values = json_at(o, key);
		const char *owner = json_get_str(o, "device_owner", "");
		bool found = strcmp(json_get_str(o, key, ""), value) == 0;

		for (size_t k = 0; k < json_len(values); k++)
			found = found || strcmp(json_object_get_string(json_object_array_get_idx(values, k)), value) == 0;
		if (found && strncmp(owner, "network:dhcp", 12) != 0 && strcmp(owner, "network:router_gateway") != 0)
			strv_addf(ret, "port %s of %s %s", json_get_str(o, "id", ""), *owner != '\0' ? owner : "nothing",
				  json_get_str(o, "device_id", ""));
	}
	return 0;
}

/* What still holds it: an error that names it, where it is not a passing thing. */
static int find_users(struct removal *r, const struct item *it, const char *query, const char *key, struct error **err)
{
	CLEANUP_STRV struct strv users = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	if (list_ports(r, query, key, it->id, &users, err) < 0)
		return -1;
	all = strv_join(&users, ", ");
	return users.n == 0 ? 0
			    : error_set(err, ERROR_CONFLICT, "delete %s \"%s\": still in use by %s", kind_info(it->kind)->name,
					it->name, all);
}

static int router_users(struct removal *r, const struct item *it, struct error **err)
{
	return find_users(r, it, "device_id", "device_id", err);
}

static int network_users(struct removal *r, const struct item *it, struct error **err)
{
	return find_users(r, it, "network_id", "network_id", err);
}

static int group_users(struct removal *r, const struct item *it, struct error **err)
{
	return find_users(r, it, "security_groups", "security_groups", err);
}

static int delete_router(struct removal *r, const struct item *it, struct error **err)
{
	return removal_settle(r, it, removal_delete, router_users, err);
}

/* Ports that were just deleted may still count for a moment. */
static int delete_network(struct removal *r, const struct item *it, struct error **err)
{
	return removal_settle(r, it, removal_delete, network_users, err);
}

static int delete_group(struct removal *r, const struct item *it, struct error **err)
{
	return removal_settle(r, it, removal_delete, group_users, err);
}

int remove_routers(void *context, struct error **err)
{
	return removal_each(context, KIND_ROUTER, NULL, REMOVAL_WIDTH, delete_router, err);
}

int remove_ports(void *context, struct error **err)
{
	return removal_each(context, KIND_PORT, is_other_port, REMOVAL_WIDTH, removal_delete, err);
}

static bool has_foreign_network(const struct removal *r, const struct item *subnet)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **networks = view_all(r->view, KIND_NETWORK, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(networks[i]->id, json_get_str(subnet->json, "network_id", "")) == 0)
			return false;
	return true;
}

int remove_networks(void *context, struct error **err)
{
	if (removal_each(context, KIND_SUBNET, has_foreign_network, REMOVAL_WIDTH, removal_delete, err) < 0 ||
	    removal_each(context, KIND_NETWORK, NULL, REMOVAL_WIDTH, delete_network, err) < 0)
		return -1;
	return removal_each(context, KIND_SUBNET, has_foreign_network, 1, removal_gone, err); /* ours went with their networks */
}

int remove_groups(void *context, struct error **err)
{
	return removal_each(context, KIND_GROUP, NULL, REMOVAL_WIDTH, delete_group, err);
}
