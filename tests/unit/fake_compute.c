#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"

/* The volumes of a server's disks are reserved at once, and attached when it is built. */
static void reserve(const char *volume_id)
{
	struct json_object *volume = fake_by(KIND_VOLUME, "id", volume_id, NULL);

	if (volume != NULL)
		json_add_str(volume, "status", "reserved");
}

void fake_attach(const char *volume_id, struct json_object *server)
{
	struct json_object *volume = fake_by(KIND_VOLUME, "id", volume_id, NULL), *list, *one;

	if (volume == NULL)
		return; /* an image's disk */
	list = json_object_new_array();
	one = json_object_new_object();
	json_add_str(volume, "status", "in-use");
	json_add_str(one, "server_id", str(server, "id"));
	json_object_array_add(list, one);
	json_add(volume, "attachments", list);
}

void fake_plug(const char *port_id, struct json_object *server)
{
	struct json_object *port = fake_by(KIND_PORT, "id", port_id, NULL);

	json_add_str(port, "device_id", str(server, "id"));
	json_add_str(port, "device_owner", "compute:nova");
}

void fake_join_group(const char *group, const char *server)
{
	struct json_object *o = group != NULL ? fake_by(KIND_SERVER_GROUP, "id", group, NULL) : NULL;

	if (o != NULL)
		json_object_array_add(json_at(o, "members"), json_object_new_string(server));
}

static void leave_group(struct json_object *members, const char *server)
{
	for (size_t i = json_len(members); i-- > 0;)
		if (strcmp(json_object_get_string(json_object_array_get_idx(members, i)), server) == 0)
			json_object_array_del_idx(members, i, 1);
}

void fake_begin(struct json_object *server)
{
	bool broken = fake.broken_times > 0 && is(server, "name", fake.broken);
	struct json_object *disks = json_at(server, "block_device_mapping_v2");

	for (size_t d = 0; d < json_len(disks); d++)
		fake_attach(str(json_object_array_get_idx(disks, d), "uuid"), server);
	fake_plug(str(server, "networks[0].port"), server);
	json_add_str(server, "status", broken ? "ERROR" : "ACTIVE");
	if (!broken) {
		json_add_str(server, "OS-SRV-USG:launched_at", "2026");
		return;
	}
	json_add(server, "fault", json_tokener_parse("{\"message\":\"No valid host was found\"}"));
	fake.broken_times--;
}

void fake_release(const char *server)
{
	struct json_object *port, *volume;

	while ((port = fake_by(KIND_PORT, "device_id", server, NULL)) != NULL)
		json_add_str(port, "device_id", "");
	while ((volume = fake_by(KIND_VOLUME, "attachments[0].server_id", server, NULL)) != NULL) {
		json_add_str(volume, "status", "available");
		json_object_object_del(volume, "attachments");
	}
	for (size_t i = 0; i < json_len(fake.kinds[KIND_SERVER_GROUP]); i++)
		leave_group(json_at(json_object_array_get_idx(fake.kinds[KIND_SERVER_GROUP], i), "members"), server);
}

int fake_settle_server(struct json_object *o, int *s, struct error **err)
{
	struct json_object *ports = json_at(o, "networks"), *disks = json_at(o, "block_device_mapping_v2");

	for (size_t i = 0; i < json_len(ports); i++) {
		struct json_object *port = fake_by(KIND_PORT, "id", str(json_object_array_get_idx(ports, i), "port"), NULL);

		if (port == NULL || !is(port, "device_id", ""))
			return fake_refuse(409, ERROR_CONFLICT, "PortInUse", s, err);
	}
	for (size_t i = 0; i < json_len(disks); i++) {
		struct json_object *disk = json_object_array_get_idx(disks, i);

		if (is(disk, "source_type", "volume") &&
		    !is(fake_by(KIND_VOLUME, "id", str(disk, "uuid"), NULL), "status", "available"))
			return fake_refuse(400, ERROR_REMOTE, "volume is not available", s, err);
	}
	for (size_t i = 0; i < json_len(disks); i++)
		reserve(str(json_object_array_get_idx(disks, i), "uuid"));
	for (size_t i = 0; i < json_len(ports); i++)
		fake_plug(str(json_object_array_get_idx(ports, i), "port"), o);
	json_add_str(o, "status", "BUILD");
	return 0;
}

static int read_console(struct json_object **ret, int *s, struct error **err)
{
	const struct fake_console *answer = fake.consoles;

	if (fake.n_consoles > 1) {
		fake.consoles++;
		fake.n_consoles--;
	}
	if (answer->status != 200)
		return fake_refuse(answer->status, answer->status == 404 ? ERROR_NOT_FOUND : answer->status == 409 ? ERROR_CONFLICT : ERROR_REMOTE,
			      answer->text, s, err);
	*ret = json_object_new_object();
	json_add_str(*ret, "output", answer->text);
	return 0;
}

int fake_act(const char *server, const char *verb, struct json_object *body, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(KIND_SERVER, "id", server, NULL);

	if (json_at(body, "os-getConsoleOutput") != NULL)
		return read_console(ret, s, err);
	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(verb, "action") == 0)
		json_add_str(o, "status", "ACTIVE");
	else if (strcmp(verb, "os-interface") == 0 &&
		 !is(fake_by(KIND_PORT, "id", str(body, "interfaceAttachment.port_id"), NULL), "device_id", ""))
		return fake_refuse(409, ERROR_CONFLICT, "Port is still in use", s, err);
	else if (strcmp(verb, "os-interface") == 0)
		fake_plug(str(body, "interfaceAttachment.port_id"), o);
	else
		fake_attach(str(body, "volumeAttachment.volumeId"), o);
	return 0;
}
