#include "provision/drift.h"
#include "core/base/alloc.h"
#include "provision/body.h"
#include "provision/existing.h"
#include "provision/nics.h"

static void list_strings(struct json_object *list, const char *key, struct strv *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		strv_add(ret, key != NULL ? json_get_str(o, key, "") : json_object_get_string(o));
	}
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

static struct json_object *array(const struct strv *l)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	return a;
}

struct json_object *drift_subnet(const struct plan *plan, struct json_object *subnet, char **ret_reason)
{
	CLEANUP_STRV struct strv had = STRV_INIT, wanted = STRV_INIT;
	CLEANUP_FREE char *old = NULL, *new = NULL;
	struct json_object *fields;

	list_strings(json_at(subnet, "dns_nameservers"), NULL, &had);
	strv_copy(&wanted, &plan->spec->network.dns);
	strv_sort(&had); /* some clouds give them back in another order */
	strv_sort(&wanted);
	if (same_list(&had, &wanted))
		return NULL;
	fields = json_object_new_object();
	json_add(fields, "dns_nameservers", array(&plan->spec->network.dns));
	old = strv_join(&had, ", ");
	new = strv_join(&wanted, ", ");
	*ret_reason = xasprintf("name servers are [%s], the file wants [%s]", old, new);
	return fields;
}

struct json_object *drift_router(struct json_object *router, const char *external_id, char **ret_reason)
{
	const char *had = json_get_str(router, "external_gateway_info.network_id", NULL);
	struct json_object *fields, *gateway;

	if (external_id == NULL || (had != NULL && strcmp(had, external_id) == 0))
		return NULL;
	fields = json_object_new_object();
	gateway = json_object_new_object();
	json_add_str(gateway, "network_id", external_id);
	json_add(fields, "external_gateway_info", gateway);
	*ret_reason = xstrdup(had == NULL ? "has no external gateway" : "its external gateway is in another network");
	return fields;
}

static void group_ids(const struct plan *plan, struct view *view, const struct plan_node *node, struct strv *ret)
{
	for (size_t i = 0; i < node->groups.n; i++) {
		CLEANUP_FREE char *name = name_group(plan, node->groups.v[i]);
		const char *id = view_id(view, KIND_GROUP, name);

		strv_add(ret, id != NULL ? id : "");
	}
	existing_group_ids(view, node, ret);
	strv_sort(ret);
}

/* What the API's own port has, where the file wants none: nobody may have that address any more. */
static const char *old_api_address(const struct plan *plan, struct view *view)
{
	CLEANUP_FREE char *name = name_api(plan);
	const struct item *it = plan->spec->api.endpoint != API_VIP ? view_find(view, KIND_PORT, name) : NULL;

	return it != NULL ? json_get_str(it->json, "fixed_ips[0].ip_address", NULL) : NULL;
}

/* The pairs that there are, with those that are missing and without the one that is old; what others have added stays. */
static void compare_pairs(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			  struct json_object *fields, struct strv *reasons)
{
	struct json_object *list = json_at(port, "allowed_address_pairs"), *kept = json_object_new_array(), *missing_list;
	CLEANUP_STRV struct strv had = STRV_INIT, wanted = STRV_INIT, missing = STRV_INIT;
	CLEANUP_FREE char *text = NULL;
	const char *old = old_api_address(plan, view);

	list_strings(list, "ip_address", &had);
	body_pairs(plan, node, &wanted);
	for (size_t i = 0; i < wanted.n; i++)
		if (!strv_has(&had, wanted.v[i]))
			strv_add(&missing, wanted.v[i]);
	for (size_t i = 0; i < json_len(list); i++)
		if (old == NULL || strcmp(had.v[i], old) != 0)
			json_object_array_add(kept, json_object_get(json_object_array_get_idx(list, i)));
	if (missing.n == 0 && json_len(kept) == had.n) {
		json_object_put(kept);
		return;
	}
	missing_list = body_pair_list(&missing);
	for (size_t i = 0; i < missing.n; i++)
		json_object_array_add(kept, json_object_get(json_object_array_get_idx(missing_list, i)));
	json_object_put(missing_list);
	json_add(fields, "allowed_address_pairs", kept);
	text = strv_join(&missing, ", ");
	if (missing.n > 0)
		strv_addf(reasons, "does not let packets from %s through", text);
	else
		strv_addf(reasons, "lets packets from %s through, which no node has any more", old);
}

/* Another address than the plan's: somebody moved it, or made it by hand.  Where the cloud chooses, the port's is the right one. */
static const char *other_address(const struct plan *plan, const struct plan_node *node, struct json_object *port)
{
	const char *had = json_get_str(port, "fixed_ips[0].ip_address", NULL);

	return plan->own_network && had != NULL && strcmp(had, node->node.address) != 0 ? had : NULL;
}

static void add_address(const char *subnet_id, const char *address, struct json_object *fields)
{
	struct json_object *list = json_object_new_array(), *ip = json_object_new_object();

	json_add_str(ip, "subnet_id", subnet_id);
	json_add_str(ip, "ip_address", address);
	json_object_array_add(list, ip);
	json_add(fields, "fixed_ips", list);
}

struct json_object *drift_api_port(const struct plan *plan, struct view *view, struct json_object *port, char **ret_reason)
{
	const char *had = json_get_str(port, "fixed_ips[0].ip_address", NULL);
	struct json_object *fields;

	if (had != NULL && strcmp(had, plan->api_inside) == 0)
		return NULL;
	fields = json_object_new_object();
	add_address(subnet_id_of(plan, view), plan->api_inside, fields);
	*ret_reason = xasprintf("has the address %s, the file wants %s", had != NULL ? had : "none", plan->api_inside);
	return fields;
}

struct json_object *drift_floating_ip(struct json_object *floating_ip, const char *port_id, char **ret_reason)
{
	const char *had = json_get_str(floating_ip, "port_id", NULL);
	struct json_object *fields;

	if (port_id == NULL || (had != NULL && strcmp(had, port_id) == 0))
		return NULL;
	fields = json_object_new_object();
	json_add_str(fields, "port_id", port_id);
	*ret_reason = xasprintf("%s points to %s, and will point to the API", json_get_str(floating_ip, "floating_ip_address", "?"),
				had != NULL ? "another port" : "no port");
	return fields;
}

bool port_is_loose(struct json_object *port)
{
	const char *device = json_get_str(port, "device_id", NULL);

	return device != NULL && *device == '\0';
}

static void compare_groups(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			   struct json_object *fields, struct strv *reasons)
{
	CLEANUP_STRV struct strv had = STRV_INIT, wanted = STRV_INIT;

	list_strings(json_at(port, "security_groups"), NULL, &had);
	strv_sort(&had);
	group_ids(plan, view, node, &wanted);
	if (same_list(&had, &wanted))
		return;
	json_add(fields, "security_groups", array(&wanted));
	strv_add(reasons, "is not in the security groups that it should be in");
}

static void compare_switch(struct json_object *port, struct json_object *fields, struct strv *reasons)
{
	if (json_get_bool(port, "admin_state_up", true))
		return;
	json_add_bool(fields, "admin_state_up", true);
	strv_add(reasons, "is switched off");
}

struct json_object *drift_nic(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			      char **ret_reason)
{
	CLEANUP_STRV struct strv reasons = STRV_INIT;
	CLEANUP_JSON struct json_object *fields = json_object_new_object();

	if (nics_is_guarded(view, json_get_str(port, "network_id", "")))
		compare_groups(plan, view, node, port, fields, &reasons);
	compare_switch(port, fields, &reasons);
	if (reasons.n == 0)
		return NULL;
	*ret_reason = strv_join(&reasons, "; ");
	return steal_ptr(fields);
}

struct json_object *drift_port(const struct plan *plan, struct view *view, const struct plan_node *node, struct json_object *port,
			       char **ret_reason)
{
	CLEANUP_STRV struct strv reasons = STRV_INIT;
	CLEANUP_JSON struct json_object *fields = json_object_new_object();
	const char *moved = other_address(plan, node, port);

	compare_groups(plan, view, node, port, fields, &reasons);
	if (moved != NULL) {
		add_address(view_id(view, KIND_SUBNET, plan->spec->name), node->node.address, fields);
		strv_addf(&reasons, "has the address %s, the plan wants %s", moved, node->node.address);
	}
	compare_switch(port, fields, &reasons);
	compare_pairs(plan, view, node, port, fields, &reasons);
	if (json_object_object_length(fields) == 0)
		return NULL;
	*ret_reason = strv_join(&reasons, "; ");
	return steal_ptr(fields);
}

enum server_verdict server_judge(struct json_object *server, const char **ret_action)
{
	static const struct {
		const char *status, *action;
	} stopped[] = {{"SHUTOFF", "os-start"}, {"PAUSED", "unpause"}, {"SUSPENDED", "resume"}};
	static const char *const moving[] = {"", "BUILD", "REBOOT", "HARD_REBOOT", "REBUILD", "MIGRATING", "RESIZE", "PASSWORD"};
	const char *status = json_get_str(server, "status", ""), *task = json_get_str(server, "OS-EXT-STS:task_state", "");

	if (strcmp(task, "deleting") == 0 || strcmp(task, "soft-deleting") == 0)
		return SERVER_WAIT; /* until it is gone */
	if (strcmp(status, "ACTIVE") == 0)
		return SERVER_FINE;
	for (size_t i = 0; i < ARRAY_SIZE(moving); i++)
		if (strcmp(status, moving[i]) == 0)
			return SERVER_WAIT;
	if (*task != '\0')
		return SERVER_WAIT;
	if (strcmp(status, "ERROR") == 0)
		return json_get_str(server, "OS-SRV-USG:launched_at", NULL) == NULL ? SERVER_REMAKE : SERVER_BROKEN;
	for (size_t i = 0; i < ARRAY_SIZE(stopped); i++)
		if (strcmp(status, stopped[i].status) == 0) {
			if (ret_action != NULL)
				*ret_action = stopped[i].action;
			return SERVER_START;
		}
	return SERVER_BROKEN;
}

char *server_fault(struct json_object *server)
{
	const char *status = json_get_str(server, "status", "unknown"), *message = json_get_str(server, "fault.message", NULL);

	return message != NULL ? xasprintf("%s: %s", status, message) : xstrdup(status);
}

/* "No valid host was found" is all that nova tells of a group whose policy it cannot keep. */
const char *server_advice(const struct plan_node *node, const char *fault)
{
	enum server_group_policy policy = node->pool != NULL ? node->pool->server_group : SERVER_GROUP_NONE;

	if (strstr(fault, "No valid host") == NULL && strcasestr(fault, "affinity") == NULL)
		return "";
	if (policy == SERVER_GROUP_APART)
		return "; serverGroup: anti-affinity wants a host of its own for each server of the pool: make count smaller, or "
		       "write soft-anti-affinity";
	if (policy == SERVER_GROUP_TOGETHER)
		return "; serverGroup: affinity wants one host that has room for all servers of the pool: make count smaller, or "
		       "write soft-affinity";
	return "";
}
