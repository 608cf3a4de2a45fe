/*
 * schema: tables that say what keys a map of the cluster file may have; one table feeds the reader, the errors and the JSON
 * Schema.  Defaults stand in the table as they would in the file.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/yaml.h"

enum field_type {
	FIELD_STRING,	 /* char * */
	FIELD_NAME,	 /* char *: RFC 1123 label of at most `max` characters */
	FIELD_VERSION,	 /* char *: 1.36.3 */
	FIELD_CIDR,	 /* char * */
	FIELD_PATH,	 /* char *: absolute, of letters, digits, - _ . between single slashes */
	FIELD_URL,	 /* char *: http, https or file */
	FIELD_BOOL,	 /* bool: true or false */
	FIELD_INT,	 /* int, min … max */
	FIELD_SIZE,	 /* int64_t of GiB: 20, 20Gi, 1Ti; min … max */
	FIELD_TIME,	 /* int64_t of milliseconds: 90s, 10m, 1h, or never: INT64_MAX */
	FIELD_ENUM,	 /* enum: index into allowed */
	FIELD_STRINGS,	 /* struct strv */
	FIELD_CIDRS,	 /* struct strv */
	FIELD_ADDRESSES, /* struct strv of IPv4 addresses */
	FIELD_LABELS,	 /* struct strv "key=value" from a map */
	FIELD_ANNOTATIONS, /* likewise */
	FIELD_METADATA,	 /* struct strv "key=value" from a map: what nova and cinder take */
	FIELD_TAINTS,	 /* struct strv "key=value:Effect" */
	FIELD_JSON,	 /* struct json_object *: any map */
	FIELD_CHOICE,	 /* enum: a word of allowed, or a map with fields of `sub` (relative to the same base): the index after them */
	FIELD_MAP,	 /* fields of `sub`, at offset */
	FIELD_LIST	 /* list of maps with fields `sub`: pointer at offset, size_t at count_offset, entries of entry_size */
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	const char *about; /* a sentence for the schema */
	const char *fallback; /* YAML text; NULL: stays zero */
	bool required;
	long min, max;
	const char *const *allowed; /* NULL-terminated */
	const struct field *sub;    /* ends with a key of NULL */
	size_t count_offset, entry_size;
};

/* Fill base from the map; unknown, missing, mistyped and impossible entries are errors with their position. */
int schema_read(const struct yaml *y, const struct yaml_node *map, const struct field *fields, void *base, struct error **err) MUST_USE;
/* Free what schema_read() allocated below base. */
void schema_clear(const struct field *fields, void *base);
/* As a JSON Schema object; the caller puts. */
struct json_object *schema_json(const struct field *fields);
