#include "cmd/select.h"
#include "core/base/alloc.h"

static int check_words(const char *kind, const struct strv *words, const struct strv *known, struct error **err)
{
	for (size_t i = 0; i < words->n; i++) {
		CLEANUP_FREE char *all = strv_join(known, ", "), *meant = str_meant(words->v[i], known);

		if (!strv_has(known, words->v[i]))
			return error_set(err, ERROR_USAGE, "--%s: no node is of %s \"%s\"; there are: %s%s", kind, kind, words->v[i], all, meant);
	}
	return 0;
}

static void add_new(struct strv *l, const char *s)
{
	if (!strv_has(l, s))
		strv_add(l, s);
}

static int check(const struct options *o, const struct node *nodes, size_t n, struct error **err)
{
	CLEANUP_STRV struct strv pools = STRV_INIT, roles = STRV_INIT;

	for (size_t i = 0; i < n; i++) {
		add_new(&pools, nodes[i].pool);
		add_new(&roles, node_role_name(nodes[i].role));
	}
	return check_words("pool", &o->pools, &pools, err) < 0 ? -1 : check_words("role", &o->roles, &roles, err);
}

static bool fits(const struct options *o, const struct strv *names, const struct node *n)
{
	return (names->n == 0 || strv_has(names, n->name)) && (o->pools.n == 0 || strv_has(&o->pools, n->pool)) &&
	       (o->roles.n == 0 || strv_has(&o->roles, node_role_name(n->role)));
}

int select_nodes(const struct context *c, struct strv *ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	size_t n;
	struct node *nodes = inventory_list(c->inventory, &n);
	int r = check(c->o, nodes, n, err) < 0 ? -1 : context_node_names(c, &c->o->nodes, &names, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (fits(c->o, &names, &nodes[i]))
			strv_add(ret, nodes[i].name);
	node_list_free(nodes, n);
	if (r == 0 && ret->n == 0)
		r = error_set(err, ERROR_USAGE, "no node of cluster %s is of all that was asked for", c->spec->name);
	return r;
}
