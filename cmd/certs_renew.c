#include "cmd/certs_nodes.h"
#include "cmd/live.h"
#include "cmd/msr.h"
#include "cmd/output.h"
#include "cmd/restoring.h"
#include "cmd/rolling.h"
#include "cmd/rotate.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

/*
 * The order that lets an interruption at any point do no harm: a node is connected to, marked in the state ("renewing:NODE"), its new pairs are
 * written to the state and then put on the node, its services begin again, and when they are well the mark goes.  Old and new pairs are of the
 * same authority, so that it does not matter which of them who has meanwhile.  A node that bears a mark is gone on with by the next run, or
 * by `apply`, which finds that it does not have what the state has.
 */
#define MARK "renewing:"
#define BEGUN_KEY "certs:renewing" /* a run has begun, and has not come to its end: since then, in seconds since 1970 */

enum { DAY = 24 * 3600, BACKDATED = 3600 };

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
			log_warning("%s is an authority, and is near its end: this does not replace it, \"davit certs rotate-ca\" does, and nothing that it signs outlives it", item->path);
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

/* ---- doing it */

static bool takes(const struct node *n, void *context)
{
	return is_node_due(context, n->name);
}

static bool is_begun(const struct node *n, void *context)
{
	return is_marked(context, n->name);
}

static int mark(const struct node *n, void *context, struct error **err)
{
	struct renew *r = context;
	CLEANUP_FREE char *key = mark_of(n->name);

	return state_set(r->c.state, key, "1", err);
}

static int unmark(const struct node *n, void *context, struct error **err)
{
	struct renew *r = context;
	CLEANUP_FREE char *key = mark_of(n->name);

	return state_set(r->c.state, key, NULL, err);
}

/* The administrator's, and what a recovery needs. */
static int finish(struct renew *r, struct error **err)
{
	if (verb_keep_kubeconfig(&r->c, r->w.pki, err) < 0 || msr_certify(&r->w, err) < 0 || work_keep_recovery(&r->w, err) < 0 || certs_publish(&r->w, err) < 0)
		return -1;
	return state_set(r->c.state, BEGUN_KEY, NULL, err);
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
	struct rolling rolling = {.w = &r->w, .restart = true, .takes = takes, .begin = mark, .done = unmark, .context = r};

	if (context_bundle(&r->c, r->w.events, &r->w.artifacts, &r->w.bundle_folder, err) < 0)
		return -1;
	latch_open(r->w.bundle, NULL);
	if (rolling_check(&rolling, is_begun, "new certificates", err) < 0 || note_begun(r, err) < 0)
		return -1;
	pki_renew(r->w.pki, (struct pki_renewal){.within = (int64_t)r->c.o->warn_days * DAY, .made_before = r->since});
	if (rolling_run(&rolling, err) < 0 || finish(r, err) < 0)
		return -1;
	live_phases(live);
	log_info("%zu certificates of cluster %s are new", r->n_due, r->c.spec->name);
	return 0;
}

static int renew(struct renew *r, struct error **err)
{
	struct events *events = events_new();
	struct live *live = live_new(events, r->c.state, r->c.o);
	int result = msr_check_given(&r->c, err) < 0 || work_open(&r->c, events, &r->w, err) < 0 ? -1 : run(r, live, err);

	live_free(live);
	work_close(&r->w);
	events_free(events);
	return verb_interrupted(result, "certs renew", err);
}

static int look(struct renew *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->c, err) < 0 || context_need_keys(&r->c, err) < 0 ||
	    upgrade_check_none(&r->c, err) < 0 || restoring_check_none(&r->c, err) < 0 || rotate_check_none(&r->c, err) < 0)
		return -1;
	context_pin_pools(&r->c, NULL);
	if (context_replan(&r->c, err) < 0 || context_node_names(&r->c, &r->c.o->nodes, &r->names, err) < 0 || certs_look(&r->c, NULL, &r->look, err) < 0 ||
	    (!o->dry_run && certs_adopt_from(&r->c, &r->look.survey, err) < 0))
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
