#include "core/cluster/upgrade.h"
#include "core/base/alloc.h"
#include "core/cluster/version.h"

static void check_api(const char *api, const char *target, struct strv *ret)
{
	struct version from, to;
	int minors;

	version_parse(api, &from);
	version_parse(target, &to);
	minors = version_minors(&from, &to);
	if (version_compare(&to, &from) < 0)
		strv_addf(ret, "the API server is %s: Kubernetes does not go back to %s", api, target);
	else if (minors > 1 && from.major == to.major)
		strv_addf(ret, "the API server is %s: it goes on by one minor version at a time, so that %d.%d comes before %s", api, from.major,
			  from.minor + 1, target);
	else if (minors > 1)
		strv_addf(ret, "the API server is %s: there is no way to %s", api, target);
}

static void check_kubelet(const struct upgrade_node *k, const char *target, struct strv *ret)
{
	struct version has, to;
	int minors;

	version_parse(target, &to);
	if (!version_parse(k->version, &has)) {
		strv_addf(ret, "the kubelet of %s tells no version that is known (\"%s\")", k->node, k->version);
		return;
	}
	minors = version_minors(&has, &to);
	if (version_compare(&has, &to) > 0)
		strv_addf(ret, "the kubelet of %s is %s, newer than the API server would be: none may be", k->node, k->version);
	else if (minors > UPGRADE_KUBELET_MINORS)
		strv_addf(ret, "the kubelet of %s is %s, more than %d minor versions behind %s: it comes first", k->node, k->version,
			  UPGRADE_KUBELET_MINORS, target);
}

void upgrade_refusals(const char *api, const char *target, const struct upgrade_node *kubelets, size_t n, struct strv *ret)
{
	check_api(api, target, ret);
	for (size_t i = 0; i < n; i++)
		check_kubelet(&kubelets[i], target, ret);
}

void upgrade_engine_refusals(const char *target, const struct upgrade_node *engines, size_t n, struct strv *ret)
{
	struct version has, to;

	version_parse(target, &to);
	for (size_t i = 0; i < n; i++)
		if (!version_parse(engines[i].version, &has))
			strv_addf(ret, "the engine of %s tells no version that is known (\"%s\")", engines[i].node, engines[i].version);
		else if (version_compare(&has, &to) > 0)
			strv_addf(ret, "the engine of %s is %s: engines do not go back to %s", engines[i].node, engines[i].version, target);
}

/* By https://docs.mirantis.com/mke/3.7/ops/upgrades-and-migrations/upgrade-mke.html, "Supported upgrade paths". */
void upgrade_mke_refusals(const char *mke, const char *target, struct strv *ret)
{
	struct version from, to;
	int minors;

	version_parse(target, &to);
	if (!version_parse(mke, &from)) {
		strv_addf(ret, "MKE tells no version that is known (\"%s\")", mke);
		return;
	}
	minors = version_minors(&from, &to);
	if (version_compare(&to, &from) < 0)
		strv_addf(ret, "MKE is %s: it does not go back to %s", mke, target);
	else if (minors > 1 && from.major == to.major)
		strv_addf(ret, "MKE is %s: it goes on by one minor version at a time, so that %d.%d comes before %s", mke, from.major, from.minor + 1, target);
	else if (minors > 1)
		strv_addf(ret, "MKE is %s: there is no way to %s", mke, target);
}

static void add(struct upgrade_steps *s, enum upgrade_phase phase, const struct plan_node *node)
{
	array_grow(s->items, s->n, s->cap);
	s->items[s->n++] = (struct upgrade_step){phase, node};
}

/* One for each node of the role that is not done. */
static void add_nodes(const struct plan *plan, enum node_role role, enum upgrade_phase phase,
		      bool (*done)(const struct plan_node *p, void *context), void *context, struct upgrade_steps *ret)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == role && (done == NULL || !done(&plan->nodes[i], context)))
			add(ret, phase, &plan->nodes[i]);
}

void upgrade_make_steps(const struct plan *plan, unsigned parts, bool (*done)(const struct plan_node *p, void *context), void *context,
			struct upgrade_steps *ret)
{
	bool kept = (parts & UPGRADE_WITH_SNAPSHOT) != 0;
	size_t before;

	add(ret, UPGRADE_BUNDLE, NULL);
	add_nodes(plan, NODE_REGISTRY, UPGRADE_REGISTRY, NULL, NULL, ret);
	if (kept)
		add(ret, UPGRADE_SNAPSHOT, NULL);
	before = ret->n;
	add_nodes(plan, NODE_CONTROL_PLANE, UPGRADE_PLANE, done, context, ret);
	if (kept && ret->n == before && (parts & UPGRADE_WITH_WHOLE) == 0)
		ret->n--;
	if ((parts & UPGRADE_WITH_ADDONS) != 0)
		add(ret, UPGRADE_ADDONS, NULL);
	add_nodes(plan, NODE_WORKER, UPGRADE_WORKER, done, context, ret); /* the plan has them pool by pool */
	if ((parts & UPGRADE_WITH_WHOLE) != 0)
		add(ret, UPGRADE_WHOLE, NULL);
	add(ret, UPGRADE_RETIRE, NULL);
}

void upgrade_steps_free(struct upgrade_steps *s)
{
	free(s->items);
	*s = (struct upgrade_steps){0};
}

void upgrade_put_last(struct upgrade_steps *s, const char *plane)
{
	for (size_t i = 0; plane != NULL && i + 1 < s->n; i++) {
		struct upgrade_step here = s->items[i];

		if (here.phase != UPGRADE_PLANE || s->items[i + 1].phase != UPGRADE_PLANE || strcmp(here.node->node.name, plane) != 0)
			continue;
		s->items[i] = s->items[i + 1];
		s->items[i + 1] = here;
	}
}

size_t upgrade_pool_len(const struct upgrade_steps *s, size_t first)
{
	size_t n = 0;

	while (first + n < s->n && s->items[first + n].phase == UPGRADE_WORKER &&
	       strcmp(s->items[first + n].node->node.pool, s->items[first].node->node.pool) == 0)
		n++;
	return n;
}

const char *upgrade_phase_name(enum upgrade_phase phase)
{
	static const char *const names[] = {
		[UPGRADE_BUNDLE] = "bundle",   [UPGRADE_REGISTRY] = "registry", [UPGRADE_SNAPSHOT] = "snapshot", [UPGRADE_PLANE] = "control-plane",
		[UPGRADE_ADDONS] = "add-ons", [UPGRADE_WORKER] = "worker",	[UPGRADE_WHOLE] = "mke",	[UPGRADE_RETIRE] = "retire",
	};

	return names[phase];
}
