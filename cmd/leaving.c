#include "cmd/leaving.h"
#include "cmd/msr_leave.h"
#include "cmd/verbs.h"
#include "bootstrap/platform.h"
#include "bootstrap/leave.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/members.h"
#include <assert.h>

enum { CONNECT_MS = 60 * 1000, ANSWER_MS = 60 * 1000, DEAD_MS = 15 * 1000, DRAIN_MS = 15 * 60 * 1000 };

void leaving_init(struct leaving *l, struct context *c)
{
	*l = (struct leaving){.c = c, .reach = reach_new(c->spec, c->state, c->inventory)};
}

void leaving_clear(struct leaving *l)
{
	reach_free(l->reach);
	json_object_put(l->facts);
	*l = (struct leaving){0};
}

static int connect(struct leaving *l, struct ssh **ret, struct error **err)
{
	const char *plane = context_plane(l->c);

	assert(plane != NULL);
	return reach_ssh(l->reach, plane, clock_deadline(CONNECT_MS), ret, err);
}

int leaving_facts(struct leaving *l, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (l->facts != NULL)
		return 0;
	if (context_plane(l->c) == NULL) {
		l->facts = json_object_new_object();
		json_add(l->facts, "items", json_object_new_array());
		return 0;
	}
	return connect(l, &s, err) < 0 ? -1 : platform_of(l->c->spec)->facts(s, clock_deadline(ANSWER_MS), &l->facts, err);
}

int leaving_mark(struct leaving *l, const struct strv *nodes, struct error **err)
{
	for (size_t i = 0; i < nodes->n; i++)
		inventory_leaving(l->c->inventory, nodes->v[i], true);
	return nodes->n > 0 ? context_replan(l->c, err) : 0;
}

/* Those that stay if nobody is chosen, and those that are too many. */
static struct leave_candidate *candidates(const struct leaving *l, const struct pool_spec *pool, const struct node *nodes, size_t n,
					  size_t *ret_n)
{
	struct leave_candidate *list = xnew_n(struct leave_candidate, n + 1);

	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		if (nodes[i].role == NODE_WORKER && !nodes[i].leaving && strcmp(nodes[i].pool, pool->name) == 0)
			list[(*ret_n)++] = (struct leave_candidate){
				nodes[i].name,
				members_zone(pool, members_number(l->c->spec->name, pool->name, nodes[i].name)),
				nodes[i].server_id != NULL};
	return list;
}

static int choose(struct leaving *l, const struct pool_spec *pool, struct strv *ret, struct error **err)
{
	size_t n, n_candidates = 0;
	struct node *nodes = inventory_list(l->c->inventory, &n);
	CLEANUP_FREE struct leave_candidate *list = candidates(l, pool, nodes, n, &n_candidates);
	int r = 0;

	if (n_candidates > (size_t)pool->count)
		r = leaving_facts(l, err) < 0 ? -1 : leave_choose(list, n_candidates, n_candidates - (size_t)pool->count, l->facts, ret, err);
	node_list_free(nodes, n);
	return r < 0 ? error_wrap(err, "which nodes of pool %s go", pool->name) : 0;
}

int leaving_order(struct leaving *l, struct strv *nodes, struct error **err)
{
	CLEANUP_FREE struct leave_candidate *list = xnew_n(struct leave_candidate, nodes->n + 1);
	CLEANUP_STRV struct strv sorted = STRV_INIT;

	if (nodes->n < 2)
		return 0;
	for (size_t i = 0; i < nodes->n; i++)
		list[i] = (struct leave_candidate){.name = nodes->v[i], .zone = NULL, .there = true};
	if (leaving_facts(l, err) < 0 || leave_choose(list, nodes->n, nodes->n, l->facts, &sorted, err) < 0)
		return -1;
	strv_free(nodes);
	*nodes = sorted;
	sorted = STRV_INIT;
	return 0;
}

int leaving_choose(struct leaving *l, struct error **err)
{
	CLEANUP_STRV struct strv chosen = STRV_INIT;

	for (size_t i = 0; i < l->c->spec->n_pools && l->c->plan->excess.n > 0; i++)
		if (choose(l, &l->c->spec->pools[i], &chosen, err) < 0)
			return -1;
	return leaving_mark(l, &chosen, err);
}

int leaving_check(struct leaving *l, const struct strv *nodes, struct error **err)
{
	CLEANUP_STRV struct strv pods = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	if (nodes->n == 0 || l->c->o->yes)
		return 0;
	if (leaving_facts(l, err) < 0)
		return -1;
	for (size_t i = 0; i < nodes->n; i++)
		leave_pods(l->facts, nodes->v[i], &pods);
	if (pods.n == 0 || leave_others(l->facts, nodes) > 0)
		return 0;
	list = verb_names(&pods);
	return error_set(err, ERROR_PREFLIGHT, "no worker that takes pods would be left for %zu pod%s; --yes does it all the same: %s",
			 pods.n, pods.n == 1 ? "" : "s", list);
}

/* What the threads of one run share. */
struct departure {
	struct leaving *l;
	struct withdrawal *withdrawal;
	struct events *events;
	const struct strv *nodes;
};

/* The context of what is done in a session with the control plane, for one node. */
struct talk {
	struct leaving *l;
	const char *node;
	bool answers;
	struct events *events;
};

static int drain(struct ssh *s, void *context, struct error **err)
{
	const struct talk *t = context;
	int64_t force_after = t->l->c->o->force_after_ms;
	struct node_drain drain = {.node = t->node,
				   .ready = t->answers && leave_is_ready(t->l->facts, t->node),
				   .force_after_ms = force_after,
				   .events = t->events,
				   .deadline = clock_deadline(DRAIN_MS + (force_after > 0 ? force_after : 0))};

	return platform_of(t->l->c->spec)->drain(s, &drain, err);
}

static int forget(struct ssh *s, void *context, struct error **err)
{
	const struct talk *t = context;

	return platform_of(t->l->c->spec)->forget(s, t->node, clock_deadline(ANSWER_MS), err);
}

/* Beforehand: nobody is to wait without knowing for what. */
static void warn_of_budgets(const struct leaving *l, const char *node)
{
	int64_t force_after = l->c->o->force_after_ms;
	CLEANUP_FREE char *patience = clock_age(force_after < 0 ? DRAIN_MS : force_after);
	CLEANUP_STRV struct strv why = STRV_INIT;

	if (force_after != 0)
		leave_budgets(l->facts, node, &why);
	for (size_t i = 0; i < why.n; i++)
		log_warning("%s: %s; %s %s", node, why.v[i],
			    force_after < 0 ? "--force-after tells when it is disregarded; the wait ends after" : "it is disregarded after", patience);
}

static int talk_of(struct leaving *l, const char *node, bool answers, struct events *events, reach_job *job, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	struct talk t = {l, node, answers, events};
	struct error *why = NULL;

	warn_of_budgets(l, node);
	event_begin(events, node, "drain");
	if (reach_run(l->reach, context_plane(l->c), &s, job, &t, &why) < 0) {
		event_fail(events, node, "drain", error_message(why));
		return error_move(err, why);
	}
	event_end(events, node, "drain");
	return 0;
}

int leaving_drain(struct leaving *l, const char *node, bool answers, struct events *events, struct error **err)
{
	return talk_of(l, node, answers, events, drain, err);
}

struct plane {
	const struct platform *platform;
	const struct node *node;
};

static int demote(struct ssh *s, void *context, struct error **err)
{
	const struct plane *p = context;

	return p->platform->demote(s, p->node, clock_deadline(ANSWER_MS), err);
}

void leaving_stop_plane(struct leaving *l, const char *node)
{
	const struct platform *p = platform_of(l->c->spec);
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (p->part == NULL)
		return;
	if (reach_ssh(l->reach, node, clock_deadline(DEAD_MS), &s, &why) < 0 || p->part(s, clock_deadline(ANSWER_MS), &why) < 0)
		log_verbose("%s: its API server was not asked to end: %s", node, error_message(why));
}

static int leave_etcd(struct departure *d, const struct node *n, struct error **err)
{
	struct plane p = {platform_of(d->l->c->spec), n};
	CLEANUP_SSH struct ssh *s = NULL;
	struct error *why = NULL;

	event_begin(d->events, n->name, "etcd");
	leaving_stop_plane(d->l, n->name);
	if (reach_run(d->l->reach, context_plane(d->l->c), &s, demote, &p, &why) < 0) {
		event_fail(d->events, n->name, "etcd", error_message(why));
		return error_move(err, why);
	}
	event_end(d->events, n->name, "etcd");
	return 0;
}

/* Of a control plane that joined etcd, or may have. */
static int leave_planes(struct departure *d, const char *node, struct error **err)
{
	struct node n = {0};
	int r = 0;

	if (inventory_get(d->l->c->inventory, node, &n) && n.role == NODE_CONTROL_PLANE && n.address != NULL)
		r = leave_etcd(d, &n, err);
	node_clear(&n);
	return r;
}

/* By itself, where its platform has that and it can be reached. */
static void say_goodbye(struct departure *d, const char *node)
{
	const struct platform *p = platform_of(d->l->c->spec);
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (p->leave == NULL)
		return;
	if (reach_ssh(d->l->reach, node, clock_deadline(DEAD_MS), &s, &why) < 0 || p->leave(s, clock_deadline(ANSWER_MS), &why) < 0)
		log_verbose("%s: it did not leave by itself: %s", node, error_message(why));
}

static int forget_node(struct departure *d, const char *node, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	struct talk t = {d->l, node, true, d->events};

	return reach_run(d->l->reach, context_plane(d->l->c), &s, forget, &t, err);
}

/* A control plane's kubelet talks to its own API server, which has to be there as long as pods are on their way out. */
static int leave(size_t i, void *context, struct error **err)
{
	struct departure *d = context;
	const char *node = d->nodes->v[i];
	bool known = leave_is_known(d->l->facts, node);
	struct error *why = NULL;
	bool demotes_first = platform_of(d->l->c->spec)->demotes_first;
	int r = demotes_first ? leave_planes(d, node, &why) : 0;

	if (r == 0 && known)
		r = talk_of(d->l, node, true, d->events, drain, &why);
	if (r == 0 && !demotes_first)
		r = leave_planes(d, node, &why);
	if (r == 0 && known)
		say_goodbye(d, node);
	if (r < 0 || (known && forget_node(d, node, &why) < 0) || provision_withdraw(d->withdrawal, node, &why) < 0) {
		error_wrap(&why, "%s", node);
		return error_move(err, why);
	}
	inventory_remove(d->l->c->inventory, node);
	return 0;
}

int leaving_sum_up(const char *what, struct error **errors, size_t n, struct error **err)
{
	CLEANUP_FREE char *head = xasprintf("%zu of %zu nodes could not %s:\n", verb_failed(errors, n), n, what);

	return verb_sum_up(errors, n, head, "", err);
}

/* Those that Kubernetes has. */
static void known(const struct leaving *l, const struct strv *nodes, struct strv *ret)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (leave_is_known(l->facts, nodes->v[i]))
			strv_add(ret, nodes->v[i]);
}

int leaving_cordon(struct leaving *l, const struct strv *nodes, struct error **err)
{
	CLEANUP_STRV struct strv there = STRV_INIT;
	CLEANUP_SSH struct ssh *s = NULL;

	known(l, nodes, &there);
	if (there.n == 0)
		return 0;
	return connect(l, &s, err) < 0 ? -1 : platform_of(l->c->spec)->cordon(s, &there, clock_deadline(ANSWER_MS), err);
}

static int depart_some(struct departure *d, const struct strv *nodes, unsigned width, struct error **err)
{
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, nodes->n + 1);
	int r;

	d->nodes = nodes;
	r = parallel_for(nodes->n, width, leave, d, errors, NULL);
	if (r < 0)
		r = leaving_sum_up("leave", errors, nodes->n, err);
	for (size_t i = 0; i < nodes->n; i++)
		error_free(errors[i]);
	return r;
}

static void by_role(const struct leaving *l, const struct strv *nodes, struct strv *planes, struct strv *workers)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct node n = {0};
		bool plane = inventory_get(l->c->inventory, nodes->v[i], &n) && n.role == NODE_CONTROL_PLANE;

		strv_add(plane ? planes : workers, nodes->v[i]);
		node_clear(&n);
	}
}

/* Others could not leave, which is told. */
static int finish_some(struct departure *d)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (provision_withdraw_finish(d->withdrawal, &why) < 0)
		log_verbose("of those that left: %s", error_message(why));
	return -1;
}

/* Control planes one by one: each time etcd has to be well without the next. */
static int depart(struct departure *d, const struct strv *nodes, struct error **err)
{
	CLEANUP_STRV struct strv planes = STRV_INIT, workers = STRV_INIT;

	by_role(d->l, nodes, &planes, &workers);
	if (msr_leave(d->l, nodes, d->events, err) < 0 || leaving_cordon(d->l, nodes, err) < 0)
		return -1;
	if (depart_some(d, &planes, 1, err) < 0 || depart_some(d, &workers, (unsigned)d->l->c->o->parallel, err) < 0)
		return finish_some(d);
	return provision_withdraw_finish(d->withdrawal, err);
}

static int mark(struct leaving *l, const struct strv *nodes, bool leaving, struct error **err)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct node n = {0};
		int r;

		inventory_leaving(l->c->inventory, nodes->v[i], leaving);
		if (!inventory_get(l->c->inventory, nodes->v[i], &n))
			continue;
		r = state_put_node(l->c->state, &n, err);
		node_clear(&n);
		if (r < 0)
			return -1;
	}
	return 0;
}

int leaving_remember(struct leaving *l, const struct strv *nodes, struct error **err)
{
	return mark(l, nodes, true, err);
}

/* First Kubernetes: a run that is cut off here leaves nodes that are still chosen, and the next one cordons them again. */
int leaving_take_back(struct leaving *l, const struct strv *nodes, struct error **err)
{
	CLEANUP_STRV struct strv there = STRV_INIT;
	CLEANUP_SSH struct ssh *s = NULL;

	if (nodes->n == 0)
		return 0;
	if (leaving_facts(l, err) < 0)
		return -1;
	known(l, nodes, &there);
	if (there.n > 0 && (connect(l, &s, err) < 0 || platform_of(l->c->spec)->uncordon(s, &there, clock_deadline(ANSWER_MS), err) < 0))
		return -1;
	return mark(l, nodes, false, err);
}

void leaving_names(const struct context *c, const char *pool, struct strv *ret)
{
	for (size_t i = 0; i < c->plan->leaving.n; i++) {
		struct node n = {0};

		if (pool == NULL || (inventory_get(c->inventory, c->plan->leaving.v[i], &n) && strcmp(n.pool, pool) == 0))
			strv_add(ret, c->plan->leaving.v[i]);
		node_clear(&n);
	}
}

int leaving_run(struct leaving *l, const struct strv *nodes, struct cloud *cloud, struct events *events, struct error **err)
{
	struct removal_job job = {.cloud = cloud,
				  .cluster = l->c->spec->name,
				  .uuid = state_uuid(l->c->state),
				  .state = l->c->state,
				  .events = events};
	struct departure d = {.l = l, .events = events};
	int r;

	if (nodes->n == 0)
		return 0;
	json_object_put(steal_ptr(l->facts)); /* they may be of minutes ago, when others were not made yet */
	r = leaving_remember(l, nodes, err) < 0 || leaving_facts(l, err) < 0 ||
			    provision_withdraw_begin(&job, l->c->plan, &d.withdrawal, err) < 0
		    ? -1
		    : depart(&d, nodes, err);
	provision_withdraw_end(d.withdrawal);
	return r;
}
