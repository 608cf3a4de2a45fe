#include "cmd/apply_parts.h"
#include "cmd/authorities.h"
#include "cmd/checks.h"
#include "cmd/credentials.h"
#include "cmd/differences.h"
#include "cmd/restoring.h"
#include "cmd/live.h"
#include "cmd/lost.h"
#include "cmd/msr.h"
#include "cmd/msr_leave.h"
#include "cmd/output.h"
#include "cmd/retire.h"
#include "cmd/stacks.h"
#include "cmd/swarm_lock.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/platform.h"
#include "core/cluster/frozen.h"
#include "provision/console.h"

enum { CONSOLE_MS = 5 * 60 * 1000 };

static int look(void *context, struct error **err)
{
	struct apply *a = context;
	CLEANUP_FREE char *complete = state_get(a->c->state, "complete");

	a->complete = complete != NULL && strcmp(complete, "1") == 0;
	if (a->cloud == NULL && cloud_open(context_cloud(a->c), &a->cloud, err) < 0)
		return -1;
	return a->complete ? provision_look(a->cloud, a->c->plan, state_uuid(a->c->state), &a->view, err)
			   : provision_survey(a->cloud, a->c->plan, state_uuid(a->c->state), &a->view, err);
}

/* Before the differences of a cluster to be made; of one that is complete only the names, the rest where there is a difference.  Servers that come
 * in the place of others are known only then. */
static int check(struct apply *a, bool different, struct error **err)
{
	if (a->complete == different || a->turnover.before.n > 0 || a->turnover.after.n > 0)
		return checks_pass(a->c, a->cloud, a->view, err);
	return different ? 0 : provision_check(a->c->plan, a->view, err);
}

/* trust_console: for those whose key is not in the state yet. */
static int read_console(void *context, const struct node *n, int64_t deadline, char **ret, struct error **err)
{
	const struct apply *a = context;
	int64_t patience = clock_deadline(CONSOLE_MS);

	event_progress(a->w->events, n->name, "ssh", "reading its host keys from its console");
	return console_wait_host_keys(a->cloud, n->name, n->server_id, patience < deadline ? patience : deadline, ret, err);
}

static int prepare(void *context, struct error **err)
{
	struct apply *a = context;

	if (context_need_keys(a->c, err) < 0 || context_key_pair(a->c, &a->public_key, err) < 0)
		return -1;
	if (work_open(a->c, a->w->events, a->w, err) < 0)
		return -1;
	a->w->pool = a->scope->pool;
	reach_set_console(a->w->reach, read_console, a);
	return trust_check(a->c->spec, err);
}

/* In the first pass only: a new node may have the name of one that is gone. */
static const struct strv *asked(const struct apply *a)
{
	return a->pass == 1 ? a->scope->asked : NULL;
}

static bool is_agreed(const struct apply *a, const char *node)
{
	return strv_has(&a->agreed, node);
}

static int consent_to(struct apply *a, const struct strv *nodes, const char *what, const char *why, struct error **err)
{
	CLEANUP_FREE char *names = verb_names(nodes), *question = xasprintf("%s %s%s", what, names, why);

	if (nodes->n == 0)
		return 0;
	if (output_confirm(a->c->o->yes, question, err) < 0)
		return -1;
	strv_copy(&a->agreed, nodes);
	return 0;
}

static int consent_to_replace(struct apply *a, struct error **err)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;

	for (size_t i = 0; i < a->turnover.names.n; i++)
		if (!is_agreed(a, a->turnover.names.v[i]))
			strv_add(&nodes, a->turnover.names.v[i]);
	return consent_to(a, &nodes, "Put new nodes in the place of", ", which are drained and removed with their volumes", err);
}

/* Then they are there before others go, and pods find them. */
static bool makes_workers(const struct apply *a)
{
	for (size_t i = 0; i < a->c->plan->n_nodes; i++) {
		const struct node *n = &a->c->plan->nodes[i].node;

		if (n->role == NODE_WORKER && !state_is_installed(a->c->state, n->name))
			return true;
	}
	return false;
}

static int consent_to_remove(struct apply *a, struct error **err)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;
	CLEANUP_FREE char *why = xasprintf(", which %s no longer wants, with their volumes", a->c->spec->path);

	for (size_t i = 0; i < a->c->plan->leaving.n; i++) {
		const char *name = a->c->plan->leaving.v[i];

		if (!is_agreed(a, name) && !strv_has(&a->turnover.names, name))
			strv_add(&nodes, name);
	}
	if (nodes.n > 0 && !makes_workers(a) && leaving_check(&a->leaving, &nodes, err) < 0)
		return -1;
	return consent_to(a, &nodes, "Drain and remove", why, err);
}

static int consent_to_retire(struct apply *a, const struct changes *changes, struct error **err)
{
	CLEANUP_STRV struct strv all = STRV_INIT, things = STRV_INIT;

	retire_names(changes, &all);
	for (size_t i = 0; i < all.n; i++)
		if (!is_agreed(a, all.v[i]))
			strv_add(&things, all.v[i]);
	return consent_to(a, &things, "Remove", ", which served another way to the servers, when all were reached in that of the file", err);
}

/* Asked once, after all checks; a scope's commit is its own question. */
static int consent(struct apply *a, const struct changes *changes, struct error **err)
{
	CLEANUP_FREE char *msr = a->pass == 1 ? msr_question(a->c) : NULL;

	if (msr != NULL && output_confirm(a->c->o->yes, msr, err) < 0)
		return -1;
	if (a->scope->commit != NULL)
		return a->pass > 1 ? 0 : a->scope->commit(a->scope->context, err);
	return consent_to_replace(a, err) < 0 || consent_to_remove(a, err) < 0 ? -1 : consent_to_retire(a, changes, err);
}

/* More passes are needed: there are nodes that are still to be mended or replaced. */
static bool goes_on(const struct apply *a)
{
	return a->repair.reboots.n > 0 || a->turnover.names.n > 0 || a->turnover.before.n > 0;
}

static int retire(struct apply *a, const struct changes *changes, struct error **err)
{
	return retire_any(changes) && !goes_on(a) ? retire_run(a->w, a->cloud, err) : 0;
}

/* Before anybody is asked, or anything made. */
static int check_leaving(const struct apply *a, struct error **err)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;

	strv_copy(&nodes, &a->turnover.names);
	strv_copy(&nodes, &a->turnover.after);
	strv_copy(&nodes, &a->turnover.before);
	return msr_leave_check(a->c, &nodes, &a->turnover.before, err);
}

/* What this pass does: it mends nodes, or takes some away so that others get their place, or makes what is missing, after which others go. */
static int make(struct apply *a, const struct changes *changes, struct error **err)
{
	CLEANUP_STRV struct strv leaving = STRV_INIT;

	if (check_leaving(a, err) < 0 || consent(a, changes, err) < 0 || turnover_begin(&a->leaving, &a->turnover, asked(a), err) < 0)
		return -1;
	if (a->repair.reboots.n > 0)
		return repair_run(&a->repair, a->cloud, a->w->events, err);
	if (a->turnover.before.n > 0)
		return leaving_run(&a->leaving, &a->turnover.before, a->cloud, a->w->events, err);
	if (verb_to_do(changes) > verb_leaving(changes) && (lost_await(&a->leaving, changes, err) < 0 || apply_converge(a, err) < 0))
		return -1;
	leaving_names(a->c, a->scope->pool, &leaving);
	if (leaving_run(&a->leaving, &leaving, a->cloud, a->w->events, err) < 0 || (leaving.n > 0 && msr_certify(a->w, err) < 0))
		return -1;
	return retire(a, changes, err);
}

static void tell_nothing(const struct apply *a, int64_t start)
{
	log_info("%scluster %s is as %s says: nothing to do (%.1f s, %llu API calls)", a->c->o->cloud_only ? "the cloud's part of " : "",
		 a->c->spec->name, a->c->spec->path, (double)(clock_ms() - start) / 1000, (unsigned long long)cloud_requests(a->cloud));
}

static void tell_made(const struct apply *a, int64_t start)
{
	double seconds = (double)(clock_ms() - start) / 1000;
	unsigned long long calls = cloud_requests(a->cloud);

	if (a->c->o->cloud_only)
		log_info("the servers of cluster %s are there, nothing is installed (%.1f s, %llu API calls); \"davit apply\" goes on from here",
			 a->c->spec->name, seconds, calls);
	else if (a->scope->pool != NULL)
		log_info("pool %s of cluster %s is as %s says (%.1f s, %llu API calls)", a->scope->pool, a->c->spec->name, a->c->spec->path,
			 seconds, calls);
	else
		log_info("cluster %s is ready (%.1f s, %llu API calls); \"davit %s\" gives access, \"davit status\" shows it", a->c->spec->name, seconds,
			 calls, platform_is_swarm(a->c->spec->platform) ? "docker-context" : "kubeconfig");
}

/* Workers that ail, and those that are to be replaced; where one pool is worked on only those that were asked for. */
static int find_replaced(struct apply *a, struct changes *changes, struct error **err)
{
	bool whole = a->scope->pool == NULL && !a->c->o->cloud_only;

	if (whole) {
		if ((!a->c->o->dry_run && repair_forgive(&a->repair, changes, err) < 0) ||
		    differences_of_nodes(a->c, a->repair.nodes, changes, err) < 0)
			return -1;
		differences_of_settings(a->c, &a->repair.settings, changes);
		if (stacks_find(a->c, changes, err) < 0 || msr_find(a->c, a->w, changes, err) < 0)
			return -1;
		repair_find(&a->repair, changes);
	} else {
		retire_ignore(changes);
		turnover_ignore(changes);
	}
	if (whole || a->scope->replaces)
		turnover_asked(a->c, a->scope->pool, asked(a), changes);
	if (a->pass == 1)
		turnover_tell(a->c, changes);
	if (a->repair.reboots.n > 0)
		return 0;
	if (turnover_find(&a->leaving, changes, &a->turnover, err) < 0)
		return -1;
	return turnover_fit(&a->leaving, a->cloud, a->view, changes, &a->turnover, err);
}

static int ask_nodes(void *context, struct error **err)
{
	struct apply *a = context;

	return a->scope->pool == NULL && !a->c->o->cloud_only ? repair_ask(&a->repair, err) : 0;
}

/* Before anything is asked of a manager. */
static int unlock(struct apply *a, struct error **err)
{
	return a->c->o->dry_run || a->c->o->cloud_only || a->pass > 1 ? 0 : swarm_lock_open(a->c, a->w->events, err);
}

static int find_locked(struct apply *a, struct changes *changes, struct error **err)
{
	return a->c->o->dry_run && !a->c->o->cloud_only ? swarm_lock_compare(a->c, a->leaving.reach, changes, err) : 0;
}

static int find_out(struct apply *a, struct changes *changes, struct error **err)
{
	struct parallel_task tasks[] = {{look, a}, {prepare, a}, {ask_nodes, a}};

	event_begin(a->w->events, "cloud", "look");
	if (unlock(a, err) < 0 || leaving_choose(&a->leaving, err) < 0 || parallel_run(tasks, ARRAY_SIZE(tasks), err) < 0 ||
	    turnover_resume(&a->leaving, a->cloud, a->view, &a->turnover, err) < 0 || check(a, false, err) < 0)
		return -1;
	event_end(a->w->events, "cloud", "look");
	if (context_check_project(a->c->state, a->cloud, err) < 0 || differences_find(a->c, a->view, a->w, changes, err) < 0)
		return -1;
	if (find_locked(a, changes, err) < 0 || credentials_compare(a->c, a->cloud, changes, err) < 0)
		return -1;
	return find_replaced(a, changes, err);
}

static int pass(struct apply *a, int64_t start, bool *ret_again, struct error **err)
{
	CLEANUP(changes_free) struct changes changes = {0};

	if (find_out(a, &changes, err) < 0)
		return -1;
	if (a->pass == 1)
		verb_warn_left(&changes);
	if (verb_to_do(&changes) == 0 && (a->pass > 1 || a->scope->commit == NULL)) {
		if (a->pass == 1)
			tell_nothing(a, start);
		return 0;
	}
	if (check(a, true, err) < 0) {
		turnover_advise(&a->turnover);
		return -1;
	}
	if (a->c->o->dry_run) {
		verb_print_changes(&changes, a->c->o->format);
		return 0;
	}
	*ret_again = goes_on(a);
	a->made = true;
	return make(a, &changes, err);
}

static void pass_begin(struct apply *a, struct events *events)
{
	a->pass++;
	*a->w = (struct work){.events = events};
	leaving_init(&a->leaving, a->c);
	a->repair.l = &a->leaving;
}

static void pass_end(struct apply *a)
{
	turnover_clear(&a->turnover);
	repair_clear(&a->repair);
	leaving_clear(&a->leaving);
	work_close(a->w);
	view_free(steal_ptr(a->view));
	free(steal_ptr(a->public_key));
}

static int run(struct apply *a, struct events *events, struct live *live, struct error **err)
{
	int64_t start = clock_ms();
	bool again = true;
	int r = 0;

	while (r == 0 && again) {
		again = false;
		pass_begin(a, events);
		r = context_replan(a->c, err);
		if (r == 0)
			r = pass(a, start, &again, err);
		pass_end(a);
	}
	if (r == 0 && a->made) {
		live_phases(live);
		tell_made(a, start);
	}
	return r;
}

int apply_check(const struct context *c, struct error **err)
{
	if (frozen_check(c->spec, c->state, FROZEN_ALLOW_NOTHING, err) < 0 || upgrade_check_none(c, err) < 0)
		return -1;
	return restoring_check_none(c, err);
}

int apply_run(struct context *c, const struct apply_scope *scope, struct error **err)
{
	struct events *events = events_new();
	struct work w = {0};
	struct apply a = {.c = c, .w = &w, .scope = scope};
	struct live *live = live_new(events, c->state, c->o);
	int r = apply_check(c, err) < 0 ? -1 : run(&a, events, live, err);

	live_free(live);
	cloud_close(a.cloud);
	strv_free(&a.agreed);
	events_free(events);
	return r;
}

int verb_apply(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	int r = context_open(o, CONTEXT_WRITE, &c, err) < 0 || authorities_prepare(&c, err) < 0 ? -1 : apply_run(&c, &(struct apply_scope){0}, err);

	if (r < 0 && err != NULL && error_is(*err, ERROR_CANCELLED) && cancel_by_user())
		error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: \"davit apply\" goes on from here, \"davit delete\" takes it away");
	return r;
}
