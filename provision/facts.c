#include "provision/facts.h"
#include "core/base/alloc.h"
#include "core/cluster/plan.h"
#include "provision/cloud.h"

static bool always(const struct plan *plan UNUSED)
{
	return true;
}

static bool zones_named(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].zone != NULL)
			return true;
	return false;
}

static bool types_named(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *node = &plan->nodes[i];

		if (node->root.type != NULL)
			return true;
		for (size_t v = 0; v < node->n_volumes; v++)
			if (node->volumes[v].spec.type != NULL)
				return true;
	}
	return false;
}

static bool credential_wanted(const struct plan *plan)
{
	return plan->spec->openstack.application_credential.roles.n > 0;
}

static bool balancer_wanted(const struct plan *plan)
{
	return plan->spec->api.endpoint == API_OCTAVIA;
}

static bool provider_named(const struct plan *plan)
{
	return balancer_wanted(plan) && plan->spec->api.provider != NULL;
}

/* %s: the project's id, of keystone's the user's; fallback: where the path is unknown or forbidden. */
static const struct {
	enum cloud_service service;
	bool unversioned;
	const char *path, *fallback;
	bool (*wanted)(const struct plan *plan);
} facts[FACT_COUNT] = {
	[FACT_COMPUTE_LIMITS] = {CLOUD_COMPUTE, false, "/limits", NULL, always},
	[FACT_NETWORK_QUOTA] = {CLOUD_NETWORK, false, "/quotas/%s/details", "/quotas/%s", always},
	[FACT_VOLUME_QUOTA] = {CLOUD_VOLUME, false, "/os-quota-sets/%s?usage=true", NULL, always},
	[FACT_KEYPAIRS] = {CLOUD_COMPUTE, false, "/os-keypairs", NULL, always},
	[FACT_COMPUTE_ZONES] = {CLOUD_COMPUTE, false, "/os-availability-zone", NULL, zones_named},
	[FACT_VOLUME_ZONES] = {CLOUD_VOLUME, false, "/os-availability-zone", NULL, zones_named},
	[FACT_VOLUME_TYPES] = {CLOUD_VOLUME, false, "/types", NULL, types_named},
	[FACT_COMPUTE_VERSIONS] = {CLOUD_COMPUTE, true, "/", NULL, always},
	[FACT_VOLUME_VERSIONS] = {CLOUD_VOLUME, true, "/", NULL, always},
	[FACT_EXTENSIONS] = {CLOUD_NETWORK, false, "/extensions", NULL, always},
	[FACT_SUBNETS] = {CLOUD_NETWORK, false, "/subnets", NULL, always},
	[FACT_FREE_ADDRESSES] = {CLOUD_NETWORK, false, "/network-ip-availabilities", NULL, always},
	[FACT_BALANCER_QUOTA] = {CLOUD_LOAD_BALANCER, false, "/quotas/%s", NULL, balancer_wanted},
	[FACT_BALANCERS] = {CLOUD_LOAD_BALANCER, false, "/loadbalancers?project_id=%s", NULL, balancer_wanted},
	[FACT_BALANCER_PROVIDERS] = {CLOUD_LOAD_BALANCER, false, "/providers", NULL, provider_named},
	[FACT_CREDENTIALS] = {CLOUD_IDENTITY, false, "/users/%s/application_credentials", NULL, credential_wanted},
};

bool fact_wanted(enum fact fact, const struct plan *plan)
{
	return facts[fact].wanted(plan);
}

/* "/quotas/PROJECT/details" */
static char *fill(const char *path, const char *id)
{
	const char *at = strstr(path, "%s");

	return at == NULL ? xstrdup(path) : xasprintf("%.*s%s%s", (int)(at - path), path, id != NULL ? id : "", at + 2);
}

static int ask(struct cloud *c, enum fact fact, const char *pattern, struct fact_answer *ret, struct error **err)
{
	CLEANUP_FREE char *path = fill(pattern, facts[fact].service == CLOUD_IDENTITY ? cloud_user_id(c) : cloud_project_id(c));
	struct cloud_call call = {.service = facts[fact].service,
				  .method = "GET",
				  .path = path,
				  .retry = RETRY_A,
				  .unversioned = facts[fact].unversioned};

	return cloud_call(c, &call, &ret->json, &ret->status, NULL, err);
}

int fact_ask(struct cloud *c, enum fact fact, struct fact_answer *ret, struct error **err)
{
	CLEANUP_ERROR struct error *failure = NULL;
	const char *fallback = facts[fact].fallback;

	if (!cloud_has(c, facts[fact].service))
		return 0;
	if (ask(c, fact, facts[fact].path, ret, &failure) < 0 && fallback != NULL && (ret->status == 403 || ret->status == 404)) {
		error_clear(&failure);
		(void)!ask(c, fact, fallback, ret, &failure);
	}
	if (failure == NULL)
		return 0;
	if (error_is(failure, ERROR_CANCELLED))
		return error_move(err, steal_ptr(failure));
	ret->failure = xstrdup(error_message(failure));
	return 0;
}

void fact_clear(struct fact_answer *a)
{
	json_object_put(a->json);
	free(a->failure);
	*a = (struct fact_answer){0};
}
