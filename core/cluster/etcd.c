#include "core/cluster/etcd.h"
#include "core/base/alloc.h"

#define INITIAL "etcd:initial"
#define FORMED "etcd:formed"
#define ANEW "etcd:anew"

static char *join_key(const char *node)
{
	return xasprintf("etcd:join:%s", node);
}

static bool is_set(struct state *state, const char *key)
{
	CLEANUP_FREE char *value = state_get(state, key);

	return value != NULL && *value != '\0';
}

/* What was decided, or would be; "": all anew.  A cluster that was made before there was a choice has one member, the first. */
static void initial(struct state *state, const struct plan *plan, struct strv *ret)
{
	CLEANUP_FREE char *decided = state != NULL ? state_get(state, INITIAL) : NULL;

	if (decided != NULL && *decided != '\0') {
		strv_split(ret, decided, " ");
		return;
	}
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct node *n = &plan->nodes[i].node;

		if (n->role != NODE_CONTROL_PLANE)
			continue;
		strv_add(ret, n->name);
		if (decided == NULL && state != NULL && state_is_installed(state, n->name))
			return;
	}
}

int etcd_decide(struct state *state, const struct plan *plan, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *joined = NULL, *decided = state_get(state, INITIAL);
	bool was_before;

	if (decided != NULL && *decided != '\0')
		return 0;
	initial(state, plan, &names);
	was_before = decided == NULL && names.n > 0 && state_is_installed(state, names.v[0]);
	joined = strv_join(&names, " ");
	if (state_set(state, INITIAL, joined, err) < 0)
		return -1;
	return was_before ? etcd_has_formed(state, err) : 0;
}

int etcd_has_formed(struct state *state, struct error **err)
{
	return is_set(state, FORMED) ? 0 : state_set(state, FORMED, "1", err);
}

int etcd_is_new(struct state *state, const char *node, struct error **err)
{
	CLEANUP_FREE char *key = join_key(node);

	return is_set(state, FORMED) ? state_set(state, key, "1", err) : 0;
}

int etcd_is_lost(struct state *state, const struct plan *plan, struct error **err)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		CLEANUP_FREE char *key = join_key(plan->nodes[i].node.name);

		if (state_set(state, key, NULL, err) < 0)
			return -1;
	}
	if (state_set(state, ANEW, "1", err) < 0 || state_set(state, FORMED, NULL, err) < 0 || state_set(state, INITIAL, "", err) < 0)
		return -1;
	return 0;
}

bool etcd_was_lost(struct state *state)
{
	return is_set(state, ANEW);
}

int etcd_is_told(struct state *state, struct error **err)
{
	return state_set(state, ANEW, NULL, err);
}

static void others(const struct plan *plan, const char *node, struct strv *ret)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct node *n = &plan->nodes[i].node;

		if (n->role == NODE_CONTROL_PLANE && strcmp(n->name, node) != 0)
			strv_addf(ret, "%s %s", n->name, n->address);
	}
}

/* Those of the names that the plan has. */
static void together(const struct plan *plan, const struct strv *names, struct strv *ret)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (strv_has(names, plan->nodes[i].node.name))
			strv_addf(ret, "%s %s", plan->nodes[i].node.name, plan->nodes[i].node.address);
}

void etcd_start(struct state *state, const struct plan *plan, const char *node, struct etcd_start *ret)
{
	CLEANUP_STRV struct strv first = STRV_INIT;
	CLEANUP_FREE char *key = join_key(node);

	*ret = (struct etcd_start){.members = STRV_INIT};
	initial(state, plan, &first);
	if (!strv_has(&first, node) || (state != NULL && is_set(state, key)))
		others(plan, node, &ret->members);
	ret->join = ret->members.n > 0;
	if (!ret->join)
		together(plan, &first, &ret->members);
}

void etcd_start_clear(struct etcd_start *s)
{
	strv_free(&s->members);
}
