#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"

/* Its address is a port of neutron's, which is Octavia's. */
void fake_settle_balancer(struct json_object *o)
{
	struct json_object *port = json_object_new_object();
	CLEANUP_FREE char *id = xasprintf("vip-%s", str(o, "id"));

	json_add_str(port, "id", id);
	json_add_str(port, "name", "octavia-lb");
	json_add_str(port, "network_id", str(fake_by(KIND_SUBNET, "id", str(o, "vip_subnet_id"), NULL), "network_id"));
	json_add_str(port, "device_owner", "Octavia");
	json_add_str(port, "device_id", "lb");
	json_object_array_add(fake.kinds[KIND_PORT], port);
	json_add_str(o, "vip_port_id", id);
	json_add_str(o, "provisioning_status", "PENDING_CREATE");
}

/* Of GET /loadbalancers/ID/status; listener and pool have the load balancer's id. */
static struct json_object *balancer_tree(struct json_object *o)
{
	struct json_object *tree = json_tokener_parse("{\"statuses\":{\"loadbalancer\":{\"listeners\":[]}}}"), *pool = json_at(o, "listeners[0].default_pool");
	struct json_object *balancer = json_at(tree, "statuses.loadbalancer"), *part;

	json_add_str(balancer, "provisioning_status", str(o, "provisioning_status"));
	if (json_at(o, "listeners[0]") == NULL)
		return tree;
	part = json_tokener_parse(pool != NULL ? "{\"pools\":[{}]}" : "{}");
	json_add_str(part, "id", str(o, "id"));
	json_object_array_add(json_at(balancer, "listeners"), part);
	if (pool == NULL)
		return tree;
	part = json_at(part, "pools[0]");
	json_add_str(part, "id", str(o, "id"));
	if (json_at(pool, "members") != NULL)
		json_add(part, "members", fake_copy(json_at(pool, "members")));
	if (json_at(pool, "healthmonitor") != NULL)
		json_add(part, "health_monitor", json_tokener_parse("{\"id\":\"m\"}"));
	return tree;
}

/* POST of /listeners, /pools, /healthmonitors: each names what it is a part of, and there may be one. */
int fake_post_balancer_part(const struct cloud_call *c, int *s, struct error **err)
{
	struct json_object *listener = json_at(c->body, "listener"), *pool = json_at(c->body, "pool"), *monitor = json_at(c->body, "healthmonitor");
	const char *id = listener != NULL ? str(listener, "loadbalancer_id") : pool != NULL ? str(pool, "listener_id") : str(monitor, "pool_id");
	struct json_object *o = fake_by(FAKE_BALANCER, "id", id, NULL), *had = json_at(o, "listeners[0]"), *list;

	if (o == NULL || (listener == NULL && had == NULL))
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (!is(o, "provisioning_status", "ACTIVE") || (listener != NULL && had != NULL) || (pool != NULL && json_at(had, "default_pool") != NULL) ||
	    (monitor != NULL && json_at(had, "default_pool.healthmonitor") != NULL))
		return fake_refuse(409, ERROR_CONFLICT, "immutable, or there is one", s, err);
	json_add_str(o, "provisioning_status", "PENDING_UPDATE");
	if (listener != NULL) {
		list = json_object_new_array();
		json_object_array_add(list, fake_copy(listener));
		json_add(o, "listeners", list);
	} else if (pool != NULL) {
		json_add(had, "default_pool", fake_copy(pool));
	} else {
		json_add(json_at(had, "default_pool"), "healthmonitor", fake_copy(monitor));
	}
	return 0;
}

/* GET and PUT of /listeners/ID, PUT of /pools/ID/members. */
int fake_call_balancer_part(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(FAKE_BALANCER, "id", id, NULL), *listener = json_at(o, "listeners[0]"), *fields;

	if (listener == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(c->method, "PUT") == 0 && !is(o, "provisioning_status", "ACTIVE"))
		return fake_refuse(409, ERROR_CONFLICT, "Load Balancer is immutable", s, err);
	if (strcmp(c->method, "PUT") == 0) {
		json_add_str(o, "provisioning_status", "PENDING_UPDATE");
		fields = json_at(c->body, "listener");
		if (fields == NULL) {
			json_add(json_at(listener, "default_pool"), "members", fake_copy(json_at(c->body, "members")));
		} else {
			json_object_object_foreach(fields, key, value) json_add(listener, key, fake_copy(value));
		}
	}
	*ret = json_object_new_object();
	json_add(*ret, "listener", fake_copy(listener));
	json_add_str(json_at(*ret, "listener"), "id", id);
	return 0;
}

/* Octavia: PENDING_ refuses changes and ends by itself; a deletion is one of its children too, and takes a while. */
int fake_call_balancer(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(FAKE_BALANCER, "id", id, NULL);

	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		if (strncmp(str(o, "provisioning_status"), "PENDING_", 8) == 0)
			return fake_refuse(409, ERROR_CONFLICT, "Load Balancer is immutable", s, err);
		if (strstr(c->path, "?cascade=true") == NULL)
			return fake_refuse(400, ERROR_REMOTE, "it has listeners", s, err);
		json_add_str(o, "provisioning_status", "PENDING_DELETE");
		return 0;
	}
	if (strstr(c->path, "/status") != NULL) {
		*ret = balancer_tree(o);
		return 0;
	}
	*ret = json_object_new_object();
	json_add(*ret, "loadbalancer", fake_copy(o));
	if (is(o, "provisioning_status", "PENDING_UPDATE") || is(o, "provisioning_status", "PENDING_CREATE")) {
		json_add_str(o, "provisioning_status", "ACTIVE");
	} else if (is(o, "provisioning_status", "PENDING_DELETE")) {
		struct json_object *ip = fake_by(KIND_FLOATING_IP, "port_id", str(o, "vip_port_id"), NULL);

		if (ip != NULL)
			json_add_str(ip, "port_id", ""); /* neutron's go back to pointing nowhere */
		fake_erase(KIND_PORT, "id", str(o, "vip_port_id"));
		fake_erase(FAKE_BALANCER, "id", id);
	}
	return 0;
}

int fake_call_snapshot(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(FAKE_SNAPSHOT, "id", id, NULL);

	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		fake_erase(FAKE_SNAPSHOT, "id", id);
		return 0;
	}
	*ret = json_object_new_object();
	json_add(*ret, "snapshot", fake_copy(o));
	return 0;
}

int fake_call_credential(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *wanted = json_at(c->body, "application_credential"), *answer = NULL;
	CLEANUP_FREE char *made = NULL;

	if (strcmp(c->method, "GET") == 0) {
		if (fake_lacks(c->path))
			return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
		*ret = json_object_new_object();
		json_add(*ret, "application_credentials", fake_copy(fake.kinds[FAKE_CREDENTIAL]));
		return 0;
	}
	if (fake.login != NULL)
		return fake_refuse(403, ERROR_AUTH, "using method 'application_credential' is not allowed", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		fake_erase(FAKE_CREDENTIAL, "id", id);
		return 0;
	}
	if (fake_by(FAKE_CREDENTIAL, "name", str(wanted, "name"), NULL) != NULL)
		return fake_refuse(409, ERROR_CONFLICT, "Duplicate entry found with name", s, err);
	made = xasprintf("cred-%u", ++fake.ids);
	answer = fake_copy(wanted);
	json_add_str(answer, "id", made);
	json_object_array_add(fake.kinds[FAKE_CREDENTIAL], fake_copy(answer));
	json_add_str(answer, "secret", "s3cr3t");
	*ret = json_object_new_object();
	json_add(*ret, "application_credential", answer);
	return 0;
}
