#include "core/base/json.h"
#include "core/base/alloc.h"
#include <limits.h>

enum { DEPTH_MAX = 64 };

void json_free_ptr(struct json_object **o)
{
	json_object_put(*o);
	*o = NULL;
}

int json_parse(const char *text, size_t len, const char *what, struct json_object **ret, struct error **err)
{
	struct json_tokener *t;
	struct json_object *o;
	enum json_tokener_error e;
	size_t end;

	if (len > INT_MAX)
		return error_set(err, ERROR_REMOTE, "%s: the JSON text is too long", what);
	t = json_tokener_new_ex(DEPTH_MAX);
	if (t == NULL)
		abort();
	o = json_tokener_parse_ex(t, text, (int)len);
	e = json_tokener_get_error(t);
	end = json_tokener_get_parse_end(t);
	if (e == json_tokener_continue) { /* a bare number ends only with the text */
		o = json_tokener_parse_ex(t, "", 1);
		e = json_tokener_get_error(t);
		end = len;
	}
	json_tokener_free(t);
	if (e != json_tokener_success) {
		json_object_put(o);
		return error_set(err, ERROR_REMOTE, "%s: not JSON: %s", what, json_tokener_error_desc(e));
	}
	while (end < len && strchr(" \t\r\n", text[end]) != NULL)
		end++;
	if (end < len) {
		json_object_put(o);
		return error_set(err, ERROR_REMOTE, "%s: text after the JSON value", what);
	}
	*ret = o;
	return 0;
}

/* One step of a path: "name", "[3]"; moves *path behind it and a dot. */
static struct json_object *step(struct json_object *o, const char **path)
{
	struct json_object *next = NULL;

	if (**path == '[') {
		char *end;
		unsigned long i = strtoul(*path + 1, &end, 10);

		if (json_object_is_type(o, json_type_array) && i < json_object_array_length(o))
			next = json_object_array_get_idx(o, i);
		*path = *end == ']' ? end + 1 : end;
	} else {
		size_t n = strcspn(*path, ".[");
		CLEANUP_FREE char *key = xstrndup(*path, n);

		if (json_object_is_type(o, json_type_object))
			json_object_object_get_ex(o, key, &next);
		*path += n;
	}
	if (**path == '.')
		(*path)++;
	return next;
}

struct json_object *json_at(struct json_object *o, const char *path)
{
	while (o != NULL && *path != '\0')
		o = step(o, &path);
	return o;
}

static int need(struct json_object *o, const char *path, enum json_type type, struct json_object **ret, struct error **err)
{
	struct json_object *v = json_at(o, path);

	if (v == NULL)
		return error_set(err, ERROR_REMOTE, "%s: missing", path);
	if (!json_object_is_type(v, type))
		return error_set(err, ERROR_REMOTE, "%s: expected %s, found %s", path, json_type_to_name(type),
				 json_type_to_name(json_object_get_type(v)));
	*ret = v;
	return 0;
}

int json_need_str(struct json_object *o, const char *path, const char **ret, struct error **err)
{
	struct json_object *v = NULL;

	if (need(o, path, json_type_string, &v, err) < 0)
		return -1;
	*ret = json_object_get_string(v);
	return 0;
}

int json_need_int(struct json_object *o, const char *path, int64_t *ret, struct error **err)
{
	struct json_object *v = NULL;

	if (need(o, path, json_type_int, &v, err) < 0)
		return -1;
	*ret = json_object_get_int64(v);
	return 0;
}

int json_need_object(struct json_object *o, const char *path, struct json_object **ret, struct error **err)
{
	return need(o, path, json_type_object, ret, err);
}

int json_need_array(struct json_object *o, const char *path, struct json_object **ret, struct error **err)
{
	return need(o, path, json_type_array, ret, err);
}

const char *json_get_str(struct json_object *o, const char *path, const char *fallback)
{
	struct json_object *v = json_at(o, path);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : fallback;
}

int64_t json_get_int(struct json_object *o, const char *path, int64_t fallback)
{
	struct json_object *v = json_at(o, path);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : fallback;
}

bool json_get_bool(struct json_object *o, const char *path, bool fallback)
{
	struct json_object *v = json_at(o, path);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : fallback;
}

const char *json_get_key(struct json_object *o, const char *key, const char *fallback)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return fallback;
	return json_object_get_string(value);
}

size_t json_len(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

void json_add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

void json_add_str(struct json_object *o, const char *key, const char *value)
{
	if (value != NULL)
		json_add(o, key, json_object_new_string(value));
}

void json_add_int(struct json_object *o, const char *key, int64_t value)
{
	json_add(o, key, json_object_new_int64(value));
}

void json_add_bool(struct json_object *o, const char *key, bool value)
{
	json_add(o, key, json_object_new_boolean(value));
}

void json_pretty(struct json_object *o, struct buf *ret)
{
	buf_truncate(ret, 0);
	buf_add(ret, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_add_char(ret, '\n');
}
