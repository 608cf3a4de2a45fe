#include "cmd/apply.h"
#include "cmd/checks.h"
#include "cmd/credentials.h"
#include "cmd/differences.h"
#include "cmd/leaving.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "cmd/work.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "provision/console.h"
#include "provision/provision.h"
#include <stdio.h>
#include <unistd.h>

enum { CONSOLE_MS = 5 * 60 * 1000 };

struct apply {
	struct context *c;
	struct work *w;
	struct cloud *cloud;
	struct view *view;
	bool complete; /* the last run came to its end: likely there is nothing to make */
	char *public_key;
	const struct apply_scope *scope;
	struct leaving leaving;
};

/* The cluster's own key pair, in the state; never the user's. */
static int key_pair(struct context *c, char **ret_public, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "ssh"), *file = state_path(c->state, "ssh/id_ed25519");
	CLEANUP_FREE char *public_file = state_path(c->state, "ssh/id_ed25519.pub");
	CLEANUP(buf_wipe) struct buf secret = BUF_INIT;
	CLEANUP_BUF struct buf public = BUF_INIT;

	if (path_exists(file) && path_exists(public_file)) {
		if (path_read(public_file, &public, err) < 0)
			return -1;
	} else if (ssh_keygen(c->spec->name, &secret, &public, err) < 0 || path_mkdirs(folder, 0700, err) < 0 ||
		   path_write(file, secret.data, secret.len, 0600, err) < 0 ||
		   path_write(public_file, public.data, public.len, 0644, err) < 0) {
		return -1;
	}
	while (public.len > 0 && public.data[public.len - 1] == '\n')
		buf_truncate(&public, public.len - 1);
	*ret_public = buf_steal(&public);
	return 0;
}

/* A host key for a server that is about to be made: known before it answers for the first time, where the file wants it so. */
static int seed(void *context, const struct plan_node *p, char **ret, struct error **err)
{
	struct apply *a = context;
	bool seeded = a->c->spec->access.host_keys == HOST_KEYS_SEEDED;
	CLEANUP_FREE char *key = NULL, *mark = xasprintf("seeded:%s", p->node.name), *applied = xasprintf("applied:%s", p->node.name);
	struct node n = {0};
	int r;

	if (seeded && bootstrap_user_data(p->node.name, ret, &key, err) < 0)
		return -1;
	inventory_host_key(a->c->inventory, p->node.name, key);
	if (!inventory_get(a->c->inventory, p->node.name, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", p->node.name);
	r = state_put_node(a->c->state, &n, err);
	node_clear(&n);
	if (r < 0 || state_set(a->c->state, applied, "", err) < 0)
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

/* In a network that is not ours the cloud chooses the addresses, which certificates and configuration are made for. */
static int reserve(struct apply *a, struct error **err)
{
	struct provision_job job = job_of(a);

	if (a->c->plan->own_network)
		return 0;
	return provision_reserve(&job, err) < 0 ? -1 : context_replan(a->c, err);
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

/* One error of all nodes that failed.  Those that only stopped because of another's failure are not named. */
static int sum_up(struct apply *a, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	enum error_kind kind = ERROR_INTERNAL; /* this machine's failure, such as a full disk, unless a node has one of its own */
	size_t failed = 0;

	for (size_t i = 0; i < a->c->plan->n_nodes; i++) {
		const struct error *e = a->w->errors[i];

		if (e == NULL || error_is(e, ERROR_CANCELLED))
			continue;
		if (!error_is(e, ERROR_INTERNAL))
			kind = ERROR_NODE;
		buf_addf(&text, "%s%s", failed > 0 ? "\n" : "", error_message(e));
		failed++;
	}
	if (failed == 0)
		return cancel_check(err);
	return error_set(err, kind, "%zu of %zu nodes failed; \"davit apply\" goes on from here:\n%s", failed, a->c->plan->n_nodes,
			 buf_str(&text));
}

static int write_kubeconfig(struct apply *a, char **ret_path, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = NULL;

	if (verb_api_url(a->c, &url, err) < 0 || pki_admin_kubeconfig(a->w->pki, a->c->spec->name, url, &text, err) < 0)
		return -1;
	*ret_path = state_path(a->c->state, "kubeconfig");
	return path_write(*ret_path, text.data, text.len, 0600, err);
}

/* Labels, Ready and roll-outs of the nodes that came up, and the way in. */
static int finish(struct apply *a, struct error **err)
{
	CLEANUP_FREE char *kubeconfig = NULL;

	for (size_t i = 0; i < a->c->plan->n_nodes; i++)
		if (a->w->errors[i] != NULL || !work_takes(a->w, &a->c->plan->nodes[i]))
			a->c->plan->nodes[i].node.cloud = NODE_FAILED; /* nobody waits for it */
	return work_finish(a->w, err) < 0 || write_kubeconfig(a, &kubeconfig, err) < 0 ? -1 : 0;
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

static int converge(struct apply *a, struct error **err)
{
	struct parallel_task tasks[] = {{run_provision, a}, {run_nodes, a}, {run_bundle, a}};
	size_t n_tasks = a->c->o->cloud_only ? 2 : ARRAY_SIZE(tasks);
	CLEANUP_FREE char *part = a->scope->pool != NULL ? xasprintf(COMPLETE_BUT_POOL "%s", a->scope->pool) : NULL;
	struct error *why = NULL;

	if (state_set(a->c->state, "complete", part != NULL ? part : "0", err) < 0 || context_remember(a->c, a->cloud, err) < 0 ||
	    credentials_converge(a->c, a->cloud, a->w->openstack_ca != NULL, &a->w->cloud_conf, err) < 0)
		return -1;
	put_wanted_nodes(a->c);
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

static int look(void *context, struct error **err)
{
	struct apply *a = context;
	CLEANUP_FREE char *complete = state_get(a->c->state, "complete");

	a->complete = complete != NULL && strcmp(complete, "1") == 0;
	if (cloud_open(context_cloud(a->c), &a->cloud, err) < 0)
		return -1;
	return a->complete ? provision_look(a->cloud, a->c->plan, state_uuid(a->c->state), &a->view, err)
			   : provision_survey(a->cloud, a->c->plan, state_uuid(a->c->state), &a->view, err);
}

/* Before the differences of a cluster to be made; of one that is complete only the names, the rest where there is a difference. */
static int check(struct apply *a, bool different, struct error **err)
{
	if (a->complete == different)
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

	if (context_need_keys(a->c, err) < 0 || key_pair(a->c, &a->public_key, err) < 0)
		return -1;
	if (work_open(a->c, a->w->events, a->w, err) < 0)
		return -1;
	a->w->pool = a->scope->pool;
	reach_set_console(a->w->reach, read_console, a);
	return trust_check(a->c->spec, err);
}

/* Asked once, after all checks; a scope's commit is its own question. */
static int consent(struct apply *a, struct error **err)
{
	CLEANUP_FREE char *names = verb_names(&a->c->plan->leaving);
	CLEANUP_FREE char *question =
		xasprintf("Drain and remove %s, which %s no longer wants, with their volumes", names, a->c->spec->path);

	if (a->scope->commit != NULL)
		return a->scope->commit(a->scope->context, err);
	if (a->c->plan->leaving.n == 0)
		return 0;
	return leaving_check(&a->leaving, &a->c->plan->leaving, err) < 0 ? -1 : output_confirm(a->c->o->yes, question, err);
}

static int make(struct apply *a, const struct changes *changes, struct error **err)
{
	if (consent(a, err) < 0)
		return -1;
	if (verb_to_do(changes) > verb_leaving(changes) && converge(a, err) < 0)
		return -1;
	return leaving_run(&a->leaving, a->scope->pool, a->cloud, a->w->events, err);
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
		log_info("cluster %s is ready (%.1f s, %llu API calls); \"davit kubeconfig\" gives access, \"davit status\" shows it",
			 a->c->spec->name, seconds, calls);
}

static int find_out(struct apply *a, struct changes *changes, struct error **err)
{
	struct parallel_task tasks[] = {{look, a}, {prepare, a}};

	event_begin(a->w->events, "cloud", "look");
	if (leaving_choose(&a->leaving, err) < 0 || parallel_run(tasks, ARRAY_SIZE(tasks), err) < 0 || check(a, false, err) < 0)
		return -1;
	event_end(a->w->events, "cloud", "look");
	if (context_check_project(a->c->state, a->cloud, err) < 0 || differences_find(a->c, a->view, a->w, changes, err) < 0)
		return -1;
	return credentials_compare(a->c, a->cloud, changes, err);
}

static int run(struct apply *a, struct live *live, struct error **err)
{
	CLEANUP(changes_free) struct changes changes = {0};
	int64_t start = clock_ms();

	if (find_out(a, &changes, err) < 0)
		return -1;
	verb_warn_left(&changes);
	if (verb_to_do(&changes) == 0 && a->scope->commit == NULL) {
		tell_nothing(a, start);
		return 0;
	}
	if (check(a, true, err) < 0)
		return -1;
	if (a->c->o->dry_run) {
		verb_print_changes(&changes, a->c->o->format);
		return 0;
	}
	if (make(a, &changes, err) < 0)
		return -1;
	live_phases(live);
	tell_made(a, start);
	return 0;
}

int apply_run(struct context *c, const struct apply_scope *scope, struct error **err)
{
	struct events *events = events_new();
	struct work w = {.events = events};
	struct apply a = {.c = c, .w = &w, .scope = scope};
	struct live *live = live_new(events, c->state, isatty(STDERR_FILENO) && !c->o->json_log, c->o->verbosity < 0);
	int r;

	leaving_init(&a.leaving, c);
	r = frozen_check(c->spec, c->state, FROZEN_ALLOW_NOTHING, err) < 0 || upgrade_check_none(c, err) < 0 ? -1 : run(&a, live, err);
	live_free(live);
	leaving_clear(&a.leaving);
	work_close(&w);
	view_free(a.view);
	cloud_close(a.cloud);
	free(a.public_key);
	events_free(events);
	return r;
}

int verb_apply(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	int r = context_open(o, CONTEXT_WRITE, &c, err) < 0 ? -1 : apply_run(&c, &(struct apply_scope){0}, err);

	if (r < 0 && err != NULL && error_is(*err, ERROR_CANCELLED) && cancel_by_user())
		error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: \"davit apply\" goes on from here, \"davit delete\" takes it away");
	return r;
}
