#include "core/cluster/recovery.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include <ctype.h>
#include <sys/stat.h>

#define VERSION "recovery/1"
#define COPY "cluster.yaml"
enum { FOLDERS_DEEP = 4 };

static const char *const folders[] = {"pki", "ssh"};

static void add_pair(struct buf *b, const char *key, const char *value, bool *first)
{
	buf_add(b, *first ? "" : ",");
	*first = false;
	buf_add_json(b, key);
	buf_add_char(b, ':');
	buf_add_json(b, value);
}

struct values {
	struct buf *to;
	bool first;
};

static bool is_ours(const char *key)
{
	static const char *const left_out[] = {"uuid", "cluster", "complete", "keys", STATE_UNLOCK_KEYS};

	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
		if (strcmp(key, left_out[i]) == 0)
			return false;
	return true;
}

static void add_value(const char *key, const char *value, void *context)
{
	struct values *v = context;

	if (is_ours(key))
		add_pair(v->to, key, value, &v->first);
}

static int add_nodes(struct state *s, struct buf *to, struct error **err)
{
	struct inventory *inventory = inventory_new();
	struct node *nodes = NULL;
	size_t n = 0;
	int r = state_nodes(s, inventory, err);

	nodes = inventory_list(inventory, &n);
	for (size_t i = 0; i < n; i++) {
		bool first = true;

		buf_add(to, i > 0 ? ",{" : "{");
		add_pair(to, "name", nodes[i].name, &first);
		if (nodes[i].server_id != NULL)
			add_pair(to, "serverID", nodes[i].server_id, &first);
		if (nodes[i].host_key != NULL)
			add_pair(to, "hostKey", nodes[i].host_key, &first);
		buf_add_char(to, '}');
	}
	node_list_free(nodes, n);
	inventory_free(inventory);
	return r;
}

static int add_file(const char *path, const char *name, struct buf *to, bool *first, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (path_read(path, &text, err) < 0)
		return -1;
	add_pair(to, name, buf_str(&text), first);
	return 0;
}

static int add_folder(const struct state *s, const char *folder, struct buf *to, bool *first, struct error **err)
{
	CLEANUP_FREE char *base = state_path(s, folder);
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (!path_exists(base))
		return 0;
	if (path_list(base, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP_FREE char *name = xasprintf("%s/%s", folder, names.v[i]), *path = state_path(s, name);
		struct stat st = {0};
		int r = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? add_folder(s, name, to, first, err)
								       : add_file(path, name, to, first, err);

		if (r < 0)
			return -1;
	}
	return 0;
}

static int add_files(struct state *s, struct buf *to, struct error **err)
{
	CLEANUP_FREE char *copy = state_path(s, COPY);
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (add_folder(s, folders[i], to, &first, err) < 0)
			return -1;
	return path_exists(copy) ? add_file(copy, COPY, to, &first, err) : 0;
}

int recovery_write(struct state *s, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *cluster = state_get(s, "cluster");
	struct values values = {ret, false};
	bool first = true;

	buf_add_char(ret, '{');
	add_pair(ret, "davit", VERSION, &first);
	add_pair(ret, "cluster", cluster, &first);
	add_pair(ret, "uuid", state_uuid(s), &first);
	buf_add(ret, ",\n\"values\":{\"complete\":\"1\"");
	if (state_values(s, add_value, &values, err) < 0)
		return -1;
	buf_add(ret, "},\n\"nodes\":[");
	if (add_nodes(s, ret, err) < 0)
		return -1;
	buf_add(ret, "],\n\"files\":{");
	if (add_files(s, ret, err) < 0)
		return -1;
	buf_add(ret, "}}\n");
	return 0;
}

/* json-c wipes nothing: its own copies of the strings are overwritten in their place. */
static void wipe(struct json_object *map)
{
	if (!json_object_is_type(map, json_type_object))
		return;
	json_object_object_foreach(map, key, value)
	{
		(void)key;
		if (json_object_is_type(value, json_type_string))
			explicit_bzero((char *)json_object_get_string(value), (size_t)json_object_get_string_len(value));
	}
}

void recovery_free(struct json_object **document)
{
	wipe(json_at(*document, "values"));
	wipe(json_at(*document, "files"));
	json_object_put(*document);
	*document = NULL;
}

/* "pki/etcd/ca.key": names of letters, digits, "-", "_" and "." that do not begin with a dot, below one of the folders. */
static bool is_file_name(const char *name)
{
	CLEANUP_STRV struct strv parts = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;
	bool known = false;

	if (strcmp(name, COPY) == 0)
		return true;
	strv_split(&parts, name, "/");
	joined = strv_join(&parts, "/");
	if (strcmp(joined, name) != 0 || parts.n < 2 || parts.n > FOLDERS_DEEP)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		known = known || strcmp(parts.v[0], folders[i]) == 0;
	for (size_t i = 0; i < parts.n; i++) {
		if (parts.v[i][0] == '.')
			return false;
		for (const char *p = parts.v[i]; *p != '\0'; p++)
			if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
				return false;
	}
	return known;
}

static int check_strings(struct json_object *document, const char *key, bool files, struct error **err)
{
	struct json_object *map = json_at(document, key);

	if (!json_object_is_type(map, json_type_object))
		return error_set(err, ERROR_CONFIG, "the recovery file holds no map \"%s\": it is damaged", key);
	json_object_object_foreach(map, name, value)
	{
		if (!json_object_is_type(value, json_type_string) ||
		    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
			return error_set(err, ERROR_CONFIG, "the recovery file's %s.%s is no text: it is damaged", key, name);
		if (files && !is_file_name(name))
			return error_set(err, ERROR_CONFIG, "the recovery file names a file \"%s\", which is none of a state's", name);
	}
	return 0;
}

static int check(struct json_object *document, const char *cluster, const char *uuid, struct error **err)
{
	const char *version = json_get_str(document, "davit", "");

	if (strcmp(version, VERSION) != 0)
		return error_set(err, ERROR_CONFIG, "the recovery file is of version \"%s\", this davit reads " VERSION, version);
	if (strcmp(json_get_str(document, "cluster", ""), cluster) != 0 || strcmp(json_get_str(document, "uuid", ""), uuid) != 0)
		return error_set(err, ERROR_CONFIG, "the recovery file is of cluster %s, %s, not of %s, %s",
				 json_get_str(document, "cluster", "?"), json_get_str(document, "uuid", "?"), cluster, uuid);
	if (!json_object_is_type(json_at(document, "nodes"), json_type_array))
		return error_set(err, ERROR_CONFIG, "the recovery file holds no list \"nodes\": it is damaged");
	return check_strings(document, "values", false, err) < 0 || check_strings(document, "files", true, err) < 0 ? -1 : 0;
}

int recovery_parse(const char *text, size_t len, const char *cluster, const char *uuid, struct json_object **ret,
		   struct error **err)
{
	CLEANUP(recovery_free) struct json_object *document = NULL;

	if (json_parse(text, len, "the recovery file", &document, err) < 0 || check(document, cluster, uuid, err) < 0)
		return -1;
	*ret = steal_ptr(document);
	return 0;
}

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static int put_file(const struct state *to, const char *name, const char *text, struct error **err)
{
	CLEANUP_FREE char *path = state_path(to, name), *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	if (path_mkdirs(folder, 0700, err) < 0)
		return -1;
	return path_write(path, text, strlen(text), ends(name, ".crt") || ends(name, ".pub") ? 0644 : 0600, err);
}

/* Whether it is the server that it was: another one has other keys, and nothing is installed on it. */
static int put_node(struct state *to, struct inventory *inventory, struct json_object *o, struct error **err)
{
	const char *name = json_get_str(o, "name", ""), *key = json_get_str(o, "hostKey", NULL);
	CLEANUP_FREE char *applied = xasprintf("applied:%s", name);
	struct node n = {0};
	int r = 0;

	if (!inventory_get(inventory, name, &n))
		return 0;
	if (n.server_id != NULL && strcmp(n.server_id, json_get_str(o, "serverID", "")) == 0) {
		free(n.host_key);
		n.host_key = xstrdup(key);
		inventory_put(inventory, &n);
		r = state_put_node(to, &n, err);
	} else {
		r = state_set(to, applied, "", err);
	}
	node_clear(&n);
	return r;
}

static int put_all(struct json_object *document, struct state *to, struct inventory *inventory, struct error **err)
{
	struct json_object *nodes = json_at(document, "nodes");

	json_object_object_foreach(json_at(document, "files"), file, text)
	{
		if (put_file(to, file, json_object_get_string(text), err) < 0)
			return -1;
	}
	json_object_object_foreach(json_at(document, "values"), key, value)
	{
		if ((is_ours(key) || strcmp(key, "complete") == 0) && state_set(to, key, json_object_get_string(value), err) < 0)
			return -1;
	}
	for (size_t i = 0; i < json_len(nodes); i++)
		if (put_node(to, inventory, json_object_array_get_idx(nodes, i), err) < 0)
			return -1;
	return 0;
}

int recovery_read(const char *text, size_t len, struct state *to, struct inventory *inventory, struct error **err)
{
	CLEANUP(recovery_free) struct json_object *document = NULL;
	CLEANUP_FREE char *cluster = state_get(to, "cluster");

	if (recovery_parse(text, len, cluster, state_uuid(to), &document, err) < 0)
		return -1;
	return put_all(document, to, inventory, err);
}
