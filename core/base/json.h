/*
 * json: typed reading of JSON values with errors that say where ("servers[0].status: expected string"), over json-c.
 * Values are built with json-c's own functions (json_object_new_object(), json_object_object_add(), …), through this header.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"
#include <json-c/json.h>

/* Depth at most 64, nothing after the value.  what: named in errors, e.g. a URL.  The caller puts: json_object_put(). */
int json_parse(const char *text, size_t len, const char *what, struct json_object **ret, struct error **err) MUST_USE;
void json_free_ptr(struct json_object **o);
#define CLEANUP_JSON CLEANUP(json_free_ptr)

/*
 * Read the member at a path such as "server.addresses" or "links[0].href".  A missing member, or a null, is an error of
 * kind ERROR_REMOTE in json_need_*; json_get_* give the fallback where it is missing or of another type.
 * Strings and objects are borrowed from o.
 */
int json_need_str(struct json_object *o, const char *path, const char **ret, struct error **err) MUST_USE;
int json_need_int(struct json_object *o, const char *path, int64_t *ret, struct error **err) MUST_USE;
int json_need_object(struct json_object *o, const char *path, struct json_object **ret, struct error **err) MUST_USE;
int json_need_array(struct json_object *o, const char *path, struct json_object **ret, struct error **err) MUST_USE;
struct json_object *json_at(struct json_object *o, const char *path); /* NULL where missing */
const char *json_get_str(struct json_object *o, const char *path, const char *fallback);
int64_t json_get_int(struct json_object *o, const char *path, int64_t fallback);
bool json_get_bool(struct json_object *o, const char *path, bool fallback);
/* The string under exactly that key, dots and all, as of labels and annotations; fallback where o is no object or has none. */
const char *json_get_key(struct json_object *o, const char *key, const char *fallback);
size_t json_len(struct json_object *array); /* 0 where it is no array */

/* Indented text and a newline, in place of what ret holds. */
void json_pretty(struct json_object *o, struct buf *ret);
void json_add_str(struct json_object *o, const char *key, const char *value); /* NULL value: left out */
void json_add_int(struct json_object *o, const char *key, int64_t value);
void json_add_bool(struct json_object *o, const char *key, bool value);
void json_add(struct json_object *o, const char *key, struct json_object *value); /* takes value */
