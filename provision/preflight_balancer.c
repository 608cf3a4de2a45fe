/* What Octavia has to have for the API's load balancer: room, and the provider that the file names. */
#include "provision/preflight.h"

/* By either of the two names that the API has had for it. */
static int64_t limit_of(struct json_object *quotas, const char *name, const char *old_name)
{
	return preflight_amount(quotas, name, preflight_amount(quotas, old_name, INT64_MIN));
}

/* Of all load balancers in the project: "listeners" or "pools"; -1 where nobody may list them. */
static int64_t count_parts(struct json_object *balancers, const char *key)
{
	int64_t n = balancers != NULL ? 0 : -1;

	for (size_t i = 0; i < json_len(balancers); i++)
		n += (int64_t)json_len(json_at(json_object_array_get_idx(balancers, i), key));
	return n;
}

static int64_t count_planes(const struct plan *plan)
{
	int64_t n = 0;

	for (size_t i = 0; i < plan->n_nodes; i++)
		n += plan->nodes[i].node.role == NODE_CONTROL_PLANE;
	return n;
}

/* Octavia tells limits alone; what is used of them is what the project has, as far as one list tells. */
static void check_room(struct preflight *p, struct json_object *quotas, struct json_object *list)
{
	int64_t needed = p->needs.kinds[KIND_BALANCER];
	const struct quota wanted[] = {
		{"load balancers", "", needed, list != NULL ? (int64_t)json_len(list) : -1, limit_of(quotas, "load_balancer", "loadbalancer")},
		{"listeners of load balancers", "", needed, count_parts(list, "listeners"), limit_of(quotas, "listener", "listener")},
		{"pools of load balancers", "", needed, count_parts(list, "pools"), limit_of(quotas, "pool", "pool")},
		{"health monitors of load balancers", "", needed, -1, limit_of(quotas, "health_monitor", "healthmonitor")},
		{"members of load balancers", "", count_planes(p->plan), -1, limit_of(quotas, "member", "member")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		preflight_quota(p, &wanted[i]);
}

void check_balancer_quota(struct preflight *p)
{
	struct json_object *quotas;

	if (p->needs.kinds[KIND_BALANCER] == 0)
		return;
	quotas = preflight_fact(p, FACT_BALANCER_QUOTA, "quota", "quota of load-balancer (octavia)");
	check_room(p, json_at(quotas, "quota"), json_at(p->view->facts[FACT_BALANCERS].json, "loadbalancers"));
}

void check_provider(struct preflight *p)
{
	const char *wanted = p->plan->spec->api.provider;
	struct json_object *list = json_at(p->view->facts[FACT_BALANCER_PROVIDERS].json, "providers");
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	if (wanted == NULL || list == NULL)
		return;
	for (size_t i = 0; i < json_len(list); i++)
		strv_add(&names, json_get_str(json_object_array_get_idx(list, i), "name", ""));
	all = strv_join(&names, ", ");
	if (strv_has(&names, wanted))
		PASS(p, "load balancer", "octavia has the provider %s", wanted);
	else
		REFUSE(p, "load balancer", NULL, "write one of these as api.provider, or leave it out",
		       "octavia has no provider \"%s\"; it has %s", wanted, all);
}
