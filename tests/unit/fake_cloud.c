#include "tests/unit/fake_cloud.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

static struct {
	pthread_mutex_t lock;
	struct json_object *kinds[FAKE_KINDS];
	unsigned calls, fault_at, ids, broken_times;
	enum fake_fault fault;
	char broken[64];
	const char *login; /* id of an application credential, or NULL */
	bool no_bulk, interface_after_server;
	const struct fake_console *consoles;
	size_t n_consoles;
	struct {
		const char *path, *text;
	} answers[16];
	size_t n_answers;
	const char *without[4];
	size_t n_without;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* core/base/cancel.h, in no time */
void cancel_init(void)
{
}

void cancel_signals(void)
{
}

void cancel_now(void)
{
}

void cancel_reset(void)
{
}

bool cancel_requested(void)
{
	return false;
}

int cancel_fd(void)
{
	return -1;
}

int cancel_check(struct error **err UNUSED)
{
	return 0;
}

int cancel_poll(int fd, short events, int64_t deadline UNUSED, struct error **err UNUSED)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 1);
}

int cancel_sleep(int64_t ms UNUSED, struct error **err UNUSED)
{
	return 0;
}

struct cloud *fake_cloud(void)
{
	return (struct cloud *)&fake;
}

void fake_reset(void)
{
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		json_object_put(fake.kinds[i]);
		fake.kinds[i] = json_object_new_array();
	}
	fake.calls = fake.fault_at = fake.ids = fake.broken_times = 0;
	fake.login = NULL;
	fake.no_bulk = fake.interface_after_server = false;
	fake.n_answers = fake.n_without = 0;
}

void fake_fail(unsigned n, enum fake_fault fault)
{
	fake.fault_at = fake.calls + n;
	fake.fault = fault;
}

unsigned fake_calls(void)
{
	return fake.calls;
}

void fake_break_server(const char *name, unsigned times)
{
	snprintf(fake.broken, sizeof(fake.broken), "%s", name);
	fake.broken_times = times;
}

void fake_log_in_by_credential(const char *id)
{
	fake.login = id;
}

void fake_without_bulk(void)
{
	fake.no_bulk = true;
}

void fake_without(const char *path)
{
	if (path != NULL)
		fake.without[fake.n_without++] = path;
	else
		fake.n_without = 0;
}

static bool lacks(const char *path)
{
	for (size_t i = 0; i < fake.n_without; i++)
		if (strlen(fake.without[i]) == strcspn(path, "?") && strncmp(path, fake.without[i], strcspn(path, "?")) == 0)
			return true;
	return false;
}

void fake_console(const struct fake_console *answers, size_t n)
{
	fake.consoles = answers;
	fake.n_consoles = n;
}

void fake_answer(const char *path, const char *text)
{
	fake.answers[fake.n_answers].path = path;
	fake.answers[fake.n_answers++].text = text;
}

/* What fake_answer() set; false where it set nothing for this call. */
static bool answered(const struct cloud_call *c, struct json_object **ret, int *ret_status)
{
	for (size_t i = 0; i < fake.n_answers; i++) {
		if (strcmp(c->method, "GET") != 0 || strcmp(c->path, fake.answers[i].path) != 0)
			continue;
		*ret_status = fake.answers[i].text != NULL ? 200 : 403;
		*ret = fake.answers[i].text != NULL ? json_tokener_parse(fake.answers[i].text) : NULL;
		return true;
	}
	return false;
}

void fake_interface_after_server(void)
{
	fake.interface_after_server = true;
}

size_t fake_count(int kind)
{
	return json_len(fake.kinds[kind]);
}

struct json_object *fake_nth(int kind, size_t i)
{
	return json_object_array_get_idx(fake.kinds[kind], i);
}

static const char *str(struct json_object *o, const char *key)
{
	return json_get_str(o, key, "");
}

static bool is(struct json_object *o, const char *key, const char *value)
{
	return strcmp(str(o, key), value) == 0;
}

static struct json_object *by(int kind, const char *key, const char *value, size_t *ret_index)
{
	for (size_t i = 0; i < json_len(fake.kinds[kind]); i++) {
		struct json_object *o = json_object_array_get_idx(fake.kinds[kind], i);

		if (!is(o, key, value))
			continue;
		if (ret_index != NULL)
			*ret_index = i;
		return o;
	}
	return NULL;
}

struct json_object *fake_find(int kind, const char *name)
{
	return by(kind, kind == KIND_FLOATING_IP ? "floating_ip_address" : "name", name, NULL);
}

static void erase(int kind, const char *key, const char *value)
{
	size_t i = 0;

	while (by(kind, key, value, &i) != NULL)
		json_object_array_del_idx(fake.kinds[kind], i, 1);
}

void fake_put(int kind, const char *text)
{
	json_object_array_add(fake.kinds[kind], json_tokener_parse(text));
}

void fake_drop(int kind, const char *name)
{
	erase(kind, "name", name);
}

static int refuse(int status, enum error_kind kind, const char *text, int *ret_status, struct error **err)
{
	*ret_status = status;
	return error_set(err, kind, "%s (HTTP %d)", text, status);
}

/* What each kind gets beyond the body it was made of, and what it refuses. */
static int settle_port(struct json_object *o, int *s, struct error **err)
{
	CLEANUP_FREE char *chosen = xasprintf("192.168.5.%u", fake.ids % 250 + 2);
	const char *address = str(o, "fixed_ips[0].ip_address");

	if (*address == '\0') {
		json_add_str(json_at(o, "fixed_ips[0]"), "ip_address", chosen);
		address = str(o, "fixed_ips[0].ip_address");
	}
	if (by(KIND_PORT, "fixed_ips[0].ip_address", address, NULL) != NULL)
		return refuse(409, ERROR_CONFLICT, "IpAddressInUse", s, err);
	if (by(KIND_SUBNET, "id", str(o, "fixed_ips[0].subnet_id"), NULL) == NULL)
		return refuse(404, ERROR_NOT_FOUND, "SubnetNotFound", s, err);
	json_add_str(o, "device_id", "");
	json_add_str(o, "device_owner", "");
	return 0;
}

static int settle_floating_ip(struct json_object *o, int *s, struct error **err)
{
	CLEANUP_FREE char *address = xasprintf("172.24.4.%u", fake.ids);

	if (by(KIND_PORT, "device_owner", "network:router_interface", NULL) == NULL)
		return refuse(404, ERROR_NOT_FOUND, "ExternalGatewayForFloatingIPNotFound", s, err);
	if (by(KIND_FLOATING_IP, "port_id", str(o, "port_id"), NULL) != NULL)
		return refuse(409, ERROR_CONFLICT, "FloatingIPPortAlreadyAssociated", s, err);
	json_add_str(o, "floating_ip_address", address);
	return 0;
}

/* The volumes of a server's disks are reserved at once, and attached when it is built. */
static void reserve(const char *volume_id)
{
	struct json_object *volume = by(KIND_VOLUME, "id", volume_id, NULL);

	if (volume != NULL)
		json_add_str(volume, "status", "reserved");
}

static void attach(const char *volume_id, struct json_object *server)
{
	struct json_object *volume = by(KIND_VOLUME, "id", volume_id, NULL), *list, *one;

	if (volume == NULL)
		return; /* an image's disk */
	list = json_object_new_array();
	one = json_object_new_object();
	json_add_str(volume, "status", "in-use");
	json_add_str(one, "server_id", str(server, "id"));
	json_object_array_add(list, one);
	json_add(volume, "attachments", list);
}

static void plug(const char *port_id, struct json_object *server)
{
	struct json_object *port = by(KIND_PORT, "id", port_id, NULL);

	json_add_str(port, "device_id", str(server, "id"));
	json_add_str(port, "device_owner", "compute:nova");
}

static int settle_server(struct json_object *o, int *s, struct error **err)
{
	struct json_object *port = by(KIND_PORT, "id", str(o, "networks[0].port"), NULL),
			   *disks = json_at(o, "block_device_mapping_v2");

	if (port == NULL || !is(port, "device_id", ""))
		return refuse(409, ERROR_CONFLICT, "PortInUse", s, err);
	for (size_t i = 0; i < json_len(disks); i++) {
		struct json_object *disk = json_object_array_get_idx(disks, i);

		if (is(disk, "source_type", "volume") &&
		    !is(by(KIND_VOLUME, "id", str(disk, "uuid"), NULL), "status", "available"))
			return refuse(400, ERROR_REMOTE, "volume is not available", s, err);
	}
	for (size_t i = 0; i < json_len(disks); i++)
		reserve(str(json_object_array_get_idx(disks, i), "uuid"));
	json_add_str(port, "device_id", str(o, "id"));
	json_add_str(port, "device_owner", "compute:nova");
	json_add_str(o, "status", "BUILD");
	return 0;
}

static int settle(enum kind kind, struct json_object *o, int *s, struct error **err)
{
	switch (kind) {
	case KIND_KEYPAIR:
		return by(kind, "name", str(o, "name"), NULL) != NULL ? refuse(409, ERROR_CONFLICT, "Key pair exists", s, err)
								      : 0;
	case KIND_GROUP:
		json_add(o, "security_group_rules", json_object_new_array());
		return 0;
	case KIND_PORT:
		return settle_port(o, s, err);
	case KIND_FLOATING_IP:
		return settle_floating_ip(o, s, err);
	case KIND_VOLUME:
		json_add_str(o, "status", "creating");
		return 0;
	case KIND_SERVER:
		return settle_server(o, s, err);
	default:
		return 0;
	}
}

static struct json_object *copy(struct json_object *o)
{
	struct json_object *c = NULL;

	if (json_object_deep_copy(o, &c, NULL) < 0)
		abort();
	return c;
}

static int make(enum kind kind, struct json_object *wanted, struct json_object **ret, int *s, struct error **err)
{
	CLEANUP_JSON struct json_object *o = copy(wanted);
	CLEANUP_FREE char *id = xasprintf("id-%06u", ++fake.ids);

	json_add_str(o, "id", id);
	json_add_str(o, "created_at", id);
	if (settle(kind, o, s, err) < 0)
		return -1;
	json_object_array_add(fake.kinds[kind], json_object_get(o));
	*ret = copy(o);
	return 0;
}

/* All or nothing. */
static int make_many(enum kind kind, struct json_object *wanted, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *list = json_object_new_array();
	size_t before = json_len(fake.kinds[kind]);

	*ret = list;
	if (fake.no_bulk)
		return refuse(400, ERROR_REMOTE, "bulk is not supported", s, err);
	for (size_t i = 0; i < json_len(wanted); i++) {
		struct json_object *o = NULL;

		if (make(kind, json_object_array_get_idx(wanted, i), &o, s, err) < 0) {
			json_object_array_del_idx(fake.kinds[kind], before, json_len(fake.kinds[kind]) - before);
			return -1;
		}
		if (kind == KIND_PORT) /* as neutron 21 does */
			json_add(json_object_array_get_idx(fake.kinds[kind], before + i), "allowed_address_pairs",
				 json_object_new_array());
		json_object_object_del(o, "allowed_address_pairs");
		json_object_array_add(list, o);
	}
	return 0;
}

static int post(enum kind kind, struct json_object *body, struct json_object **ret, int *s, struct error **err)
{
	const struct kind_info *k = kind_info(kind);
	struct json_object *many = json_at(body, k->keys), *answer = NULL;
	int r;

	r = many != NULL ? make_many(kind, many, &answer, s, err) : make(kind, json_at(body, k->key), &answer, s, err);
	*ret = json_object_new_object();
	json_add(*ret, many != NULL ? k->keys : k->key, answer);
	return r;
}

static int add_rule(struct json_object *rule, int *s, struct error **err)
{
	struct json_object *group = by(KIND_GROUP, "id", str(rule, "security_group_id"), NULL),
			   *rules = json_at(group, "security_group_rules");

	for (size_t i = 0; i < json_len(rules); i++)
		if (strcmp(json_object_to_json_string(json_object_array_get_idx(rules, i)), json_object_to_json_string(rule)) ==
		    0)
			return refuse(409, ERROR_CONFLICT, "SecurityGroupRuleExists", s, err);
	json_object_array_add(rules, copy(rule));
	return 0;
}

static void delete_rule(const char *id)
{
	for (size_t g = 0; g < json_len(fake.kinds[KIND_GROUP]); g++) {
		struct json_object *rules = json_at(json_object_array_get_idx(fake.kinds[KIND_GROUP], g), "security_group_rules");

		for (size_t i = json_len(rules); i-- > 0;)
			if (is(json_object_array_get_idx(rules, i), "id", id))
				json_object_array_del_idx(rules, i, 1);
	}
}

static int post_rules(struct json_object *body, int *s, struct error **err)
{
	struct json_object *many = json_at(body, "security_group_rules");

	if (many == NULL)
		return add_rule(json_at(body, "security_group_rule"), s, err);
	if (fake.no_bulk)
		return refuse(400, ERROR_REMOTE, "bulk is not supported", s, err);
	for (size_t i = 0; i < json_len(many); i++)
		if (!is(json_object_array_get_idx(many, i), "security_group_id",
			str(json_object_array_get_idx(many, 0), "security_group_id")))
			return refuse(400, ERROR_REMOTE, "SecurityGroupNotSingleGroupRules", s, err);
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

static int put_interface(const char *router, struct json_object *body, bool add, int *s, struct error **err)
{
	struct json_object *port = by(KIND_PORT, "id", str(body, "port_id"), NULL);

	if (port == NULL)
		return refuse(404, ERROR_NOT_FOUND, "PortNotFound", s, err);
	if (add && fake.interface_after_server && !wait_for_server())
		return refuse(409, ERROR_CONFLICT, "no server was made without an interface", s, err);
	if (add && !is(port, "device_id", "")) /* even where it is this router's, as neutron does */
		return refuse(409, ERROR_CONFLICT, "PortInUse", s, err);
	if (!add && json_len(json_at(by(KIND_ROUTER, "id", router, NULL), "routes")) > 0)
		return refuse(409, ERROR_CONFLICT, "RouterInterfaceInUseByRoute", s, err);
	for (size_t i = 0; !add && i < json_len(fake.kinds[KIND_FLOATING_IP]); i++)
		if (!is(json_object_array_get_idx(fake.kinds[KIND_FLOATING_IP], i), "port_id", ""))
			return refuse(409, ERROR_CONFLICT, "RouterInterfaceInUseByFloatingIP", s, err);
	if (!add) {
		erase(KIND_PORT, "id", str(body, "port_id"));
		return 0;
	}
	json_add_str(port, "device_id", router);
	json_add_str(port, "device_owner", "network:router_interface");
	return 0;
}

static bool in_use(enum kind kind, struct json_object *o)
{
	const char *id = str(o, "id");

	switch (kind) {
	case KIND_NETWORK:
		return by(KIND_PORT, "network_id", id, NULL) != NULL;
	case KIND_ROUTER:
		return by(KIND_PORT, "device_id", id, NULL) != NULL;
	case KIND_GROUP:
		return by(KIND_PORT, "security_groups[0]", id, NULL) != NULL ||
		       by(KIND_PORT, "security_groups[1]", id, NULL) != NULL;
	case KIND_PORT:
		return !is(o, "device_id", "");
	case KIND_VOLUME:
		return is(o, "status", "in-use");
	default:
		return false;
	}
}

static int delete (enum kind kind, const char *id, int *s, struct error **err)
{
	struct json_object *o = by(kind, kind == KIND_KEYPAIR ? "name" : "id", id, NULL);

	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (in_use(kind, o))
		return refuse(409, ERROR_CONFLICT, kind_info(kind)->name, s, err);
	if (kind == KIND_VOLUME && by(FAKE_SNAPSHOT, "volume_id", id, NULL) != NULL)
		return refuse(400, ERROR_REMOTE, "Volume has snapshots", s, err);
	if (kind == KIND_SERVER) {
		json_add_str(o, "OS-EXT-STS:task_state", "deleting");
		return 0;
	}
	if (kind == KIND_NETWORK)
		erase(KIND_SUBNET, "network_id", id);
	erase(kind, kind == KIND_KEYPAIR ? "name" : "id", id);
	return 0;
}

static int put(enum kind kind, const char *id, struct json_object *body, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = by(kind, "id", id, NULL), *fields = json_at(body, kind_info(kind)->key);

	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	json_object_object_foreach(fields, key, value) json_add(o, key, copy(value));
	*ret = json_object_new_object();
	json_add(*ret, kind_info(kind)->key, copy(o));
	return 0;
}

static int get(enum kind kind, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = by(kind, kind == KIND_KEYPAIR ? "name" : "id", id, NULL);

	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	*ret = json_object_new_object();
	json_add(*ret, kind_info(kind)->key, copy(o));
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
		return refuse(answer->status, answer->status == 404 ? ERROR_NOT_FOUND : answer->status == 409 ? ERROR_CONFLICT : ERROR_REMOTE,
			      answer->text, s, err);
	*ret = json_object_new_object();
	json_add_str(*ret, "output", answer->text);
	return 0;
}

static int act(const char *server, const char *verb, struct json_object *body, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = by(KIND_SERVER, "id", server, NULL);

	if (json_at(body, "os-getConsoleOutput") != NULL)
		return read_console(ret, s, err);
	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(verb, "action") == 0)
		json_add_str(o, "status", "ACTIVE");
	else if (strcmp(verb, "os-interface") == 0 &&
		 !is(by(KIND_PORT, "id", str(body, "interfaceAttachment.port_id"), NULL), "device_id", ""))
		return refuse(409, ERROR_CONFLICT, "Port is still in use", s, err);
	else if (strcmp(verb, "os-interface") == 0)
		plug(str(body, "interfaceAttachment.port_id"), o);
	else
		attach(str(body, "volumeAttachment.volumeId"), o);
	return 0;
}

/* Octavia: PENDING_ refuses changes and ends by itself; a deletion is one of its children too, and takes a while. */
static int call_balancer(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = by(FAKE_BALANCER, "id", id, NULL);

	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		if (strncmp(str(o, "provisioning_status"), "PENDING_", 8) == 0)
			return refuse(409, ERROR_CONFLICT, "Load Balancer is immutable", s, err);
		if (strstr(c->path, "?cascade=true") == NULL)
			return refuse(400, ERROR_REMOTE, "it has listeners", s, err);
		json_add_str(o, "provisioning_status", "PENDING_DELETE");
		return 0;
	}
	*ret = json_object_new_object();
	json_add(*ret, "loadbalancer", copy(o));
	if (is(o, "provisioning_status", "PENDING_UPDATE")) {
		json_add_str(o, "provisioning_status", "ACTIVE");
	} else if (is(o, "provisioning_status", "PENDING_DELETE")) {
		struct json_object *ip = by(KIND_FLOATING_IP, "port_id", str(o, "vip_port_id"), NULL);

		if (ip != NULL)
			json_add_str(ip, "port_id", ""); /* neutron's go back to pointing nowhere */
		erase(KIND_PORT, "id", str(o, "vip_port_id"));
		erase(FAKE_BALANCER, "id", id);
	}
	return 0;
}

static int call_snapshot(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = by(FAKE_SNAPSHOT, "id", id, NULL);

	if (o == NULL)
		return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		erase(FAKE_SNAPSHOT, "id", id);
		return 0;
	}
	*ret = json_object_new_object();
	json_add(*ret, "snapshot", copy(o));
	return 0;
}

static int call_credential(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *wanted = json_at(c->body, "application_credential"), *answer = NULL;
	CLEANUP_FREE char *made = NULL;

	if (strcmp(c->method, "GET") == 0) {
		if (lacks(c->path))
			return refuse(404, ERROR_NOT_FOUND, "not found", s, err);
		*ret = json_object_new_object();
		json_add(*ret, "application_credentials", copy(fake.kinds[FAKE_CREDENTIAL]));
		return 0;
	}
	if (fake.login != NULL)
		return refuse(403, ERROR_AUTH, "using method 'application_credential' is not allowed", s, err);
	if (strcmp(c->method, "DELETE") == 0) {
		erase(FAKE_CREDENTIAL, "id", id);
		return 0;
	}
	if (by(FAKE_CREDENTIAL, "name", str(wanted, "name"), NULL) != NULL)
		return refuse(409, ERROR_CONFLICT, "Duplicate entry found with name", s, err);
	made = xasprintf("cred-%u", ++fake.ids);
	answer = copy(wanted);
	json_add_str(answer, "id", made);
	json_object_array_add(fake.kinds[FAKE_CREDENTIAL], copy(answer));
	json_add_str(answer, "secret", "s3cr3t");
	*ret = json_object_new_object();
	json_add(*ret, "application_credential", answer);
	return 0;
}

static int kind_of(const char *path, size_t n)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (strlen(kind_info((enum kind)kind)->path) == n && strncmp(path, kind_info((enum kind)kind)->path, n) == 0)
			return kind;
	return -1;
}

static int perform(const struct cloud_call *c, struct json_object **ret, int *s, struct error **err)
{
	const char *id = strchr(c->path + 1, '/'), *verb = id != NULL ? strchr(id + 1, '/') : NULL;
	int kind = kind_of(c->path, id != NULL ? (size_t)(id - c->path) : strlen(c->path));
	CLEANUP_FREE char *what = id == NULL ? NULL : verb != NULL ? xstrndup(id + 1, (size_t)(verb - id - 1)) : xstrdup(id + 1);

	if (answered(c, ret, s))
		return *s == 200 ? 0 : refuse(403, ERROR_AUTH, "forbidden", s, err);
	*s = 200;
	if (strcmp(c->path, "/security-group-rules") == 0)
		return post_rules(c->body, s, err);
	if (strncmp(c->path, "/security-group-rules/", 22) == 0) {
		delete_rule(c->path + 22);
		return 0;
	}
	if (what != NULL && strncmp(c->path, "/loadbalancers/", 15) == 0) {
		what[strcspn(what, "?")] = '\0';
		return call_balancer(c, what, ret, s, err);
	}
	if (strncmp(c->path, "/users/u/application_credentials", 32) == 0)
		return call_credential(c, strrchr(c->path, '/') + 1, ret, s, err);
	if (what != NULL && strncmp(c->path, "/snapshots/", 11) == 0)
		return call_snapshot(c, what, ret, s, err);
	if (kind < 0)
		return refuse(404, ERROR_NOT_FOUND, c->path, s, err);
	if (kind == KIND_ROUTER && verb != NULL)
		return put_interface(what, c->body, strcmp(verb, "/add_router_interface") == 0, s, err);
	if (kind == KIND_SERVER && verb != NULL)
		return act(what, verb + 1, c->body, ret, s, err);
	if (strcmp(c->method, "POST") == 0)
		return post((enum kind)kind, c->body, ret, s, err);
	if (id == NULL && strcmp(c->method, "GET") == 0) {
		*ret = json_object_new_object();
		json_add(*ret, kind_info((enum kind)kind)->keys, copy(fake.kinds[kind]));
		return 0;
	}
	if (strcmp(c->method, "PUT") == 0)
		return put((enum kind)kind, what, c->body, ret, s, err);
	return strcmp(c->method, "GET") == 0 ? get((enum kind)kind, what, ret, s, err) : delete ((enum kind)kind, what, s, err);
}

static int failed(const struct cloud_call *c, int *s, bool *ambiguous, struct error **err)
{
	*ambiguous = fake.fault != FAULT_REFUSED;
	return fake.fault == FAULT_REFUSED ? refuse(403, ERROR_QUOTA, c->path, s, err)
					   : refuse(502, ERROR_REMOTE, c->path, s, err);
}

int cloud_call(struct cloud *cloud UNUSED, const struct cloud_call *c, struct json_object **ret, int *ret_status,
	       bool *ret_ambiguous, struct error **err)
{
	bool ambiguous = false;
	int r, status = 0;

	pthread_mutex_lock(&fake.lock);
	if (++fake.calls != fake.fault_at || fake.fault == FAULT_REPEATED) {
		if (fake.calls == fake.fault_at && (c->retry == RETRY_A || c->retry == RETRY_B) && perform(c, ret, &status, NULL) == 0) {
			json_object_put(*ret);
			*ret = NULL;
		}
		r = perform(c, ret, &status, err);
	} else {
		if (fake.fault == FAULT_APPLIED && perform(c, ret, &status, NULL) < 0)
			fake.fault = FAULT_LOST;
		json_object_put(*ret);
		*ret = NULL;
		r = failed(c, &status, &ambiguous, err);
	}
	pthread_mutex_unlock(&fake.lock);
	if (r < 0) {
		json_object_put(*ret);
		*ret = NULL;
	}
	if (r < 0 && ((status == 404 && c->not_found_ok) || (status == 409 && c->conflict_ok))) {
		error_clear(err);
		r = 0;
	}
	if (ret_status != NULL)
		*ret_status = status;
	if (ret_ambiguous != NULL)
		*ret_ambiguous = ambiguous;
	return r;
}

/* Each look at a list lets time pass: volumes and servers come up, deleted servers go. */
static void pass_time(enum kind kind)
{
	for (size_t i = json_len(fake.kinds[kind]); i-- > 0;) {
		struct json_object *o = json_object_array_get_idx(fake.kinds[kind], i);

		if (kind == KIND_VOLUME && is(o, "status", "creating"))
			json_add_str(o, "status", "available");
		if (kind == KIND_SERVER && is(o, "OS-EXT-STS:task_state", "deleting")) {
			struct json_object *port = by(KIND_PORT, "device_id", str(o, "id"), NULL), *volume;

			if (port != NULL)
				json_add_str(port, "device_id", "");
			while ((volume = by(KIND_VOLUME, "attachments[0].server_id", str(o, "id"), NULL)) != NULL) {
				json_add_str(volume, "status", "available");
				json_object_object_del(volume, "attachments");
			}
			json_object_array_del_idx(fake.kinds[kind], i, 1);
		} else if (kind == KIND_SERVER && is(o, "OS-EXT-STS:task_state", "spawning")) {
			json_add_str(o, "OS-EXT-STS:task_state", "");
		} else if (kind == KIND_SERVER && is(o, "status", "BUILD")) {
			bool broken = fake.broken_times > 0 && is(o, "name", fake.broken);

			struct json_object *disks = json_at(o, "block_device_mapping_v2");

			for (size_t d = 0; d < json_len(disks); d++)
				attach(str(json_object_array_get_idx(disks, d), "uuid"), o);
			plug(str(o, "networks[0].port"), o);
			json_add_str(o, "status", broken ? "ERROR" : "ACTIVE");
			if (broken) {
				json_add(o, "fault", json_tokener_parse("{\"message\":\"No valid host was found\"}"));
				fake.broken_times--;
			} else {
				json_add_str(o, "OS-SRV-USG:launched_at", "2026");
			}
		}
	}
}

/* neutron's filters that tests depend on; others are done by who asks, too */
static struct json_object *filter(const char *path, struct json_object *all)
{
	static const char *const keys[] = {"device_id", "network_id"};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		CLEANUP_FREE char *query = xasprintf("?%s=", keys[k]);
		const char *at = strstr(path, query);

		for (size_t i = json_len(all); at != NULL && i-- > 0;)
			if (!is(json_object_array_get_idx(all, i), keys[k], at + strlen(query)))
				json_object_array_del_idx(all, i, 1);
	}
	return all;
}

/* As nova lists servers that no host took: only GET of one tells its fault. */
static struct json_object *without_faults(struct json_object *all)
{
	for (size_t i = 0; i < json_len(all); i++)
		json_object_object_del(json_object_array_get_idx(all, i), "fault");
	return all;
}

static struct json_object *list(const char *path)
{
	static const struct {
		const char *path, *text;
	} fixed[] = {
		{"/images", "[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\"},"
			    "{\"id\":\"i2\",\"name\":\"debian-13\",\"status\":\"active\"}]"},
		{"/os-availability-zone", "[{\"zoneName\":\"az1\"},{\"zoneName\":\"nova\"}]"},
		{"/flavors/detail", "[{\"id\":\"f1\",\"name\":\"m1.small\",\"vcpus\":1,\"ram\":1024,\"disk\":4}]"},
		{"/networks?router:external=true", "[{\"id\":\"e1\",\"name\":\"public\"}]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strncmp(path, fixed[i].path, strlen(fixed[i].path)) == 0)
			return json_tokener_parse(fixed[i].text);
	if (strncmp(path, "/loadbalancers", 14) == 0)
		return copy(fake.kinds[FAKE_BALANCER]);
	if (strcmp(path, "/users/u/application_credentials") == 0)
		return copy(fake.kinds[FAKE_CREDENTIAL]);
	if (strncmp(path, "/snapshots/detail", 17) == 0)
		return copy(fake.kinds[FAKE_SNAPSHOT]);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const char *l = kind_info((enum kind)kind)->list;

		if (strncmp(path, l, strlen(l)) != 0 || (path[strlen(l)] != '\0' && path[strlen(l)] != '?'))
			continue;
		pass_time((enum kind)kind);
		return filter(path, without_faults(copy(fake.kinds[kind])));
	}
	return NULL;
}

int cloud_list(struct cloud *c UNUSED, enum cloud_service service UNUSED, const char *path, const char *key UNUSED,
	       const char *microversion UNUSED, struct json_object **ret, struct error **err)
{
	int r = 0;

	pthread_mutex_lock(&fake.lock);
	if (++fake.calls == fake.fault_at && fake.fault != FAULT_REPEATED)
		r = error_set(err, ERROR_NETWORK, "list %s: connection refused", path);
	else if (lacks(path))
		r = error_set(err, ERROR_NOT_FOUND, "GET %s: the resource could not be found (HTTP 404)", path);
	else
		*ret = list(path);
	pthread_mutex_unlock(&fake.lock);
	return r;
}

bool cloud_has(struct cloud *c UNUSED, enum cloud_service service UNUSED)
{
	return true;
}

const char *cloud_project_id(struct cloud *c UNUSED)
{
	return "project";
}

const struct strv *cloud_roles(struct cloud *c UNUSED)
{
	static char member[] = "member";
	static char *roles[] = {member};
	static const struct strv all = {.v = roles, .n = 1};

	return &all;
}

bool cloud_is_restricted(struct cloud *c UNUSED)
{
	return fake.login != NULL;
}

bool cloud_clock_skew(struct cloud *c UNUSED, int64_t *ret_ms)
{
	*ret_ms = 0;
	return true;
}

const char *cloud_external_network(struct cloud *c UNUSED)
{
	return NULL;
}

const char *cloud_user_id(struct cloud *c UNUSED)
{
	return "u";
}

const char *cloud_auth_url(struct cloud *c UNUSED)
{
	return "https://keystone:5000/v3";
}

const char *cloud_region(struct cloud *c UNUSED)
{
	return "R1";
}

const char *cloud_application_credential(struct cloud *c UNUSED)
{
	return fake.login;
}
