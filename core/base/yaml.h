/*
 * yaml: a YAML document as a tree with positions, over libyaml; the one reader of YAML (and of JSON files of people).
 *
 * Limits, each a clear error: 1 MiB of text, depth 64, 100,000 nodes counted as if every alias were copied out (an alias
 * bomb), one document, string keys, no duplicate keys.  "<<" merge keys are resolved (clouds.yaml uses them).
 * Errors are of kind ERROR_CONFIG and begin with "file:line:column: ".
 */
#pragma once
#include "core/base/error.h"

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_type type;
	int line, column;	/* from 1 */
	size_t start, end;	/* byte offsets in the file: of a scalar's text, quotes included; of a list or map only where it begins */
	char *scalar;		/* YAML_SCALAR */
	bool plain;		/* not quoted and no block: "true", "~", 12 have their special meaning */
	size_t n;		/* YAML_LIST, YAML_MAP */
	char **keys;		/* YAML_MAP */
	struct yaml_node **key_nodes; /* positions of the keys */
	struct yaml_node **values;
	size_t weight;		/* nodes below and this one, aliases counted each time */
};

struct yaml {
	char *name; /* of the file, for messages */
	struct yaml_node *root;
	struct yaml_node **nodes; /* all of them; the tree may share some */
	size_t n_nodes, cap_nodes;
};

int yaml_load(const char *path, struct yaml **ret, struct error **err) MUST_USE;
int yaml_parse(const char *name, const char *text, size_t len, struct yaml **ret, struct error **err) MUST_USE;
void yaml_destroy(struct yaml *y); /* not yaml_free(): libyaml exports that name */
void yaml_destroy_ptr(struct yaml **y);
#define CLEANUP_YAML CLEANUP(yaml_destroy_ptr)

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL where missing or map is no map */
bool yaml_is_null(const struct yaml_node *n); /* NULL, "", ~, null */
/* "file:line:column: message", ERROR_CONFIG. */
int yaml_error(const struct yaml *y, const struct yaml_node *at, struct error **err, const char *fmt, ...) PRINTF_LIKE(4, 5);
const char *yaml_type_name(const struct yaml_node *n); /* "a string", "a list", "a map", "nothing" */
/* The tree as JSON text, scalars typed by YAML 1.2's core schema (null, bool, int, float, string). Caller frees. */
struct json_object *yaml_to_json(const struct yaml_node *n);
