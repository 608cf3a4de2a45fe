#include "cmd/apply_parts.h"
#include "cmd/credentials.h"
#include "cmd/lost.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/parallel.h"
#include "core/cluster/etcd.h"

/* A host key for a server that is about to be made: known before it answers for the first time, where the file wants it so. */
static int seed(void *context, const struct plan_node *p, char **ret, struct error **err)
{
	struct apply *a = context;
	bool seeded = a->c->spec->access.host_keys == HOST_KEYS_SEEDED;
	CLEANUP_FREE char *key = NULL, *mark = xasprintf("seeded:%s", p->node.name), *applied = xasprintf("applied:%s", p->node.name), *published = xasprintf(STATE_PUBLISHED "%s", p->node.name);
	struct node n = {0};
	int r;

	if (seeded && bootstrap_user_data(p->node.name, ret, &key, err) < 0)
		return -1;
	inventory_host_key(a->c->inventory, p->node.name, key);
	if (!inventory_get(a->c->inventory, p->node.name, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", p->node.name);
	r = state_put_node(a->c->state, &n, err);
	node_clear(&n);
	if (r < 0 || state_set(a->c->state, applied, "", err) < 0 || state_set(a->c->state, published, NULL, err) < 0 || (p->node.role == NODE_CONTROL_PLANE && etcd_is_new(a->c->state, p->node.name, err) < 0))
		return -1;
	return state_set(a->c->state, mark, seeded ? "1" : "0", err);
}

/* What the rest cannot do without has failed: the others stop. */
static int fatal(struct apply *a, struct error *why, struct error **err)
{
	inventory_close(a->c->inventory, why);
	cancel_stop();
	return error_move(err, why);
}

static struct provision_job job_of(struct apply *a)
{
	return (struct provision_job){.cloud = a->cloud,
				      .plan = a->c->plan,
				      .view = a->view,
				      .state = a->c->state,
				      .inventory = a->c->inventory,
				      .events = a->w->events,
				      .public_key = a->public_key,
				      .user_data = seed,
				      .context = a};
}

/* In a network that is not ours the cloud chooses the addresses, and everywhere the API's floating IP: certificates and configuration hold them. */
static int reserve(struct apply *a, struct error **err)
{
	struct provision_job job = job_of(a);
	bool news = false;

	if (!a->c->plan->own_network && (provision_reserve(&job, err) < 0 || context_replan(a->c, err) < 0))
		return -1;
	job.plan = a->c->plan;
	if (provision_reserve_api(&job, &news, err) < 0)
		return -1;
	return news ? context_replan(a->c, err) : 0;
}

static int run_provision(void *context, struct error **err)
{
	struct apply *a = context;
	struct provision_job job = job_of(a);
	struct error *why = NULL;

	if (provision_create(&job, &why) < 0)
		return fatal(a, why, err);
	inventory_close(a->c->inventory, NULL);
	return 0;
}

static int run_bundle(void *context, struct error **err)
{
	struct apply *a = context;
	struct error *why = NULL;

	event_begin(a->w->events, "bundle", "fetch");
	if (context_bundle(a->c, a->w->events, &a->w->artifacts, &a->w->bundle_folder, &why) < 0) {
		event_fail(a->w->events, "bundle", "fetch", error_message(why));
		return fatal(a, why, err);
	}
	event_end(a->w->events, "bundle", "fetch");
	latch_open(a->w->bundle, NULL);
	return 0;
}

static int run_nodes(void *context, struct error **err)
{
	struct apply *a = context;

	(void)err; /* each node's is in errors[] */
	(void)!parallel_for(a->c->plan->n_nodes, 0, a->c->o->cloud_only ? work_server : work_node, a->w, a->w->errors, NULL);
	return 0;
}

static void put_wanted_nodes(struct context *c)
{
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		struct node n = {0};

		if (inventory_get(c->inventory, c->plan->nodes[i].node.name, &n))
			node_clear(&n);
		else
			inventory_put(c->inventory, &c->plan->nodes[i].node);
	}
}

static int sum_up(struct apply *a, struct error **err)
{
	size_t n = a->c->plan->n_nodes;
	CLEANUP_FREE char *head =
		xasprintf("%zu of %zu nodes failed; \"davit apply\" goes on from here:\n", verb_failed(a->w->errors, n), n);

	return verb_sum_up(a->w->errors, n, head, "", err);
}

/* Labels, Ready and roll-outs of the nodes that came up, and the way in. */
static int finish(struct apply *a, struct error **err)
{
	for (size_t i = 0; i < a->c->plan->n_nodes; i++)
		if (a->w->errors[i] != NULL || !work_takes(a->w, &a->c->plan->nodes[i]))
			a->c->plan->nodes[i].node.cloud = NODE_FAILED; /* nobody waits for it */
	if (lost_return(&a->leaving, err) < 0 || work_finish(a->w, err) < 0)
		return -1;
	return verb_keep_kubeconfig(a->c, a->w->pki, err);
}

/* With workers that failed the cluster is a smaller one, and as whole as that can be; the failure is told after all that. */
static int finish_without(struct apply *a, struct error *failure, struct error **err)
{
	CLEANUP_ERROR struct error *more = NULL;

	if (cancel_requested() || finish(a, &more) == 0 || error_is(more, ERROR_CANCELLED))
		return error_move(err, failure);
	error_set(err, ERROR_NODE, "%s\n%s", error_message(failure), error_message(more));
	error_free(failure);
	return -1;
}

int apply_converge(struct apply *a, struct error **err)
{
	struct parallel_task tasks[] = {{run_provision, a}, {run_nodes, a}, {run_bundle, a}};
	size_t n_tasks = a->c->o->cloud_only ? 2 : ARRAY_SIZE(tasks);
	CLEANUP_FREE char *part = a->scope->pool != NULL ? xasprintf(COMPLETE_BUT_POOL "%s", a->scope->pool) : NULL;
	struct error *why = NULL;

	if (state_set(a->c->state, "complete", part != NULL ? part : "0", err) < 0 || context_remember(a->c, a->cloud, err) < 0 ||
	    credentials_converge(a->c, a->cloud, a->w->openstack_ca != NULL, &a->w->cloud_conf, err) < 0)
		return -1;
	inventory_open(a->c->inventory);
	put_wanted_nodes(a->c);
	if (etcd_decide(a->c->state, a->c->plan, err) < 0)
		return -1;
	if (reserve(a, err) < 0)
		return -1;
	if (parallel_run(tasks, n_tasks, &why) < 0 && (!error_is(why, ERROR_CANCELLED) || cancel_by_user()))
		return error_move(err, why);
	error_clear(&why);
	if (sum_up(a, &why) < 0)
		return a->c->o->cloud_only ? error_move(err, why) : finish_without(a, why, err);
	if (a->c->o->cloud_only)
		return state_set(a->c->state, "complete", "cloud", err);
	return finish(a, err) < 0 ? -1 : state_set(a->c->state, "complete", "1", err);
}
