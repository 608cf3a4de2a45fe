#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "bootstrap/selector.h"
#include "core/base/alloc.h"
#include "core/cluster/version.h"

/* Of one candidate; what speaks for its going first is the larger rank. */
struct standing {
	const struct leave_candidate *candidate;
	int rank;
	struct version version;
	size_t pods;
	const char *created;  /* RFC 3339 in UTC, as Kubernetes writes it */
	size_t left_in_zone;  /* candidates of its zone that are not taken */
	bool taken;
};
enum { RANK_FINE, RANK_CORDONED, RANK_NOT_READY, RANK_NO_SERVER };

static struct json_object *nth(struct json_object *facts, size_t i, const char *kind)
{
	struct json_object *o = json_object_array_get_idx(json_at(facts, "items"), i);

	return strcmp(json_get_str(o, "kind", ""), kind) == 0 ? o : NULL;
}

static size_t count(struct json_object *facts)
{
	return json_len(json_at(facts, "items"));
}

struct json_object *leave_node(struct json_object *facts, const char *name)
{
	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *o = nth(facts, i, "Node");

		if (o != NULL && strcmp(json_get_str(o, "metadata.name", ""), name) == 0)
			return o;
	}
	return NULL;
}

bool leave_is_known(struct json_object *facts, const char *node)
{
	return leave_node(facts, node) != NULL;
}

bool leave_is_ready(struct json_object *facts, const char *node)
{
	return node_is_ready(leave_node(facts, node));
}

static const char *controller(struct json_object *pod)
{
	struct json_object *owners = json_at(pod, "metadata.ownerReferences");

	for (size_t i = 0; i < json_len(owners); i++) {
		struct json_object *o = json_object_array_get_idx(owners, i);

		if (json_get_bool(o, "controller", false))
			return json_get_str(o, "kind", "");
	}
	return NULL;
}

/* A pod whose way the node's end is in. */
static bool is_ordinary(struct json_object *pod)
{
	const char *phase = json_get_str(pod, "status.phase", ""), *by = controller(pod);

	if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
		return false;
	if (json_get_key(json_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror", NULL) != NULL)
		return false;
	return by == NULL || strcmp(by, "DaemonSet") != 0;
}

static struct json_object *ordinary_on(struct json_object *facts, size_t i, const char *node)
{
	struct json_object *pod = nth(facts, i, "Pod");

	return pod != NULL && strcmp(json_get_str(pod, "spec.nodeName", ""), node) == 0 && is_ordinary(pod) ? pod : NULL;
}

static char *full_name(struct json_object *o)
{
	return xasprintf("%s/%s", json_get_str(o, "metadata.namespace", ""), json_get_str(o, "metadata.name", ""));
}

void leave_pods(struct json_object *facts, const char *node, struct strv *ret)
{
	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *pod = ordinary_on(facts, i, node);

		if (pod != NULL)
			strv_take(ret, full_name(pod));
	}
}

static bool is_control_plane(struct json_object *node)
{
	return json_get_key(json_at(node, "metadata.labels"), "node-role.kubernetes.io/control-plane", NULL) != NULL;
}

size_t leave_others(struct json_object *facts, const struct strv *names)
{
	size_t n = 0;

	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *node = nth(facts, i, "Node");

		n += node != NULL && !strv_has(names, json_get_str(node, "metadata.name", "")) && node_is_ready(node) &&
		     !is_control_plane(node) && !json_get_bool(node, "spec.unschedulable", false);
	}
	return n;
}

static bool guards(struct json_object *budget, struct json_object *pod)
{
	return budget != NULL &&
	       strcmp(json_get_str(budget, "metadata.namespace", ""), json_get_str(pod, "metadata.namespace", "")) == 0 &&
	       selector_matches(json_at(budget, "spec.selector"), json_at(pod, "metadata.labels"));
}

/* Also when all its pods are well: nothing will change that by itself. */
static bool never_allows(struct json_object *budget)
{
	return json_get_int(budget, "status.expectedPods", 0) > 0 &&
	       json_get_int(budget, "status.desiredHealthy", 0) >= json_get_int(budget, "status.expectedPods", 0);
}

static bool stands_in_the_way(struct json_object *budget, bool for_good)
{
	return json_get_int(budget, "status.disruptionsAllowed", 0) <= 0 && (!for_good || never_allows(budget));
}

enum { FOR_GOOD = 1 << 0, LONE_PODS = 1 << 1 };

static void budgets_of(struct json_object *facts, struct json_object *pod, bool for_good, struct strv *ret)
{
	CLEANUP_FREE char *name = full_name(pod), *all = NULL;
	CLEANUP_STRV struct strv budgets = STRV_INIT;

	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *budget = nth(facts, i, "PodDisruptionBudget");

		if (!guards(budget, pod))
			continue;
		strv_take(&budgets, full_name(budget));
		if (stands_in_the_way(budget, for_good))
			strv_addf(ret, "pod %s: the budget %s allows no disruption (%lld of %lld healthy ones are needed)", name,
				  budgets.v[budgets.n - 1], (long long)json_get_int(budget, "status.desiredHealthy", 0),
				  (long long)json_get_int(budget, "status.currentHealthy", 0));
	}
	all = strv_join(&budgets, ", ");
	if (budgets.n > 1)
		strv_addf(ret, "pod %s: Kubernetes evicts none that more than one budget guards (%s)", name, all);
}

static void blockers(struct json_object *facts, const char *node, unsigned which, struct strv *ret)
{
	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *pod = ordinary_on(facts, i, node);
		CLEANUP_FREE char *name = pod != NULL ? full_name(pod) : NULL;

		if (pod == NULL)
			continue;
		if ((which & LONE_PODS) != 0 && controller(pod) == NULL)
			strv_addf(ret, "pod %s: nothing makes it again elsewhere", name);
		budgets_of(facts, pod, (which & FOR_GOOD) != 0, ret);
	}
}

void leave_blockers(struct json_object *facts, const char *node, struct strv *ret)
{
	blockers(facts, node, LONE_PODS, ret);
}

void leave_obstacles(struct json_object *facts, const char *node, struct strv *ret)
{
	blockers(facts, node, FOR_GOOD | LONE_PODS, ret);
}

void leave_budgets(struct json_object *facts, const char *node, struct strv *ret)
{
	blockers(facts, node, FOR_GOOD, ret);
}

static bool same_zone(const struct standing *a, const struct standing *b)
{
	return a->candidate->zone != NULL && b->candidate->zone != NULL && strcmp(a->candidate->zone, b->candidate->zone) == 0;
}

static struct standing *find(struct standing *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].candidate->name, name) == 0)
			return &all[i];
	return NULL;
}

static void read_node(struct standing *s, struct json_object *node)
{
	if (!s->candidate->there)
		return;
	s->rank = !node_is_ready(node) ? RANK_NOT_READY : json_get_bool(node, "spec.unschedulable", false) ? RANK_CORDONED : RANK_FINE;
	s->created = json_get_str(node, "metadata.creationTimestamp", "");
	version_parse(json_get_str(node, "status.nodeInfo.kubeletVersion", ""), &s->version);
}

/* In one pass: there may be thousands of nodes, and ten times as many pods. */
static void read_facts(struct standing *all, size_t n, struct json_object *facts)
{
	for (size_t i = 0; i < count(facts); i++) {
		struct json_object *node = nth(facts, i, "Node"), *pod = nth(facts, i, "Pod");
		struct standing *s = NULL;

		if (node != NULL && (s = find(all, n, json_get_str(node, "metadata.name", ""))) != NULL)
			read_node(s, node);
		else if (pod != NULL && is_ordinary(pod) && (s = find(all, n, json_get_str(pod, "spec.nodeName", ""))) != NULL)
			s->pods++;
	}
}

static struct standing *stand(const struct leave_candidate *candidates, size_t n, struct json_object *facts)
{
	struct standing *all = xnew_n(struct standing, n + 1);

	for (size_t i = 0; i < n; i++)
		all[i] = (struct standing){.candidate = &candidates[i],
					   .rank = candidates[i].there ? RANK_NOT_READY : RANK_NO_SERVER,
					   .created = ""};
	read_facts(all, n, facts);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			all[i].left_in_zone += same_zone(&all[i], &all[k]);
	return all;
}

static int compare(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/* Above 0 where a goes before b. */
static int goes_first(const struct standing *a, const struct standing *b)
{
	int order = a->rank - b->rank;

	if (order == 0)
		order = compare(a->left_in_zone, b->left_in_zone);
	if (order == 0)
		order = version_compare(&b->version, &a->version);
	if (order == 0)
		order = compare(b->pods, a->pods);
	if (order == 0)
		order = strcmp(a->created, b->created);
	return order != 0 ? order : compare((size_t)a->candidate, (size_t)b->candidate); /* the later one of the plan */
}

static struct standing *take_one(struct standing *all, size_t n)
{
	struct standing *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (!all[i].taken && (best == NULL || goes_first(&all[i], best) > 0))
			best = &all[i];
	best->taken = true;
	for (size_t i = 0; i < n; i++)
		if (same_zone(&all[i], best))
			all[i].left_in_zone--;
	return best;
}

int leave_choose(const struct leave_candidate *candidates, size_t n, size_t want, struct json_object *facts, struct strv *ret,
		 struct error **err)
{
	struct json_object *items = NULL;
	struct standing *all;

	if (json_need_array(facts, "items", &items, err) < 0)
		return error_wrap(err, "kubectl get nodes,pods");
	all = stand(candidates, n, facts);
	for (size_t k = 0; k < want && k < n; k++)
		strv_add(ret, take_one(all, n)->candidate->name);
	free(all);
	return 0;
}
