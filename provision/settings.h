/*
 * settings: nested maps flattened to "auth.username" = "demo", so that laying one file over another is one assignment a leaf.
 * A list replaces the list below it as a whole ("networks[0].name").  Values may be secret: wiped when replaced or freed.
 */
#pragma once
#include "core/base/yaml.h"

struct settings {
	char **keys, **values;
	size_t n, cap, cap_values;
};
#define SETTINGS_INIT ((struct settings){0})

void settings_set(struct settings *s, const char *key, const char *value);
const char *settings_get(const struct settings *s, const char *key); /* NULL where missing or "" */
bool settings_has_prefix(const struct settings *s, const char *prefix);
/* Lay the tree below node over s, keys behind prefix ("" or "auth."); "-" in keys becomes "_"; nulls are left out. */
void settings_lay_yaml(struct settings *s, const char *prefix, const struct yaml_node *node);
/* Lay over s what from has below prefix, without the prefix. */
void settings_lay(struct settings *s, const struct settings *from, const char *prefix);
/* "true", "yes", "on", "1" and their opposites in any case. */
bool settings_bool(const char *value, bool fallback);
void settings_free(struct settings *s);
#define CLEANUP_SETTINGS CLEANUP(settings_free)
