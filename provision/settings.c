#include "provision/settings.h"
#include "core/base/alloc.h"
#include <strings.h>

static size_t find(const struct settings *s, const char *key)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->keys[i], key) != 0)
		i++;
	return i;
}

void settings_set(struct settings *s, const char *key, const char *value)
{
	size_t i = find(s, key);

	if (i == s->n) {
		array_grow(s->keys, s->n, s->cap);
		array_grow(s->values, s->n, s->cap_values);
		s->keys[s->n] = xstrdup(key);
		s->values[s->n++] = NULL;
	}
	secret_free(s->values[i]);
	s->values[i] = xstrdup(value);
}

const char *settings_get(const struct settings *s, const char *key)
{
	size_t i = find(s, key);

	return i < s->n && s->values[i][0] != '\0' ? s->values[i] : NULL;
}

bool settings_has_prefix(const struct settings *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->keys[i], prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static void drop_prefix(struct settings *s, const char *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (strncmp(s->keys[i], prefix, strlen(prefix)) == 0) {
			free(s->keys[i]);
			secret_free(s->values[i]);
			continue;
		}
		s->keys[kept] = s->keys[i];
		s->values[kept++] = s->values[i];
	}
	s->n = kept;
}

void settings_lay_yaml(struct settings *s, const char *prefix, const struct yaml_node *node)
{
	size_t len = strlen(prefix);

	if (yaml_is_null(node))
		return;
	if (node->type == YAML_SCALAR) { /* the prefix ends with the dot of a map: drop it */
		CLEANUP_FREE char *key = xstrndup(prefix, len > 0 && prefix[len - 1] == '.' ? len - 1 : len);

		settings_set(s, key, node->scalar);
		return;
	}
	if (node->type == YAML_LIST && len > 0) {
		CLEANUP_FREE char *list = xasprintf("%.*s[", (int)len - 1, prefix);

		drop_prefix(s, list);
	}
	for (size_t i = 0; i < node->n; i++) {
		CLEANUP_FREE char *below = node->type == YAML_MAP
						   ? xasprintf("%s%s.", prefix, node->keys[i])
						   : xasprintf("%.*s[%zu].", len > 0 ? (int)len - 1 : 0, prefix, i);

		for (char *p = below + len; node->type == YAML_MAP && *p != '\0'; p++)
			*p = *p == '-' ? '_' : *p;
		settings_lay_yaml(s, below, node->values[i]);
	}
}

void settings_lay(struct settings *s, const struct settings *from, const char *prefix)
{
	size_t len = strlen(prefix);

	/* First the lists that from brings: they replace those of s, of whatever length. */
	for (size_t i = 0; i < from->n; i++) {
		const char *key = from->keys[i];
		const char *bracket = strchr(strncmp(key, prefix, len) == 0 ? key + len : "", '[');

		if (bracket != NULL) {
			CLEANUP_FREE char *list = xstrndup(key + len, (size_t)(bracket - key) - len + 1);

			drop_prefix(s, list);
		}
	}
	for (size_t i = 0; i < from->n; i++)
		if (strncmp(from->keys[i], prefix, len) == 0)
			settings_set(s, from->keys[i] + len, from->values[i]);
}

bool settings_bool(const char *value, bool fallback)
{
	static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; value != NULL && i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(value, yes[i]) == 0)
			return true;
		if (strcasecmp(value, no[i]) == 0)
			return false;
	}
	return fallback;
}

void settings_free(struct settings *s)
{
	drop_prefix(s, "");
	free(s->keys);
	free(s->values);
	*s = SETTINGS_INIT;
}
