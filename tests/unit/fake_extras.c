#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"

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
	*ret = json_object_new_object();
	json_add(*ret, "loadbalancer", fake_copy(o));
	if (is(o, "provisioning_status", "PENDING_UPDATE")) {
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
