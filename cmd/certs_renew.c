#include "cmd/certs_survey.h"
#include "cmd/etcd.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "cmd/work.h"
#include "bootstrap/certificates.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include <unistd.h>

/*
 * The order that lets an interruption at any point do no harm: a node is connected to, marked in the state ("renewing:NODE"), its new pairs are
 * written to the state and then put on the node, its services begin again, and when they are well the mark goes.  Old and new pairs are of the
 * same authority, so that it does not matter which of them who has meanwhile.  A node that bears a mark is gone on with by the next run, or
 * by `apply`, which finds that it does not have what the state has.
 */
#define MARK "renewing:"
#define BEGUN_KEY "certs:renewing" /* a run has begun, and has not come to its end: since then, in seconds since 1970 */

enum { DAY = 24 * 3600, BACKDATED = 3600, CONNECT_MS = 60 * 1000, NODE_MS = 15 * 60 * 1000, HEALTHY_MS = 5 * 60 * 1000, AT_ONCE = 8 };

struct renew {
	struct context c;
	struct certs_survey look;
	struct strv names; /* of nodes that were asked for; none: all */
	int64_t now, since; /* seconds since 1970; since 0: without --all, else what is older is made anew */
	bool resumed;
	struct work w;
	bool *due; /* of each of the survey's */
	size_t n_due;
};

static void clear(struct renew *r)
{
	work_close(&r->w);
	free(r->due);
	strv_free(&r->names);
	certs_survey_clear(&r->look);
	context_close(&r->c);
}

static char *mark_of(const char *node)
{
	return xasprintf(MARK "%s", node);
}

static bool is_marked(const struct renew *r, const char *node)
{
	CLEANUP_FREE char *key = mark_of(node), *mark = state_get(r->c.state, key);

	return mark != NULL;
}

/* ---- what is to be done */

static bool is_asked_for(const struct renew *r, const char *node)
{
	if (r->names.n > 0)
		return node != NULL && strv_has(&r->names, node);
	return true;
}

/* Of a node that was begun with all are shown: nobody knows which of them it has got. */
static bool is_due(const struct renew *r, const struct survey_item *i)
{
	if (i->kind == SURVEY_AUTHORITY || i->kind == SURVEY_COPY || !is_asked_for(r, i->node) || (i->node != NULL && plan_find(r->c.plan, i->node) == NULL))
		return false;
	if (survey_first(i) == NULL)
		return false;
	return (i->node != NULL && is_marked(r, i->node)) || survey_is_ending(i, r->now, r->c.o->warn_days) ||
	       (r->since > 0 && i->known.subject != NULL && i->known.not_before + BACKDATED < r->since);
}

static void find_due(struct renew *r)
{
	r->due = xnew_n(bool, r->look.survey.n + 1);
	for (size_t i = 0; i < r->look.survey.n; i++) {
		r->due[i] = is_due(r, &r->look.survey.items[i]);
		r->n_due += r->due[i];
	}
}

static bool is_node_due(const struct renew *r, const char *node)
{
	for (size_t i = 0; i < r->look.survey.n; i++)
		if (r->due[i] && r->look.survey.items[i].node != NULL && strcmp(r->look.survey.items[i].node, node) == 0)
			return true;
	return false;
}

/* An earlier run that was cut off is gone on with, unless it was another day: what that one has made is not made once more. */
static void find_since(struct renew *r)
{
	CLEANUP_FREE char *begun = state_get(r->c.state, BEGUN_KEY);
	int64_t since = begun != NULL ? strtoll(begun, NULL, 10) : 0;

	r->resumed = begun != NULL;
	if (r->c.o->all)
		r->since = since > r->now - DAY && since <= r->now ? since : r->now;
}

static int note_begun(struct renew *r, struct error **err)
{
	CLEANUP_FREE char *text = xasprintf("%lld", (long long)(r->since > 0 ? r->since : r->now));

	return state_set(r->c.state, BEGUN_KEY, text, err);
}

static void warn_of_authorities(const struct renew *r)
{
	for (size_t i = 0; i < r->look.survey.n; i++) {
		const struct survey_item *item = &r->look.survey.items[i];

		if (item->kind == SURVEY_AUTHORITY && survey_is_ending(item, r->now, r->c.o->warn_days))
			log_warning("%s is an authority, and is near its end: it is not replaced by this, and nothing that it signs outlives it", item->path);
	}
}

static void print_due(const struct renew *r)
{
	static const char *const headings[] = {"WHERE", "FILE", "SUBJECT", "LEFT"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < r->look.survey.n; i++) {
		const struct survey_item *item = &r->look.survey.items[i];
		const struct certificate_facts *f = survey_first(item);
		CLEANUP_FREE char *left = f != NULL ? xasprintf("%lld days", (long long)survey_days(f, r->now)) : NULL;

		if (r->due[i])
			table_row(table, (const char *[]){item->node != NULL ? item->node : "state", item->path, f != NULL ? f->subject : NULL, left});
	}
	table_print(table);
}

static void print_due_json(const struct renew *r)
{
	struct json_object *whole = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < r->look.survey.n; i++) {
		const struct survey_item *item = &r->look.survey.items[i];
		const struct certificate_facts *f = survey_first(item);
		struct json_object *o;

		if (!r->due[i])
			continue;
		o = json_object_new_object();
		json_add_str(o, "node", item->node);
		json_add_str(o, "file", item->path);
		if (f != NULL)
			json_add_int(o, "daysLeft", survey_days(f, r->now));
		json_object_array_add(list, o);
	}
	json_add_str(whole, "cluster", r->c.spec->name);
	json_add(whole, "renew", list);
	output_json(whole);
}

/* ---- a node */

static int restart(struct ssh *s, void *context UNUSED, struct error **err)
{
	return bootstrap_renewed(s, err) < 0 ? -1 : bootstrap_healthy(s, clock_deadline(HEALTHY_MS), err);
}

static int await_ready(struct ssh *s, void *context, struct error **err)
{
	return kubernetes_wait_ready(s, context, clock_deadline(HEALTHY_MS), err);
}

static int is_ready_again(struct work *w, const struct node *n, struct error **err)
{
	const char *plane = context_plane(w->c);
	CLEANUP_SSH struct ssh *s = NULL;

	return plane == NULL || !node_runs_kubernetes(n->role) ? 0 : reach_run(w->reach, plane, &s, await_ready, n->name, err);
}

static int pass(struct renew *r, struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_FREE char *mark = mark_of(n->name);
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(w->reach, n->name, clock_deadline(CONNECT_MS), &s, err) < 0 || state_set(r->c.state, mark, "1", err) < 0 ||
	    work_install(w, n, &s, err) < 0)
		return -1;
	event_begin(w->events, n->name, "restart");
	if (reach_run(w->reach, n->name, &s, restart, NULL, err) < 0 || is_ready_again(w, n, err) < 0)
		return -1;
	event_end(w->events, n->name, "restart");
	return state_set(r->c.state, mark, NULL, err);
}

/* As the state knows it: with its floating IP, which is in certificates. */
static int known(const struct renew *r, const struct plan_node *p, struct node *ret, struct error **err)
{
	return inventory_get(r->c.inventory, p->node.name, ret) ? 0 : error_set(err, ERROR_INTERNAL, "%s is not in the inventory", p->node.name);
}

static int node(struct renew *r, const struct plan_node *p, struct error **err)
{
	struct work w = r->w;
	struct node n = {0};
	struct error *why = NULL;
	int result;

	w.deadline = clock_deadline(NODE_MS);
	result = known(r, p, &n, &why) < 0 ? -1 : pass(r, &w, &n, &why);
	node_clear(&n);
	if (result == 0)
		return 0;
	if (!error_is(why, ERROR_CANCELLED))
		event_fail(r->w.events, p->node.name, "restart", error_message(why));
	error_wrap(&why, "%s", p->node.name);
	return error_move(err, why);
}

/* ---- all of them */

struct workers {
	struct renew *r;
	const struct plan_node **nodes;
	size_t n;
};

static int worker(size_t i, void *context, struct error **err)
{
	struct workers *w = context;

	return node(w->r, w->nodes[i], err);
}

/* A kubelet's restart needs no drain: what runs on the node outlives it. */
static int workers(struct renew *r, struct error **err)
{
	CLEANUP_FREE const struct plan_node **nodes = xnew_n(const struct plan_node *, r->c.plan->n_nodes);
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, r->c.plan->n_nodes);
	struct workers w = {r, nodes, 0};
	int result;

	for (size_t i = 0; i < r->c.plan->n_nodes; i++)
		if (r->c.plan->nodes[i].node.role == NODE_WORKER && is_node_due(r, r->c.plan->nodes[i].node.name))
			nodes[w.n++] = &r->c.plan->nodes[i];
	result = parallel_for(w.n, AT_ONCE, worker, &w, errors, NULL);
	if (result < 0)
		result = verb_sum_up(errors, w.n, "", "\nThe others have theirs. The same command goes on with those that have not.", err);
	for (size_t i = 0; i < w.n; i++)
		error_free(errors[i]);
	return result;
}

/* One after the other: the registry, then the control planes, each until etcd and the API server are well; the first that is not ends it. */
static int others(struct renew *r, struct error **err)
{
	for (size_t i = 0; i < r->c.plan->n_nodes; i++) {
		const struct plan_node *p = &r->c.plan->nodes[i];

		if (p->node.role != NODE_WORKER && is_node_due(r, p->node.name) && node(r, p, err) < 0)
			return -1;
	}
	return 0;
}

/* The administrator's, and what a recovery needs. */
static int finish(struct renew *r, struct error **err)
{
	CLEANUP_FREE char *path = NULL;

	if (verb_keep_kubeconfig(&r->c, r->w.pki, &path, err) < 0 || work_keep_recovery(&r->w, err) < 0)
		return -1;
	return state_set(r->c.state, BEGUN_KEY, NULL, err);
}

static int is_as_wanted(struct renew *r, const struct plan_node *p, bool *ret, struct error **err)
{
	struct node n = {0};
	int result = known(r, p, &n, err) < 0 ? -1 : work_is_applied(&r->w, &n, ret, err);

	node_clear(&n);
	return result;
}

/* Only certificates are to be changed by this: a node that differs in something else would get that, too. */
static int check_nodes(struct renew *r, struct error **err)
{
	CLEANUP_STRV struct strv differ = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	pki_renew(r->w.pki, (struct pki_renewal){.within = INT64_MIN});
	for (size_t i = 0; i < r->c.plan->n_nodes; i++) {
		const struct plan_node *p = &r->c.plan->nodes[i];
		bool applied = true;

		if (is_node_due(r, p->node.name) && !is_marked(r, p->node.name) && is_as_wanted(r, p, &applied, err) < 0)
			return -1;
		if (!applied)
			strv_add(&differ, p->node.name);
	}
	names = verb_names(&differ);
	return differ.n == 0 ? 0
			     : error_set(err, ERROR_CONFIG,
					 "%s asks more of %s than new certificates, or the state has some that are not there yet: \"davit apply\" does that; then this goes on",
					 r->c.spec->path, names);
}

static int check_reached(const struct renew *r, struct error **err)
{
	CLEANUP_STRV struct strv silent = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	for (size_t i = 0; i < r->look.names.n; i++)
		if (r->look.failures[i] != NULL && is_asked_for(r, r->look.names.v[i]))
			strv_addf(&silent, "%s: %s", r->look.names.v[i], error_message(r->look.failures[i]));
	text = strv_join(&silent, "\n");
	return silent.n == 0 ? 0 : error_set(err, ERROR_NODE, "nothing was renewed, since not all nodes can be reached; --node leaves some out:\n%s", text);
}

static int run(struct renew *r, struct live *live, struct error **err)
{
	if (context_bundle(&r->c, r->w.events, &r->w.artifacts, &r->w.bundle_folder, err) < 0)
		return -1;
	latch_open(r->w.bundle, NULL);
	if (check_nodes(r, err) < 0 || note_begun(r, err) < 0)
		return -1;
	pki_renew(r->w.pki, (struct pki_renewal){.within = (int64_t)r->c.o->warn_days * DAY, .made_before = r->since});
	if (others(r, err) < 0 || workers(r, err) < 0 || finish(r, err) < 0)
		return -1;
	live_phases(live);
	log_info("%zu certificates of cluster %s are new", r->n_due, r->c.spec->name);
	return 0;
}

static int renew(struct renew *r, struct error **err)
{
	struct events *events = events_new();
	struct live *live = live_new(events, r->c.state, isatty(STDERR_FILENO) && !r->c.o->json_log, r->c.o->verbosity < 0);
	int result = work_open(&r->c, events, &r->w, err) < 0 ? -1 : run(r, live, err);

	live_free(live);
	work_close(&r->w);
	events_free(events);
	if (result < 0 && cancel_by_user()) {
		error_clear(err);
		return error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: the same \"davit certs renew\" goes on from here");
	}
	return result;
}

static int look(struct renew *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->c, err) < 0 || context_need_keys(&r->c, err) < 0 ||
	    upgrade_check_none(&r->c, err) < 0 || etcd_check_none(&r->c, err) < 0)
		return -1;
	context_pin_pools(&r->c, NULL);
	if (context_replan(&r->c, err) < 0 || context_node_names(&r->c, &r->c.o->nodes, &r->names, err) < 0 || certs_look(&r->c, &r->look, err) < 0)
		return -1;
	warn_of_authorities(r);
	find_since(r);
	find_due(r);
	return 0;
}

int verb_certs_renew(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct renew r = {.now = clock_wall_ms() / 1000};

	if (look(&r, o, err) < 0)
		return -1;
	if (o->dry_run && o->format == OUTPUT_JSON)
		print_due_json(&r);
	else if (o->dry_run && r.n_due > 0)
		print_due(&r);
	if (check_reached(&r, err) < 0)
		return -1;
	if (r.n_due == 0 && !r.resumed)
		log_info("no certificate ends within %d days: nothing to renew", o->warn_days);
	return o->dry_run || (r.n_due == 0 && !r.resumed) ? 0 : renew(&r, err);
}
