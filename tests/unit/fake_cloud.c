#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"
#include <stdio.h>

struct fake fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

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
	memset(fake.hidden, 0, sizeof(fake.hidden));
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

bool fake_lacks(const char *path)
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
bool fake_answered(const struct cloud_call *c, struct json_object **ret, int *ret_status)
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

void fake_hide(int kind, unsigned lists)
{
	fake.hidden[kind] = lists;
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

struct json_object *fake_by(int kind, const char *key, const char *value, size_t *ret_index)
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
	return fake_by(kind, kind == KIND_FLOATING_IP ? "floating_ip_address" : "name", name, NULL);
}

void fake_erase(int kind, const char *key, const char *value)
{
	size_t i = 0;

	while (fake_by(kind, key, value, &i) != NULL)
		json_object_array_del_idx(fake.kinds[kind], i, 1);
}

void fake_put(int kind, const char *text)
{
	json_object_array_add(fake.kinds[kind], json_tokener_parse(text));
}

void fake_drop(int kind, const char *name)
{
	fake_erase(kind, "name", name);
}

int fake_refuse(int status, enum error_kind kind, const char *text, int *ret_status, struct error **err)
{
	*ret_status = status;
	return error_set(err, kind, "%s (HTTP %d)", text, status);
}

static int settle(enum kind kind, struct json_object *o, int *s, struct error **err)
{
	switch (kind) {
	case KIND_KEYPAIR:
		return fake_by(kind, "name", str(o, "name"), NULL) != NULL ? fake_refuse(409, ERROR_CONFLICT, "Key pair exists", s, err)
								      : 0;
	case KIND_GROUP:
		json_add(o, "security_group_rules", json_object_new_array());
		return 0;
	case KIND_PORT:
		return fake_settle_port(o, s, err);
	case KIND_FLOATING_IP:
		return fake_settle_floating_ip(o, s, err);
	case KIND_SERVER_GROUP:
		json_add(o, "members", json_object_new_array());
		return 0;
	case KIND_VOLUME:
		json_add_str(o, "status", "creating");
		return 0;
	case KIND_SERVER:
		return fake_settle_server(o, s, err);
	case KIND_BALANCER:
		fake_settle_balancer(o);
		return 0;
	default:
		return 0;
	}
}

struct json_object *fake_copy(struct json_object *o)
{
	struct json_object *c = NULL;

	if (json_object_deep_copy(o, &c, NULL) < 0)
		abort();
	return c;
}

static int make(enum kind kind, struct json_object *wanted, struct json_object **ret, int *s, struct error **err)
{
	CLEANUP_JSON struct json_object *o = fake_copy(wanted);
	CLEANUP_FREE char *id = xasprintf("id-%06u", ++fake.ids);

	json_add_str(o, "id", id);
	json_add_str(o, "created_at", id);
	if (settle(kind, o, s, err) < 0)
		return -1;
	json_object_array_add(fake.kinds[kind], json_object_get(o));
	*ret = fake_copy(o);
	return 0;
}

/* All or nothing. */
static int make_many(enum kind kind, struct json_object *wanted, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *list = json_object_new_array();
	size_t before = json_len(fake.kinds[kind]);

	*ret = list;
	if (fake.no_bulk)
		return fake_refuse(400, ERROR_REMOTE, "bulk is not supported", s, err);
	for (size_t i = 0; i < json_len(wanted); i++) {
		struct json_object *o = NULL;

		if (make(kind, json_object_array_get_idx(wanted, i), &o, s, err) < 0) {
			json_object_array_del_idx(fake.kinds[kind], before, json_len(fake.kinds[kind]) - before);
			return -1;
		}
		if (kind == KIND_PORT) { /* as neutron 21 does */
			struct json_object *kept = json_object_array_get_idx(fake.kinds[kind], before + i);

			json_add(kept, "allowed_address_pairs", json_object_new_array());
			json_add(kept, "extra_dhcp_opts", json_object_new_array());
		}
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
	if (r == 0 && kind == KIND_SERVER)
		fake_join_group(json_get_str(body, "os:scheduler_hints.group", NULL), str(answer, "id"));
	*ret = json_object_new_object();
	json_add(*ret, many != NULL ? k->keys : k->key, answer);
	return r;
}

static bool in_use(enum kind kind, struct json_object *o)
{
	const char *id = str(o, "id");

	switch (kind) {
	case KIND_NETWORK:
		return fake_by(KIND_PORT, "network_id", id, NULL) != NULL;
	case KIND_ROUTER:
		return fake_by(KIND_PORT, "device_id", id, NULL) != NULL;
	case KIND_GROUP:
		return fake_by(KIND_PORT, "security_groups[0]", id, NULL) != NULL ||
		       fake_by(KIND_PORT, "security_groups[1]", id, NULL) != NULL;
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
	struct json_object *o = fake_by(kind, kind == KIND_KEYPAIR ? "name" : "id", id, NULL);

	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	if (in_use(kind, o))
		return fake_refuse(409, ERROR_CONFLICT, kind_info(kind)->name, s, err);
	if (kind == KIND_VOLUME && fake_by(FAKE_SNAPSHOT, "volume_id", id, NULL) != NULL)
		return fake_refuse(400, ERROR_REMOTE, "Volume has snapshots", s, err);
	if (kind == KIND_SERVER) {
		json_add_str(o, "OS-EXT-STS:task_state", "deleting");
		return 0;
	}
	if (kind == KIND_NETWORK)
		fake_erase(KIND_SUBNET, "network_id", id);
	fake_erase(kind, kind == KIND_KEYPAIR ? "name" : "id", id);
	return 0;
}

static int put(enum kind kind, const char *id, struct json_object *body, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(kind, "id", id, NULL), *fields = json_at(body, kind_info(kind)->key);

	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	json_object_object_foreach(fields, key, value) json_add(o, key, fake_copy(value));
	*ret = json_object_new_object();
	json_add(*ret, kind_info(kind)->key, fake_copy(o));
	return 0;
}

static int get(enum kind kind, const char *id, struct json_object **ret, int *s, struct error **err)
{
	struct json_object *o = fake_by(kind, kind == KIND_KEYPAIR ? "name" : "id", id, NULL);

	if (o == NULL)
		return fake_refuse(404, ERROR_NOT_FOUND, "not found", s, err);
	*ret = json_object_new_object();
	json_add(*ret, kind_info(kind)->key, fake_copy(o));
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

	if (fake_answered(c, ret, s))
		return *s == 200 ? 0 : fake_refuse(403, ERROR_AUTH, "forbidden", s, err);
	*s = 200;
	if (strcmp(c->path, "/security-group-rules") == 0)
		return fake_post_rules(c->body, s, err);
	if (strncmp(c->path, "/security-group-rules/", 22) == 0) {
		fake_delete_rule(c->path + 22);
		return 0;
	}
	if (strcmp(c->path, "/listeners") == 0 || strcmp(c->path, "/pools") == 0 || strcmp(c->path, "/healthmonitors") == 0)
		return fake_post_balancer_part(c, s, err);
	if (what != NULL && (strncmp(c->path, "/listeners/", 11) == 0 || strncmp(c->path, "/pools/", 7) == 0))
		return fake_call_balancer_part(c, what, ret, s, err);
	if (what != NULL && strncmp(c->path, "/loadbalancers/", 15) == 0) {
		what[strcspn(what, "?")] = '\0';
		return fake_call_balancer(c, what, ret, s, err);
	}
	if (strncmp(c->path, "/users/u/application_credentials", 32) == 0)
		return fake_call_credential(c, strrchr(c->path, '/') + 1, ret, s, err);
	if (what != NULL && strncmp(c->path, "/snapshots/", 11) == 0)
		return fake_call_snapshot(c, what, ret, s, err);
	if (kind < 0)
		return fake_refuse(404, ERROR_NOT_FOUND, c->path, s, err);
	if (kind == KIND_ROUTER && verb != NULL)
		return fake_put_interface(what, c->body, strcmp(verb, "/add_router_interface") == 0, s, err);
	if (kind == KIND_SERVER && verb != NULL)
		return fake_act(what, verb + 1, c->body, ret, s, err);
	if (strcmp(c->method, "POST") == 0)
		return post((enum kind)kind, c->body, ret, s, err);
	if (id == NULL && strcmp(c->method, "GET") == 0) {
		*ret = json_object_new_object();
		json_add(*ret, kind_info((enum kind)kind)->keys, fake_copy(fake.kinds[kind]));
		return 0;
	}
	if (strcmp(c->method, "PUT") == 0)
		return put((enum kind)kind, what, c->body, ret, s, err);
	return strcmp(c->method, "GET") == 0 ? get((enum kind)kind, what, ret, s, err) : delete ((enum kind)kind, what, s, err);
}

static int failed(const struct cloud_call *c, int *s, bool *ambiguous, struct error **err)
{
	*ambiguous = fake.fault != FAULT_REFUSED;
	return fake.fault == FAULT_REFUSED ? fake_refuse(403, ERROR_QUOTA, c->path, s, err)
					   : fake_refuse(502, ERROR_REMOTE, c->path, s, err);
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
