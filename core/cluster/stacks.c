#include "core/cluster/stacks.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/base/yaml.h"

#define DEPLOYED "stack:"

/* Keys by which a Compose file refers to other files: of each member of a map, or of the file itself (map NULL). */
static const struct {
	const char *map, *key;
} elsewhere[] = {
	{NULL, "include"}, {"services", "env_file"}, {"services", "extends"}, {"configs", "file"}, {"secrets", "file"},
};

static const struct yaml_node *in_members(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map != NULL && map->type == YAML_MAP && i < map->n; i++) {
		const struct yaml_node *at = map->values[i]->type == YAML_MAP ? yaml_get(map->values[i], key) : NULL;

		if (at != NULL)
			return at;
	}
	return NULL;
}

static int check_alone(const struct yaml *y, const char *map, const char *key, struct error **err)
{
	const struct yaml_node *at = map != NULL ? in_members(yaml_get(y->root, map), key) : yaml_get(y->root, key);

	if (at == NULL)
		return 0;
	return yaml_error(y, at, err, "%s: this is of another file, which the manager that reads this one does not have; make configs and secrets there (docker config "
				      "create, docker secret create), and say \"external: true\"",
			  key);
}

int stack_check(const char *name, const char *text, size_t len, struct error **err)
{
	CLEANUP_YAML struct yaml *y = NULL;
	const struct yaml_node *services;

	if (yaml_parse(name, text, len, &y, err) < 0)
		return -1;
	services = y->root != NULL && y->root->type == YAML_MAP ? yaml_get(y->root, "services") : NULL;
	if (services == NULL || services->type != YAML_MAP || services->n == 0)
		return yaml_error(y, services != NULL ? services : y->root, err, "services: a Compose file has a map of at least one service");
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (check_alone(y, elsewhere[i].map, elsewhere[i].key, err) < 0)
			return -1;
	return 0;
}

static char *key_of(const char *name)
{
	return xasprintf(DEPLOYED "%s", name);
}

int stacks_note(struct state *state, const char *name, const char *digest, struct error **err)
{
	CLEANUP_FREE char *key = key_of(name);

	return state_set(state, key, digest, err);
}

static void clear_stack(struct stack *s)
{
	free(s->name);
	buf_wipe(&s->text); /* who writes a password there */
}

static int compare(const struct stack_spec *wanted, struct state *state, struct stacks *ret, struct error **err)
{
	CLEANUP_FREE char *key = key_of(wanted->name), *had = state != NULL ? state_get(state, key) : NULL;
	struct stack s = {.name = xstrdup(wanted->name), .text = BUF_INIT, .is_new = had == NULL};

	if (path_read(wanted->file, &s.text, err) < 0 || stack_check(wanted->file, buf_str(&s.text), s.text.len, err) < 0) {
		clear_stack(&s);
		return error_wrap(err, "stack %s", wanted->name);
	}
	digest_hex(buf_str(&s.text), s.text.len, s.digest);
	if (had != NULL && strcmp(had, s.digest) == 0) {
		clear_stack(&s);
		return 0;
	}
	array_grow(ret->items, ret->n, ret->cap);
	ret->items[ret->n++] = s;
	return 0;
}

struct search {
	const struct spec *spec;
	struct strv *removed;
};

static void find_removed(const char *key, const char *value UNUSED, void *context)
{
	const struct search *s = context;

	if (strncmp(key, DEPLOYED, strlen(DEPLOYED)) != 0)
		return;
	for (size_t i = 0; i < s->spec->n_stacks; i++)
		if (strcmp(s->spec->stacks[i].name, key + strlen(DEPLOYED)) == 0)
			return;
	strv_add(s->removed, key + strlen(DEPLOYED));
}

int stacks_compare(const struct spec *spec, struct state *state, struct stacks *ret, struct error **err)
{
	struct search search = {spec, &ret->removed};

	for (size_t i = 0; i < spec->n_stacks; i++)
		if (compare(&spec->stacks[i], state, ret, err) < 0)
			return -1;
	return state != NULL ? state_values(state, find_removed, &search, err) : 0;
}

void stacks_clear(struct stacks *s)
{
	for (size_t i = 0; i < s->n; i++)
		clear_stack(&s->items[i]);
	free(s->items);
	strv_free(&s->removed);
	*s = (struct stacks){0};
}
