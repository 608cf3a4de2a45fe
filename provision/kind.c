#include "provision/kind.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "provision/optional.h"
#include "provision/pick.h"

enum { MARK_DIGITS = 8 };

static const struct kind_info kinds[KIND_COUNT] = {
	[KIND_KEYPAIR] = {"keypair", "keypair", "keypairs", CLOUD_COMPUTE, "/os-keypairs", "/os-keypairs", "2.2", MARK_NAME,
			  false},
	[KIND_NETWORK] = {"network", "network", "networks", CLOUD_NETWORK, "/networks", "/networks", NULL, MARK_DESCRIPTION,
			  true},
	[KIND_SUBNET] = {"subnet", "subnet", "subnets", CLOUD_NETWORK, "/subnets", "/subnets", NULL, MARK_DESCRIPTION, true},
	[KIND_ROUTER] = {"router", "router", "routers", CLOUD_NETWORK, "/routers", "/routers", NULL, MARK_DESCRIPTION, false,
			 .optional = true},
	[KIND_GROUP] = {"security group", "security_group", "security_groups", CLOUD_NETWORK, "/security-groups",
			"/security-groups", NULL, MARK_DESCRIPTION, true},
	[KIND_SERVER_GROUP] = {"server group", "server_group", "server_groups", CLOUD_COMPUTE, "/os-server-groups",
			       "/os-server-groups", "2.15", MARK_NAME, false},
	[KIND_PORT] = {"port", "port", "ports", CLOUD_NETWORK, "/ports", "/ports", NULL, MARK_DESCRIPTION, true},
	[KIND_BALANCER] = {"load balancer", "loadbalancer", "loadbalancers", CLOUD_LOAD_BALANCER, "/loadbalancers", "/loadbalancers", NULL,
			   MARK_DESCRIPTION, false, .optional = true},
	[KIND_FLOATING_IP] = {"floating IP", "floatingip", "floatingips", CLOUD_NETWORK, "/floatingips", "/floatingips", NULL,
			      MARK_DESCRIPTION, true, .optional = true},
	[KIND_VOLUME] = {"volume", "volume", "volumes", CLOUD_VOLUME, "/volumes", "/volumes/detail", NULL, MARK_METADATA, false},
	[KIND_SERVER] = {"server", "server", "servers", CLOUD_COMPUTE, "/servers", "/servers/detail", NULL, MARK_METADATA, false},
};

const struct kind_info *kind_info(enum kind kind)
{
	return &kinds[kind];
}

enum kind kind_of_name(const char *name)
{
	enum kind kind = 0;

	while (kind < KIND_COUNT && strcmp(kinds[kind].name, name) != 0)
		kind++;
	return kind;
}

char *mark_text(const char *uuid)
{
	return xasprintf("davit:%s", uuid);
}

char *mark_name(const char *name, const char *uuid)
{
	return *uuid != '\0' ? xasprintf("%s-%.*s", name, MARK_DIGITS, uuid) : xstrdup(name);
}

static bool name_is_marked(const char *name, const char *uuid)
{
	CLEANUP_FREE char *tail = mark_name("", uuid);
	size_t n = strlen(name), m = strlen(tail);

	return strlen(uuid) >= MARK_DIGITS && n > m && strcmp(name + n - m, tail) == 0;
}

bool mark_is_on(enum kind kind, struct json_object *o, const char *uuid)
{
	CLEANUP_FREE char *text = mark_text(uuid);

	switch (kinds[kind].mark) {
	case MARK_DESCRIPTION:
		return strcmp(json_get_str(o, "description", ""), text) == 0;
	case MARK_METADATA:
		return strcmp(json_get_str(o, "metadata.davit", ""), uuid) == 0;
	case MARK_NAME:
		return name_is_marked(json_get_str(o, "name", ""), uuid);
	}
	return false;
}

const char *mark_of(enum kind kind, struct json_object *o)
{
	static const char prefix[] = "davit:";
	const char *text;

	switch (kinds[kind].mark) {
	case MARK_DESCRIPTION:
		text = json_get_str(o, "description", "");
		if (strncmp(text, prefix, strlen(prefix)) != 0)
			return NULL;
		text += strlen(prefix);
		break;
	case MARK_METADATA:
		text = json_get_str(o, "metadata.davit", "");
		break;
	default:
		return NULL;
	}
	return pick_is_uuid(text) ? text : NULL;
}

bool mark_is_anothers(enum kind kind, struct json_object *o, const char *uuid)
{
	const char *mark = mark_of(kind, o);

	return mark != NULL && strcmp(mark, uuid) != 0;
}

const char *kind_item_id(enum kind kind, struct json_object *o)
{
	return json_get_str(o, kind == KIND_KEYPAIR ? "name" : "id", NULL);
}

char *kind_list_path(enum kind kind, const char *project_id, const char *uuid, const char *cluster)
{
	const struct kind_info *k = &kinds[kind];
	CLEANUP_FREE char *text = uuid != NULL ? mark_text(uuid) : NULL;
	CLEANUP_FREE char *escaped = text != NULL ? http_escape(text) : NULL;

	if (k->mark == MARK_DESCRIPTION && uuid == NULL)
		return xasprintf("%s?project_id=%s", k->list, project_id);
	if (k->mark == MARK_DESCRIPTION)
		return xasprintf("%s?description=%s&project_id=%s", k->list, escaped, project_id);
	if (kind == KIND_VOLUME && uuid != NULL) /* cinder reads the value as a literal of Python: {"davit":"UUID"} */
		return xasprintf("%s?metadata=%%7B%%22davit%%22%%3A%%22%s%%22%%7D", k->list, uuid);
	if (kind == KIND_SERVER && cluster != NULL) /* a regular expression: ^NAME- (names hold nothing special) */
		return xasprintf("%s?name=%%5E%s-", k->list, cluster);
	return xstrdup(k->list);
}

/* nova wraps each keypair of its list: {"keypairs": [{"keypair": {…}}]} */
static struct json_object *unwrap(enum kind kind, struct json_object *list)
{
	struct json_object *flat = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct json_object *inner = json_at(o, kinds[kind].key);

		json_object_array_add(flat, json_object_get(inner != NULL ? inner : o));
	}
	return flat;
}

/* Who may not ask Octavia has made nothing there. */
static int allowed_list(struct cloud *c, const char *path, struct json_object **ret, struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (optional_list(c, CLOUD_LOAD_BALANCER, path, kinds[KIND_BALANCER].keys, ret, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_AUTH))
		return error_move(err, steal_ptr(why));
	log_verbose("load balancers: %s", error_message(why));
	*ret = json_object_new_array();
	return 0;
}

int kind_list(struct cloud *c, enum kind kind, const char *uuid, const char *cluster, struct json_object **ret,
	      struct error **err)
{
	const struct kind_info *k = &kinds[kind];
	CLEANUP_FREE char *path = kind_list_path(kind, cloud_project_id(c), uuid, cluster);
	CLEANUP_JSON struct json_object *list = NULL;
	int r;

	if ((k->service == CLOUD_VOLUME || k->service == CLOUD_LOAD_BALANCER) && !cloud_has(c, k->service)) {
		*ret = json_object_new_array();
		return 0;
	}
	r = kind == KIND_BALANCER ? allowed_list(c, path, &list, err)
	    : k->optional	  ? optional_list(c, k->service, path, k->keys, &list, err)
				  : cloud_list(c, k->service, path, k->keys, NULL, &list, err);
	if (r < 0)
		return error_wrap(err, "list the %ss", k->name);
	*ret = unwrap(kind, list);
	return 0;
}

int kind_delete(struct cloud *c, enum kind kind, const char *id, const char *name, struct error **err)
{
	const struct kind_info *k = &kinds[kind];
	CLEANUP_FREE char *escaped = http_escape(id), *path = xasprintf("%s/%s%s", k->path, escaped, kind == KIND_BALANCER ? "?cascade=true" : "");
	CLEANUP_FREE char *what = xasprintf("delete %s \"%s\"", k->name, name);
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {
		.service = k->service, .method = "DELETE", .path = path, .retry = RETRY_A, .what = what, .not_found_ok = true};

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

int kind_get(struct cloud *c, enum kind kind, const char *id, struct json_object **ret, struct error **err)
{
	const struct kind_info *k = &kinds[kind];
	CLEANUP_FREE char *escaped = http_escape(id), *path = xasprintf("%s/%s", k->path, escaped);
	CLEANUP_FREE char *what = xasprintf("read %s %s", k->name, id);
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {
		.service = k->service, .method = "GET", .path = path, .retry = RETRY_A, .what = what, .not_found_ok = true};

	if (cloud_call(c, &call, &answer, NULL, NULL, err) < 0)
		return -1;
	*ret = json_object_get(json_at(answer, k->key));
	return 0;
}
