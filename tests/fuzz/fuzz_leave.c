/* What Kubernetes says of nodes, pods and budgets: whatever it is, so many are chosen, each once. */
#include "bootstrap/health.h"
#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian}\n  controlPlane: {flavor: small}\n"
			   "  workerPools: [{name: w, count: 2, flavor: small, labels: {tier: a}, taints: ['gpu=yes:NoSchedule'], repairAfter: 10m}]\n";

static const struct plan *plan_of_two(void)
{
	static struct spec *spec;
	static struct plan *plan;

	if (plan == NULL && (spec_parse("f", file, strlen(file), &spec, NULL) < 0 || plan_make(spec, NULL, &plan, NULL) < 0))
		abort();
	return plan;
}

/* Who ails is one of the plan's workers; who lacks something is told of it. */
static void judge(struct json_object *list)
{
	CLEANUP(health_free) struct health health = {0};
	CLEANUP(node_states_free) struct node_states states = {0};
	CLEANUP_STRV struct strv known = STRV_INIT;
	CLEANUP_ERROR struct error *err = NULL;

	strv_add(&known, "demo-w-1");
	health_read(plan_of_two(), list, 1770000000000, &known, &health);
	for (size_t i = 0; i < health.n; i++)
		if (plan_find(plan_of_two(), health.items[i].node) == NULL || health.items[i].why == NULL)
			abort();
	if (node_states_read(plan_of_two(), NULL, list, &states, &err) < 0)
		return;
	for (size_t i = 0; i < states.n; i++) {
		CLEANUP_FREE char *differs UNUSED = node_state_differs(&states.items[i]);
		CLEANUP_BUF struct buf script = BUF_INIT;

		node_states_script(&states, 60, &script);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct leave_candidate candidates[] = {{"w-1", "a", true}, {"w-2", "b", true}, {"w-3", "a", false}, {"w-4", NULL, true}};
	CLEANUP_JSON struct json_object *facts = NULL;
	CLEANUP_STRV struct strv chosen = STRV_INIT, text = STRV_INIT;
	CLEANUP_ERROR struct error *err = NULL;

	if (json_parse((const char *)data, size, "input", &facts, &err) < 0)
		return 0;
	judge(facts);
	if (leave_choose(candidates, 4, 3, facts, &chosen, &err) < 0)
		return 0;
	if (chosen.n != 3 || strcmp(chosen.v[0], "w-3") != 0 || strcmp(chosen.v[1], chosen.v[2]) == 0)
		abort();
	leave_pods(facts, "w-1", &text);
	leave_blockers(facts, "w-1", &text);
	leave_blockers(facts, "w-2", &text);
	(void)leave_others(facts, &chosen);
	return 0;
}
