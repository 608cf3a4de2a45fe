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

bool stacks_has(struct state *state, const char *name)
{
	CLEANUP_FREE char *key = key_of(name), *had = state != NULL ? state_get(state, key) : NULL;

	return had != NULL;
}

int stacks_note(struct state *state, const char *name, const char *digest, struct error **err)
{
	CLEANUP_FREE char *key = key_of(name);

	return state_set(state, key, digest, err);
}

int stacks_renounce(const struct spec *spec, struct state *state, struct error **err)
{
	for (size_t i = 0; i < spec->n_stacks; i++)
		if (stacks_note(state, spec->stacks[i].name, NULL, err) < 0)
			return -1;
	return spec->swarm.portainer.version != NULL ? stacks_note(state, PORTAINER_STACK, NULL, err) : 0;
}

static void clear_stack(struct stack *s)
{
	free(s->name);
	buf_wipe(&s->text); /* who writes a password there */
}

static void add(const char *name, const struct buf *text, struct state *state, struct stacks *ret)
{
	CLEANUP_FREE char *key = key_of(name), *had = state != NULL ? state_get(state, key) : NULL;
	struct stack s = {.is_new = had == NULL};

	digest_hex(buf_str(text), text->len, s.digest);
	if (had != NULL && strcmp(had, s.digest) == 0)
		return;
	s.name = xstrdup(name);
	buf_add_mem(&s.text, text->data, text->len);
	array_grow(ret->items, ret->n, ret->cap);
	ret->items[ret->n++] = s;
}

static int compare(const struct stack_spec *wanted, struct state *state, struct stacks *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (path_read(wanted->file, &text, err) < 0 || stack_check(wanted->file, buf_str(&text), text.len, err) < 0)
		return error_wrap(err, "stack %s", wanted->name);
	add(wanted->name, &text, state, ret);
	return 0;
}

struct search {
	const struct spec *spec;
	bool portainer;
	struct strv *removed;
};

static void find_removed(const char *key, const char *value UNUSED, void *context)
{
	const struct search *s = context;
	const char *name = key + strlen(DEPLOYED);

	if (strncmp(key, DEPLOYED, strlen(DEPLOYED)) != 0 || (s->portainer && strcmp(name, PORTAINER_STACK) == 0))
		return;
	for (size_t i = 0; i < s->spec->n_stacks; i++)
		if (strcmp(s->spec->stacks[i].name, name) == 0)
			return;
	strv_add(s->removed, name);
}

int stacks_compare(const struct spec *spec, const struct buf *portainer, struct state *state, struct stacks *ret, struct error **err)
{
	struct search search = {spec, portainer != NULL, &ret->removed};

	for (size_t i = 0; i < spec->n_stacks; i++)
		if (compare(&spec->stacks[i], state, ret, err) < 0)
			return -1;
	if (portainer != NULL)
		add(PORTAINER_STACK, portainer, state, ret);
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
