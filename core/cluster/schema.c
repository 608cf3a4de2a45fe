#include "core/cluster/schema.h"
#include "core/base/alloc.h"
#include "core/base/strv.h"
#include "core/cluster/address.h"
#include "core/cluster/scalar.h"

static void *at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static int unknown_key(const struct yaml *y, const struct yaml_node *key, const struct field *fields, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL, *meant = NULL;

	for (const struct field *f = fields; f->key != NULL; f++)
		strv_add(&names, f->key);
	meant = str_meant(key->scalar, &names);
	all = strv_join(&names, ", ");
	return yaml_error(y, key, err, "unknown key \"%s\"%s (allowed here: %s)", key->scalar, meant, all);
}

static const struct field *find(const struct field *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int want(const struct yaml *y, const struct yaml_node *n, const struct field *f, enum yaml_type type, struct error **err)
{
	static const char *const names[] = {"a single value", "a list", "a map"};

	if (n->type != type)
		return yaml_error(y, n, err, "%s must be %s, found %s", f->key, names[type], yaml_type_name(n));
	return 0;
}

static int read_enum(const struct yaml *y, const struct yaml_node *n, const struct field *f, void *to, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (int i = 0; f->allowed[i] != NULL; i++) {
		if (strcmp(f->allowed[i], n->scalar) == 0) {
			*(int *)to = i;
			return 0;
		}
		strv_add(&names, f->allowed[i]);
	}
	all = strv_join(&names, ", ");
	return yaml_error(y, n, err, "%s: \"%s\" is not known; allowed: %s%s%s", f->key, n->scalar, all,
			  f->type == FIELD_CHOICE ? ", or a map that begins with " : "", f->type == FIELD_CHOICE ? f->sub->key : "");
}

static size_t n_words(const struct field *f)
{
	size_t n = 0;

	while (f->allowed[n] != NULL)
		n++;
	return n;
}

static int read_choice(const struct yaml *y, const struct yaml_node *n, const struct field *f, void *base, struct error **err)
{
	if (n->type == YAML_SCALAR)
		return read_enum(y, n, f, at(base, f->offset), err);
	if (n->type != YAML_MAP)
		return yaml_error(y, n, err, "%s must be a single value or a map, found %s", f->key, yaml_type_name(n));
	*(int *)at(base, f->offset) = (int)n_words(f);
	return schema_read(y, n, f->sub, base, err);
}

static int read_scalar(const struct yaml *y, const struct yaml_node *n, const struct field *f, void *to, struct error **err)
{
	struct error *why = NULL;
	int r;

	if (want(y, n, f, YAML_SCALAR, err) < 0)
		return -1;
	if (yaml_is_null(n))
		return yaml_error(y, n, err, "%s has no value", f->key);
	if (f->type == FIELD_ENUM)
		return read_enum(y, n, f, to, err);
	r = scalar_check(f, n->scalar, &why);
	if (r == 0 && f->type == FIELD_INT)
		*(int *)to = (int)strtol(n->scalar, NULL, 10);
	else if (r == 0 && f->type == FIELD_BOOL)
		*(bool *)to = strcmp(n->scalar, "true") == 0;
	else if (r == 0 && f->type == FIELD_SIZE)
		r = scalar_size(n->scalar, to, &why);
	else if (r == 0 && f->type == FIELD_TIME)
		r = scalar_time(n->scalar, to, &why);
	else if (r == 0)
		*(char **)to = xstrdup(n->scalar);
	if (r < 0) {
		yaml_error(y, n, err, "%s: %s", f->key, error_message(why));
		error_free(why);
	}
	return r;
}

static int read_strings(const struct yaml *y, const struct yaml_node *n, const struct field *f, struct strv *to, struct error **err)
{
	if (yaml_is_null(n))
		return 0;
	if (want(y, n, f, YAML_LIST, err) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++) {
		CLEANUP_ERROR struct error *why = NULL;

		if (n->values[i]->type != YAML_SCALAR)
			return yaml_error(y, n->values[i], err, "%s: entry %zu must be a single value, found %s", f->key, i + 1,
					  yaml_type_name(n->values[i]));
		if (scalar_check(f, n->values[i]->scalar, &why) < 0)
			return yaml_error(y, n->values[i], err, "%s: %s", f->key, error_message(why));
		strv_add(to, n->values[i]->scalar);
	}
	return 0;
}

static int read_labels(const struct yaml *y, const struct yaml_node *n, const struct field *f, struct strv *to, struct error **err)
{
	int (*check)(const char *key, const char *value, struct error **why) = f->type == FIELD_LABELS	     ? scalar_label
									       : f->type == FIELD_ANNOTATIONS ? scalar_annotation
													      : scalar_metadata;

	if (yaml_is_null(n))
		return 0;
	if (want(y, n, f, YAML_MAP, err) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++) {
		CLEANUP_ERROR struct error *why = NULL;

		if (want(y, n->values[i], f, YAML_SCALAR, err) < 0)
			return -1;
		if (check(n->keys[i], n->values[i]->scalar, &why) < 0)
			return yaml_error(y, n->key_nodes[i], err, "%s: %s", f->key, error_message(why));
		strv_addf(to, "%s=%s", n->keys[i], n->values[i]->scalar);
	}
	return 0;
}

static int read_list(const struct yaml *y, const struct yaml_node *n, const struct field *f, void *base, struct error **err)
{
	char *entries;

	if (want(y, n, f, YAML_LIST, err) < 0)
		return -1;
	entries = xcalloc(n->n, f->entry_size);
	*(void **)at(base, f->offset) = entries;
	*(size_t *)at(base, f->count_offset) = n->n;
	for (size_t i = 0; i < n->n; i++)
		if (want(y, n->values[i], f, YAML_MAP, err) < 0 ||
		    schema_read(y, n->values[i], f->sub, entries + i * f->entry_size, err) < 0)
			return -1;
	return 0;
}

static int read_field(const struct yaml *y, const struct yaml_node *n, const struct field *f, void *base, struct error **err)
{
	void *to = at(base, f->offset);

	switch (f->type) {
	case FIELD_STRINGS:
	case FIELD_CIDRS:
	case FIELD_ADDRESSES:
	case FIELD_TAINTS:
		return read_strings(y, n, f, to, err);
	case FIELD_LABELS:
	case FIELD_ANNOTATIONS:
	case FIELD_METADATA:
		return read_labels(y, n, f, to, err);
	case FIELD_LIST:
		return read_list(y, n, f, base, err);
	case FIELD_CHOICE:
		return read_choice(y, n, f, base, err);
	case FIELD_MAP:
		return want(y, n, f, YAML_MAP, err) < 0 ? -1 : schema_read(y, n, f->sub, to, err);
	case FIELD_JSON:
		if (yaml_is_null(n))
			return 0;
		if (want(y, n, f, YAML_MAP, err) < 0)
			return -1;
		*(struct json_object **)to = yaml_to_json(n);
		return 0;
	default:
		return read_scalar(y, n, f, to, err);
	}
}

/* Defaults are YAML text, read like the file's own. */
static int read_fallback(const struct field *f, void *base, struct error **err)
{
	CLEANUP_YAML struct yaml *y = NULL;

	if (yaml_parse("default", f->fallback, strlen(f->fallback), &y, err) < 0)
		return -1;
	return read_field(y, y->root, f, base, err);
}

int schema_read(const struct yaml *y, const struct yaml_node *map, const struct field *fields, void *base, struct error **err)
{
	for (size_t i = 0; i < map->n; i++)
		if (find(fields, map->keys[i]) == NULL)
			return unknown_key(y, map->key_nodes[i], fields, err);
	for (const struct field *f = fields; f->key != NULL; f++) {
		const struct yaml_node *n = yaml_get(map, f->key);
		int r = 0;

		if (n != NULL)
			r = read_field(y, n, f, base, err);
		else if (f->required)
			r = yaml_error(y, map, err, "\"%s\" is missing here: %s", f->key, f->about);
		else if (f->fallback != NULL)
			r = read_fallback(f, base, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

static void clear_list(const struct field *f, void *base)
{
	char *entries = *(char **)at(base, f->offset);
	size_t n = *(size_t *)at(base, f->count_offset);

	for (size_t i = 0; i < n; i++)
		schema_clear(f->sub, entries + i * f->entry_size);
	free(entries);
}

void schema_clear(const struct field *fields, void *base)
{
	for (const struct field *f = fields; f->key != NULL; f++) {
		void *to = at(base, f->offset);

		switch (f->type) {
		case FIELD_BOOL:
		case FIELD_INT:
		case FIELD_SIZE:
		case FIELD_TIME:
		case FIELD_ENUM:
			break;
		case FIELD_STRINGS:
		case FIELD_CIDRS:
		case FIELD_ADDRESSES:
		case FIELD_TAINTS:
		case FIELD_LABELS:
		case FIELD_ANNOTATIONS:
		case FIELD_METADATA:
			strv_free(to);
			break;
		case FIELD_JSON:
			json_object_put(*(struct json_object **)to);
			break;
		case FIELD_CHOICE:
			schema_clear(f->sub, base);
			break;
		case FIELD_MAP:
			schema_clear(f->sub, to);
			break;
		case FIELD_LIST:
			clear_list(f, base);
			break;
		default:
			free(*(char **)to);
		}
	}
}

static struct json_object *words_json(const struct field *f)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; f->allowed[i] != NULL; i++)
		json_object_array_add(list, json_object_new_string(f->allowed[i]));
	return list;
}

static struct json_object *choice_json(const struct field *f)
{
	struct json_object *list = json_object_new_array(), *word = json_object_new_object();

	json_add_str(word, "type", "string");
	json_add(word, "enum", words_json(f));
	json_object_array_add(list, word);
	json_object_array_add(list, schema_json(f->sub));
	return list;
}

static struct json_object *field_json(const struct field *f)
{
	static const char *const types[] = {
		[FIELD_STRING] = "string",    [FIELD_NAME] = "string",	   [FIELD_VERSION] = "string", [FIELD_CIDR] = "string",
		[FIELD_PATH] = "string",      [FIELD_URL] = "string",	      [FIELD_BOOL] = "boolean",	   [FIELD_METADATA] = "object",
		[FIELD_INT] = "integer",	   [FIELD_SIZE] = NULL,	       [FIELD_ENUM] = "string",
		[FIELD_STRINGS] = "array",    [FIELD_CIDRS] = "array",	   [FIELD_ADDRESSES] = "array", [FIELD_LABELS] = "object",
		[FIELD_TAINTS] = "array",     [FIELD_JSON] = "object",	   [FIELD_MAP] = "object",     [FIELD_LIST] = "array",
		[FIELD_CHOICE] = NULL,	      [FIELD_TIME] = "string",	   [FIELD_ANNOTATIONS] = "object",
	};
	struct json_object *o = f->type == FIELD_MAP ? schema_json(f->sub) : json_object_new_object();

	json_add_str(o, "description", f->about);
	json_add_str(o, "type", types[f->type]);
	if (f->type == FIELD_LIST)
		json_add(o, "items", schema_json(f->sub));
	if (f->type == FIELD_INT) {
		json_add_int(o, "minimum", f->min);
		json_add_int(o, "maximum", f->max);
	}
	if (f->type == FIELD_SIZE)
		json_add_str(o, "pattern", "^[0-9]+(Gi|Ti)?$");
	if (f->type == FIELD_TIME)
		json_add_str(o, "pattern", "^([0-9]+[smh]|never)$");
	if (f->type == FIELD_CHOICE)
		json_add(o, "oneOf", choice_json(f));
	else if (f->allowed != NULL)
		json_add(o, "enum", words_json(f));
	if (f->fallback != NULL && f->type != FIELD_MAP) {
		CLEANUP_YAML struct yaml *y = NULL;

		if (yaml_parse("default", f->fallback, strlen(f->fallback), &y, NULL) == 0)
			json_add(o, "default", yaml_to_json(y->root));
	}
	return o;
}

struct json_object *schema_json(const struct field *fields)
{
	struct json_object *o = json_object_new_object(), *properties = json_object_new_object(), *required = json_object_new_array();

	json_add_str(o, "type", "object");
	json_add_bool(o, "additionalProperties", false);
	for (const struct field *f = fields; f->key != NULL; f++) {
		json_add(properties, f->key, field_json(f));
		if (f->required)
			json_object_array_add(required, json_object_new_string(f->key));
	}
	json_add(o, "properties", properties);
	json_add(o, "required", required);
	return o;
}
