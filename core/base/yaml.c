#include "core/base/yaml.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include <errno.h>
#include <yaml.h>

enum { TEXT_MAX = 1 << 20, DEPTH_MAX = 64, WEIGHT_MAX = 100000 };

struct anchor {
	char *name;
	struct yaml_node *node;
};

struct reader {
	struct yaml *y;
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t n_anchors, cap_anchors;
};

int yaml_error(const struct yaml *y, const struct yaml_node *at, struct error **err, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return error_set(err, ERROR_CONFIG, "%s:%d:%d: %s", y->name, at->line, at->column, text);
}

static struct yaml_node *node_new(struct reader *r, enum yaml_type type, const yaml_event_t *e)
{
	struct yaml_node *n = xnew(struct yaml_node);

	n->type = type;
	n->line = (int)e->start_mark.line + 1;
	n->column = (int)e->start_mark.column + 1;
	n->start = e->start_mark.index;
	n->end = e->end_mark.index;
	n->weight = 1;
	array_grow(r->y->nodes, r->y->n_nodes, r->y->cap_nodes);
	r->y->nodes[r->y->n_nodes++] = n;
	return n;
}

static int next(struct reader *r, yaml_event_t *e, struct error **err)
{
	const char *problem;

	if (yaml_parser_parse(&r->parser, e))
		return 0;
	problem = r->parser.problem ? r->parser.problem : "unreadable";
	if (strstr(problem, "cannot start any token") != NULL)
		problem = "a character that cannot start a value here (a tab? YAML is indented with spaces only)";
	return error_set(err, ERROR_CONFIG, "%s:%d:%d: %s", r->y->name, (int)r->parser.problem_mark.line + 1,
			 (int)r->parser.problem_mark.column + 1, problem);
}

static void add_anchor(struct reader *r, const yaml_char_t *name, struct yaml_node *node)
{
	if (name == NULL)
		return;
	array_grow(r->anchors, r->n_anchors, r->cap_anchors);
	r->anchors[r->n_anchors++] = (struct anchor){xstrdup((const char *)name), node};
}

static int grow(struct reader *r, struct yaml_node *parent, const struct yaml_node *child, struct error **err)
{
	parent->weight += child->weight;
	if (parent->weight > WEIGHT_MAX)
		return yaml_error(r->y, parent, err, "more than %d values, aliases counted each time", WEIGHT_MAX);
	return 0;
}

static int value(struct reader *r, const yaml_event_t *e, int depth, struct yaml_node **ret, struct error **err);

static int list(struct reader *r, struct yaml_node *n, int depth, struct error **err)
{
	size_t cap = 0;

	for (;;) {
		struct yaml_node *item = NULL;
		yaml_event_t e;
		int result;

		if (next(r, &e, err) < 0)
			return -1;
		if (e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return 0;
		}
		result = value(r, &e, depth, &item, err);
		yaml_event_delete(&e);
		if (result < 0)
			return -1;
		array_grow(n->values, n->n, cap);
		n->values[n->n++] = item;
		if (grow(r, n, item, err) < 0)
			return -1;
	}
}

static int find_key(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i], key) == 0)
			return (int)i;
	return -1;
}

static void put(struct yaml_node *map, size_t *cap, struct yaml_node *key, struct yaml_node *v)
{
	if (map->n >= *cap) {
		*cap = *cap ? *cap * 2 : 8;
		map->keys = xrealloc(map->keys, *cap, sizeof(*map->keys));
		map->key_nodes = xrealloc(map->key_nodes, *cap, sizeof(*map->key_nodes));
		map->values = xrealloc(map->values, *cap, sizeof(*map->values));
	}
	map->keys[map->n] = key->scalar;
	map->key_nodes[map->n] = key;
	map->values[map->n++] = v;
}

/* "<<": keys of another map (or of a list of maps) that this one does not have itself */
static int merge(struct reader *r, struct yaml_node *map, size_t *cap, const struct yaml_node *from, struct error **err)
{
	if (from->type == YAML_LIST) {
		for (size_t i = 0; i < from->n; i++)
			if (from->values[i]->type != YAML_MAP || merge(r, map, cap, from->values[i], err) < 0)
				return *err != NULL ? -1 : yaml_error(r->y, from, err, "\"<<\" takes a map or a list of maps");
		return 0;
	}
	if (from->type != YAML_MAP)
		return yaml_error(r->y, from, err, "\"<<\" takes a map or a list of maps");
	for (size_t i = 0; i < from->n; i++)
		if (find_key(map, from->keys[i]) < 0)
			put(map, cap, from->key_nodes[i], from->values[i]);
	return 0;
}

static int map_entry(struct reader *r, struct yaml_node *map, size_t *cap, struct yaml_node **merges, const yaml_event_t *e,
		     int depth, struct error **err)
{
	struct yaml_node *key = NULL, *v = NULL;
	yaml_event_t ve;
	int result;

	if (value(r, e, depth, &key, err) < 0)
		return -1;
	if (key->type != YAML_SCALAR)
		return yaml_error(r->y, key, err, "a key must be a string, found %s", yaml_type_name(key));
	if (find_key(map, key->scalar) >= 0)
		return yaml_error(r->y, key, err, "the key \"%s\" is there twice (first at line %d)", key->scalar,
				  map->key_nodes[find_key(map, key->scalar)]->line);
	if (next(r, &ve, err) < 0)
		return -1;
	result = value(r, &ve, depth, &v, err);
	yaml_event_delete(&ve);
	if (result < 0 || grow(r, map, v, err) < 0)
		return -1;
	if (key->plain && strcmp(key->scalar, "<<") == 0)
		*merges = v;
	else
		put(map, cap, key, v);
	return 0;
}

static int map(struct reader *r, struct yaml_node *n, int depth, struct error **err)
{
	struct yaml_node *merges = NULL;
	size_t cap = 0;

	for (;;) {
		yaml_event_t e;
		int result;

		if (next(r, &e, err) < 0)
			return -1;
		if (e.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&e);
			return merges == NULL ? 0 : merge(r, n, &cap, merges, err);
		}
		result = map_entry(r, n, &cap, &merges, &e, depth, err);
		yaml_event_delete(&e);
		if (result < 0)
			return -1;
	}
}

static int alias(struct reader *r, const yaml_event_t *e, struct yaml_node **ret, struct error **err)
{
	const char *name = (const char *)e->data.alias.anchor;

	for (size_t i = r->n_anchors; i-- > 0;)
		if (strcmp(r->anchors[i].name, name) == 0) {
			*ret = r->anchors[i].node;
			return 0;
		}
	return error_set(err, ERROR_CONFIG, "%s:%d:%d: the alias *%s has no anchor before it", r->y->name,
			 (int)e->start_mark.line + 1, (int)e->start_mark.column + 1, name);
}

static int value(struct reader *r, const yaml_event_t *e, int depth, struct yaml_node **ret, struct error **err)
{
	struct yaml_node *n;

	if (e->type == YAML_ALIAS_EVENT)
		return alias(r, e, ret, err);
	if (e->type == YAML_SCALAR_EVENT) {
		n = node_new(r, YAML_SCALAR, e);
		n->scalar = xstrndup((const char *)e->data.scalar.value, e->data.scalar.length);
		n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		if (strlen(n->scalar) != e->data.scalar.length)
			return yaml_error(r->y, n, err, "a NUL character in a string");
		add_anchor(r, e->data.scalar.anchor, n);
		*ret = n;
		return 0;
	}
	n = node_new(r, e->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAP, e);
	*ret = n;
	if (depth >= DEPTH_MAX)
		return yaml_error(r->y, n, err, "nested more than %d deep", DEPTH_MAX);
	if ((n->type == YAML_LIST ? list(r, n, depth + 1, err) : map(r, n, depth + 1, err)) < 0)
		return -1;
	/* only now: a value cannot contain itself */
	add_anchor(r, n->type == YAML_LIST ? e->data.sequence_start.anchor : e->data.mapping_start.anchor, n);
	return 0;
}

static int expect(struct reader *r, yaml_event_type_t type, struct error **err)
{
	yaml_event_t e;
	int result = 0;

	if (next(r, &e, err) < 0)
		return -1;
	if (e.type != type)
		result = error_set(err, ERROR_CONFIG, "%s:%d:%d: %s", r->y->name, (int)e.start_mark.line + 1,
				   (int)e.start_mark.column + 1,
				   e.type == YAML_STREAM_END_EVENT ? "the file is empty" : "more than one document");
	yaml_event_delete(&e);
	return result;
}

static int document(struct reader *r, struct error **err)
{
	yaml_event_t e;
	int result;

	if (expect(r, YAML_STREAM_START_EVENT, err) < 0 || expect(r, YAML_DOCUMENT_START_EVENT, err) < 0 || next(r, &e, err) < 0)
		return -1;
	result = value(r, &e, 0, &r->y->root, err);
	yaml_event_delete(&e);
	if (result < 0 || expect(r, YAML_DOCUMENT_END_EVENT, err) < 0)
		return -1;
	return expect(r, YAML_STREAM_END_EVENT, err);
}

/* Of a byte order mark, which libyaml takes for text where it is told the encoding. */
static size_t mark_len(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* libyaml counts characters. */
static void count_bytes(struct yaml *y, const char *text, size_t len)
{
	CLEANUP_FREE size_t *at = xnew_n(size_t, len + 1);
	size_t chars = 0;

	for (size_t byte = mark_len(text, len); byte < len; byte++)
		if (((unsigned char)text[byte] & 0xc0) != 0x80)
			at[chars++] = byte;
	for (size_t i = chars; i <= len; i++)
		at[i] = len;
	for (size_t i = 0; i < y->n_nodes; i++) {
		y->nodes[i]->start = at[y->nodes[i]->start];
		y->nodes[i]->end = at[y->nodes[i]->end];
	}
}

int yaml_parse(const char *name, const char *text, size_t len, struct yaml **ret, struct error **err)
{
	struct reader r = {.y = xnew(struct yaml)};
	struct error *local = NULL;
	size_t mark = mark_len(text, len);
	int result;

	r.y->name = xstrdup(name);
	if (len > TEXT_MAX) {
		yaml_destroy(r.y);
		return error_set(err, ERROR_CONFIG, "%s: larger than %d bytes", name, TEXT_MAX);
	}
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text + mark, len - mark);
	result = document(&r, &local);
	yaml_parser_delete(&r.parser);
	for (size_t i = 0; i < r.n_anchors; i++)
		free(r.anchors[i].name);
	free(r.anchors);
	if (result < 0) {
		yaml_destroy(r.y);
		return error_move(err, local);
	}
	count_bytes(r.y, text, len);
	*ret = r.y;
	return 0;
}

int yaml_load(const char *path, struct yaml **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (path_read(path, &text, err) < 0)
		return -1;
	return yaml_parse(path, buf_str(&text), text.len, ret, err);
}

void yaml_destroy(struct yaml *y)
{
	if (y == NULL)
		return;
	for (size_t i = 0; i < y->n_nodes; i++) {
		secret_free(y->nodes[i]->scalar); /* clouds.yaml holds passwords */
		free(y->nodes[i]->keys);
		free(y->nodes[i]->key_nodes);
		free(y->nodes[i]->values);
		free(y->nodes[i]);
	}
	free(y->nodes);
	free(y->name);
	free(y);
}

void yaml_destroy_ptr(struct yaml **y)
{
	yaml_destroy(*y);
	*y = NULL;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	int i;

	if (map == NULL || map->type != YAML_MAP)
		return NULL;
	i = find_key(map, key);
	return i < 0 ? NULL : map->values[i];
}

bool yaml_is_null(const struct yaml_node *n)
{
	if (n == NULL)
		return true;
	return n->type == YAML_SCALAR && n->plain &&
	       (*n->scalar == '\0' || strcmp(n->scalar, "~") == 0 || strcmp(n->scalar, "null") == 0);
}

const char *yaml_type_name(const struct yaml_node *n)
{
	if (yaml_is_null(n))
		return "nothing";
	return n->type == YAML_LIST ? "a list" : n->type == YAML_MAP ? "a map" : "a string";
}

static struct json_object *scalar_to_json(const struct yaml_node *n)
{
	char *end;
	long long i;
	double d;

	if (yaml_is_null(n))
		return NULL;
	if (!n->plain)
		return json_object_new_string(n->scalar);
	if (strcmp(n->scalar, "true") == 0 || strcmp(n->scalar, "false") == 0)
		return json_object_new_boolean(*n->scalar == 't');
	errno = 0;
	i = strtoll(n->scalar, &end, 10);
	if (errno == 0 && *end == '\0')
		return json_object_new_int64(i);
	if (strchr("+-.0123456789", n->scalar[0]) != NULL) {
		d = strtod(n->scalar, &end);
		if (*end == '\0')
			return json_object_new_double_s(d, n->scalar);
	}
	return json_object_new_string(n->scalar);
}

struct json_object *yaml_to_json(const struct yaml_node *n)
{
	struct json_object *o;

	if (n->type == YAML_SCALAR)
		return scalar_to_json(n);
	o = n->type == YAML_LIST ? json_object_new_array() : json_object_new_object();
	for (size_t i = 0; i < n->n; i++) {
		if (n->type == YAML_LIST)
			json_object_array_add(o, yaml_to_json(n->values[i]));
		else
			json_object_object_add(o, n->keys[i], yaml_to_json(n->values[i]));
	}
	return o;
}
