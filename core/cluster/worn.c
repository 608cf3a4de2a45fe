#include "core/cluster/worn.h"
#include "core/base/alloc.h"
#include "core/base/path.h"

#define KEY "worn"
#define COPY "cluster.yaml"

static void add_keys(struct strv *to, const char *kind, const struct strv *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		strv_addf(to, "%s %.*s", kind, (int)strcspn(pairs->v[i], "="), pairs->v[i]);
}

/* Of one key and one effect a node has one taint: its value is no part of what it is. */
static void add_taints(struct strv *to, const struct strv *taints)
{
	for (size_t i = 0; i < taints->n; i++)
		strv_addf(to, "taint %.*s%s", (int)strcspn(taints->v[i], "=:"), taints->v[i], strrchr(taints->v[i], ':'));
}

static void wanted(const struct pool_spec *pool, struct strv *ret)
{
	add_keys(ret, "label", &pool->labels);
	add_keys(ret, "annotation", &pool->annotations);
	add_taints(ret, &pool->taints);
}

/* Into the pool's list goes what is not there yet. */
static void add_wanted(struct json_object *worn, const struct pool_spec *pool)
{
	CLEANUP_STRV struct strv all = STRV_INIT;
	struct json_object *had = NULL, *list = json_object_new_array();

	if (json_object_object_get_ex(worn, pool->name, &had))
		for (size_t i = 0; i < json_len(had); i++)
			strv_add(&all, json_object_get_string(json_object_array_get_idx(had, i)));
	wanted(pool, &all);
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			json_object_array_add(list, json_object_new_string(all.v[i]));
	json_add(worn, pool->name, list);
}

static void add_spec(struct json_object *worn, const struct spec *spec)
{
	add_wanted(worn, &spec->control_plane);
	for (size_t i = 0; i < spec->n_pools; i++)
		add_wanted(worn, &spec->pools[i]);
}

/* A copy that is not there, or that this davit cannot read, tells nothing. */
static void add_copy(struct json_object *worn, struct state *state)
{
	CLEANUP_FREE char *copy = state_path(state, COPY);
	CLEANUP_SPEC struct spec *spec = NULL;

	if (spec_load(copy, &spec, NULL) == 0)
		add_spec(worn, spec);
}

int worn_read(struct state *state, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *text = state_get(state, KEY);

	if (text != NULL)
		return json_parse(text, strlen(text), "\"" KEY "\" of the state", ret, err);
	*ret = json_object_new_object();
	add_copy(*ret, state);
	return 0;
}

static int write(struct state *state, struct json_object *worn, struct error **err)
{
	CLEANUP_FREE char *had = state_get(state, KEY);
	const char *text = json_object_to_json_string_ext(worn, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	return had != NULL && strcmp(had, text) == 0 ? 0 : state_set(state, KEY, text, err);
}

int worn_note(const struct spec *spec, struct state *state, struct error **err)
{
	CLEANUP_JSON struct json_object *worn = NULL;

	if (worn_read(state, &worn, err) < 0)
		return -1;
	add_spec(worn, spec);
	return write(state, worn, err);
}

static bool is_whole(const struct plan *plan, const char *pool)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (strcmp(plan->nodes[i].node.pool, pool) == 0 && plan->nodes[i].node.cloud == NODE_FAILED)
			return false;
	return true;
}

/* Pools that are gone go from it too. */
int worn_settle(const struct plan *plan, struct state *state, struct error **err)
{
	CLEANUP_JSON struct json_object *had = NULL, *worn = json_object_new_object();

	if (worn_read(state, &had, err) < 0)
		return -1;
	for (size_t i = 0; i <= plan->spec->n_pools; i++) {
		const struct pool_spec *pool = i == 0 ? &plan->spec->control_plane : &plan->spec->pools[i - 1];
		struct json_object *list = NULL;

		if (!is_whole(plan, pool->name) && json_object_object_get_ex(had, pool->name, &list))
			json_add(worn, pool->name, json_object_get(list));
		add_wanted(worn, pool);
	}
	return write(state, worn, err);
}

void worn_dropped(struct json_object *worn, const struct pool_spec *pool, const char *kind, struct strv *ret)
{
	CLEANUP_STRV struct strv keep = STRV_INIT;
	struct json_object *list = NULL;
	size_t n = strlen(kind);

	wanted(pool, &keep);
	if (worn == NULL || !json_object_object_get_ex(worn, pool->name, &list))
		return;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		if (strncmp(text, kind, n) == 0 && text[n] == ' ' && !strv_has(&keep, text))
			strv_add(ret, text + n + 1);
	}
}
