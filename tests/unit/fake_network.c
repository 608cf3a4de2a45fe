#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"
#include <time.h>

/* What each kind gets beyond the body it was made of, and what it refuses. */
/* Neutron chooses a subnet where the body names none. */
static void choose_subnet(struct json_object *o)
{
	struct json_object *list, *ip;

	if (json_len(json_at(o, "fixed_ips")) > 0)
		return;
	list = json_object_new_array();
	ip = json_object_new_object();
	json_add_str(ip, "subnet_id", str(fake_by(KIND_SUBNET, "network_id", str(o, "network_id"), NULL), "id"));
	json_object_array_add(list, ip);
	json_add(o, "fixed_ips", list);
}

int fake_settle_port(struct json_object *o, int *s, struct error **err)
{
	CLEANUP_FREE char *chosen = xasprintf("192.168.5.%u", fake.ids % 250 + 2);
	const char *address;

	choose_subnet(o);
	address = str(o, "fixed_ips[0].ip_address");
	if (*address == '\0') {
		json_add_str(json_at(o, "fixed_ips[0]"), "ip_address", chosen);
		address = str(o, "fixed_ips[0].ip_address");
	}
	if (fake_by(KIND_PORT, "fixed_ips[0].ip_address", address, NULL) != NULL)
		return fake_refuse(409, ERROR_CONFLICT, "IpAddressInUse", s, err);
	if (fake_by(KIND_SUBNET, "id", str(o, "fixed_ips[0].subnet_id"), NULL) == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "SubnetNotFound", s, err);
	json_add_str(o, "device_id", "");
	json_add_str(o, "device_owner", "");
	return 0;
}

int fake_settle_floating_ip(struct json_object *o, int *s, struct error **err)
{
	CLEANUP_FREE char *address = xasprintf("172.24.4.%u", fake.ids);

	if (!is(o, "port_id", "") && fake_by(KIND_PORT, "device_owner", "network:router_interface", NULL) == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "ExternalGatewayForFloatingIPNotFound", s, err);
	if (!is(o, "port_id", "") && fake_by(KIND_FLOATING_IP, "port_id", str(o, "port_id"), NULL) != NULL)
		return fake_refuse(409, ERROR_CONFLICT, "FloatingIPPortAlreadyAssociated", s, err);
	json_add_str(o, "floating_ip_address", address);
	return 0;
}

static int add_rule(struct json_object *rule, int *s, struct error **err)
{
	struct json_object *group = fake_by(KIND_GROUP, "id", str(rule, "security_group_id"), NULL),
			   *rules = json_at(group, "security_group_rules"), *made = fake_copy(rule);
	CLEANUP_FREE char *id = xasprintf("rule-%u", ++fake.ids);

	for (size_t i = 0; i < json_len(rules); i++) {
		CLEANUP_JSON struct json_object *had = fake_copy(json_object_array_get_idx(rules, i));

		json_object_object_del(had, "id");
		if (json_object_equal(had, made)) {
			json_object_put(made);
			return fake_refuse(409, ERROR_CONFLICT, "SecurityGroupRuleExists", s, err);
		}
	}
	json_add_str(made, "id", id);
	json_object_array_add(rules, made);
	return 0;
}

void fake_delete_rule(const char *id)
{
	for (size_t g = 0; g < json_len(fake.kinds[KIND_GROUP]); g++) {
		struct json_object *rules = json_at(json_object_array_get_idx(fake.kinds[KIND_GROUP], g), "security_group_rules");

		for (size_t i = json_len(rules); i-- > 0;)
			if (is(json_object_array_get_idx(rules, i), "id", id))
				json_object_array_del_idx(rules, i, 1);
	}
}

int fake_post_rules(struct json_object *body, int *s, struct error **err)
{
	struct json_object *many = json_at(body, "security_group_rules");

	if (many == NULL)
		return add_rule(json_at(body, "security_group_rule"), s, err);
	if (fake.no_bulk)
		return fake_refuse(400, ERROR_REMOTE, "bulk is not supported", s, err);
	for (size_t i = 0; i < json_len(many); i++)
		if (!is(json_object_array_get_idx(many, i), "security_group_id",
			str(json_object_array_get_idx(many, 0), "security_group_id")))
			return fake_refuse(400, ERROR_REMOTE, "SecurityGroupNotSingleGroupRules", s, err);
	for (size_t i = 0; i < json_len(many); i++)
		if (add_rule(json_object_array_get_idx(many, i), s, err) < 0)
			return -1;
	return 0;
}

/* under the lock, which is let go while it waits: 10 s at most */
static bool wait_for_server(void)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 10000 && json_len(fake.kinds[KIND_SERVER]) == 0; i++) {
		pthread_mutex_unlock(&fake.lock);
		nanosleep(&moment, NULL);
		pthread_mutex_lock(&fake.lock);
	}
	return json_len(fake.kinds[KIND_SERVER]) > 0;
}

int fake_put_interface(const char *router, struct json_object *body, bool add, int *s, struct error **err)
{
	struct json_object *port = fake_by(KIND_PORT, "id", str(body, "port_id"), NULL);

	if (port == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "PortNotFound", s, err);
	if (add && fake.interface_after_server && !wait_for_server())
		return fake_refuse(409, ERROR_CONFLICT, "no server was made without an interface", s, err);
	if (add && !is(port, "device_id", "")) /* even where it is this router's, as neutron does */
		return fake_refuse(409, ERROR_CONFLICT, "PortInUse", s, err);
	if (!add && json_len(json_at(fake_by(KIND_ROUTER, "id", router, NULL), "routes")) > 0)
		return fake_refuse(409, ERROR_CONFLICT, "RouterInterfaceInUseByRoute", s, err);
	for (size_t i = 0; !add && i < json_len(fake.kinds[KIND_FLOATING_IP]); i++)
		if (!is(json_object_array_get_idx(fake.kinds[KIND_FLOATING_IP], i), "port_id", ""))
			return fake_refuse(409, ERROR_CONFLICT, "RouterInterfaceInUseByFloatingIP", s, err);
	if (!add) {
		fake_erase(KIND_PORT, "id", str(body, "port_id"));
		return 0;
	}
	json_add_str(port, "device_id", router);
	json_add_str(port, "device_owner", "network:router_interface");
	return 0;
}

/* "A&network_id=B": whether value is one of them */
static bool is_asked(const char *values, const char *key, const char *value)
{
	CLEANUP_FREE char *again = xasprintf("&%s=", key);

	for (const char *at = values; at != NULL; at = strstr(at, again)) {
		size_t n;

		at += at == values ? 0 : strlen(again);
		n = strcspn(at, "&");
		if (n == strlen(value) && strncmp(at, value, n) == 0)
			return true;
	}
	return false;
}

/* neutron's filters that tests depend on; others are done by who asks, too */
struct json_object *fake_filter(const char *path, struct json_object *all)
{
	static const char *const keys[] = {"device_id", "network_id"};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		CLEANUP_FREE char *query = xasprintf("?%s=", keys[k]);
		const char *at = strstr(path, query);

		for (size_t i = json_len(all); at != NULL && i-- > 0;)
			if (!is_asked(at + strlen(query), keys[k], str(json_object_array_get_idx(all, i), keys[k])))
				json_object_array_del_idx(all, i, 1);
	}
	return all;
}
