#include "provision/retire.h"
#include "core/base/alloc.h"
#include "provision/body.h"
#include "provision/removal.h"
#include "provision/steps.h"
#include "provision/withdraw.h"

/* The name of the bastion that the plan has not; NULL where it has one. */
static char *old_bastion(const struct plan *plan)
{
	CLEANUP_FREE char *name = xasprintf("%s-bastion", plan->spec->name);

	return plan_find(plan, name) == NULL ? steal_ptr(name) : NULL;
}

static bool is_of(const char *node, const struct item *it)
{
	size_t n = strlen(node);

	return strcmp(it->name, node) == 0 || (it->kind == KIND_VOLUME && strncmp(it->name, node, n) == 0 && it->name[n] == '-');
}

/* The one that the node had: one that somebody pointed there by hand is not the node's. */
static bool is_surplus(const struct plan *plan, const struct item *it)
{
	const struct plan_node *node = plan_find(plan, it->name);
	const char *had = node != NULL ? node->node.floating_ip : NULL;

	return had != NULL && !node->floating_ip && strcmp(json_get_str(it->json, "floating_ip_address", ""), had) == 0;
}

/* What had the API's own address, which the plan has none of, or in another way. */
static bool is_old_api(const struct plan *plan, const struct item *it)
{
	CLEANUP_FREE char *name = name_api(plan);

	if (strcmp(it->name, name) != 0)
		return false;
	return (it->kind == KIND_FLOATING_IP && !plan->api_floating_ip) || (it->kind == KIND_PORT && plan->spec->api.endpoint != API_VIP) ||
	       (it->kind == KIND_BALANCER && plan->spec->api.endpoint != API_OCTAVIA);
}

bool retire_takes(const struct plan *plan, const struct item *it)
{
	CLEANUP_FREE char *bastion = old_bastion(plan), *group = bastion != NULL ? name_group(plan, "bastion") : NULL;

	if (is_old_api(plan, it))
		return true;
	switch (it->kind) {
	case KIND_FLOATING_IP:
		return is_surplus(plan, it) || (bastion != NULL && is_of(bastion, it));
	case KIND_SERVER:
	case KIND_PORT:
	case KIND_VOLUME:
		return bastion != NULL && is_of(bastion, it);
	case KIND_GROUP:
		return group != NULL && strcmp(it->name, group) == 0;
	default:
		return false;
	}
}

/* Ports that were just deleted may still count for a moment. */
static int delete_group(struct removal *r, const struct item *it, struct error **err)
{
	return removal_settle(r, it, removal_delete, NULL, err);
}

static int take_all(struct removal *r, const struct plan *plan, struct error **err)
{
	static const struct {
		enum kind kind;
		removal_one *one;
	} steps[] = {{KIND_FLOATING_IP, removal_delete}, {KIND_BALANCER, removal_balancer}, {KIND_SERVER, removal_server}, {KIND_PORT, removal_delete},
		     {KIND_VOLUME, removal_volume}, {KIND_GROUP, delete_group}};

	if (rules_remove_extra(r->cloud, plan, r->view, RULE_SSH, err) < 0)
		return -1;
	for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **items = view_all(r->view, steps[s].kind, &n);

		for (size_t i = 0; i < n; i++)
			if (retire_takes(plan, items[i]) && steps[s].one(r, items[i], err) < 0)
				return -1;
	}
	return 0;
}

/* Nothing of it is there any more: inventory and state follow. */
static int forget_floating_ip(struct state *state, struct inventory *inventory, const struct plan_node *planned, struct error **err)
{
	struct node n = {0};
	int r;

	if (planned->floating_ip || !inventory_get(inventory, planned->node.name, &n))
		return 0;
	free(steal_ptr(n.floating_ip));
	inventory_put(inventory, &n);
	r = state_put_node(state, &n, err);
	node_clear(&n);
	return r;
}

static int forget(struct state *state, struct inventory *inventory, const struct plan *plan, struct error **err)
{
	CLEANUP_FREE char *bastion = old_bastion(plan);

	if (!plan->api_floating_ip && state_set(state, STATE_API, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.floating_ip != NULL && forget_floating_ip(state, inventory, &plan->nodes[i], err) < 0)
			return -1;
	if (bastion == NULL)
		return 0;
	inventory_remove(inventory, bastion);
	return withdraw_forget(state, bastion, err);
}

int provision_retire(const struct removal_job *job, const struct plan *plan, struct inventory *inventory, struct error **err)
{
	struct removal r = {.job = job, .cloud = job->cloud, .lock = PTHREAD_MUTEX_INITIALIZER, .problems = STRV_INIT};
	int failed = removal_look(job, &r.view, err);

	r.servers = watch_new(job->cloud, KIND_SERVER, job->uuid, job->cluster);
	r.volumes = watch_new(job->cloud, KIND_VOLUME, job->uuid, NULL);
	if (failed == 0)
		failed = take_all(&r, plan, err) < 0 ? -1 : forget(job->state, inventory, plan, err);
	watch_free(r.servers);
	watch_free(r.volumes);
	view_free(r.view);
	strv_free(&r.problems);
	pthread_mutex_destroy(&r.lock);
	return failed;
}
