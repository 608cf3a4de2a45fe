#include "cmd/certs_nodes.h"
#include "cmd/authorities.h"
#include "cmd/restoring.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/rolling.h"
#include "cmd/rotate.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "bootstrap/published.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "pki/rotation.h"

/*
 * Each pass is one write (rotation_go()), after which every node gets what it has to have from then on: a node of one pass and one of the next
 * understand each other. A node that has come to the end of a pass says so in the state ("rotated:NODE": "ID PASS"), so that the same
 * command goes on with the others; `apply` may run in between, for instance to replace a node that is lost.
 */
#define DONE "rotated:"
#define RESTARTED_KEY "certs:rotating:restarted" /* pods know the new authorities: "ID" */
#define SIGNED_KEY "certs:rotating:signed"	 /* since when (seconds since 1970) no token was signed with the old key */
#define ENDING "ending"

enum { PUBLISH_MS = 5 * 60 * 1000, SWARM_MS = 10 * 60 * 1000, RESTART_MS = 15 * 60 * 1000, TOKEN_SECONDS = 65 * 60 /* the longest that the kubelet asks for, and some */ };

static const char *const passes[] = {[PKI_TRUSTED] = "the new authorities are trusted everywhere, beside the old ones",
				     [PKI_SIGNED] = "all certificates are made anew, by the new ones",
				     [PKI_ALONE] = "the old ones are trusted no more"};

struct rotate {
	struct context c;
	struct work w;
	struct events *events;
	char *folder, *id;
	enum pki_pass pass; /* that has begun */
	bool tokens;	    /* their key as well */
	bool swarm;	    /* whose nodes have their certificates by the swarm itself */
	bool ending;	    /* all nodes have come through all passes */
	bool planes;	    /* which nodes are worked on: all but workers, or workers */
};

static void clear(struct rotate *r)
{
	work_close(&r->w);
	free(r->folder);
	free(r->id);
	context_close(&r->c);
}

/* ---- the nodes of a pass */

static char *done_key(const struct node *n)
{
	return xasprintf(DONE "%s", n->name);
}

static char *done_value(const struct rotate *r)
{
	return xasprintf("%s %d", r->id, (int)r->pass);
}

static bool takes(const struct node *n, void *context)
{
	const struct rotate *r = context;
	CLEANUP_FREE char *key = done_key(n), *wanted = done_value(r), *done = state_get(r->c.state, key);

	return (n->role != NODE_WORKER) == r->planes && (done == NULL || strcmp(done, wanted) != 0);
}

static bool takes_all(const struct node *n UNUSED, void *context UNUSED)
{
	return true;
}

static int done(const struct node *n, void *context, struct error **err)
{
	struct rotate *r = context;
	CLEANUP_FREE char *key = done_key(n), *value = done_value(r);

	return state_set(r->c.state, key, value, err);
}

static int roll(struct rotate *r, bool planes, struct error **err)
{
	struct rolling rolling = {.w = &r->w, .restart = r->pass == PKI_SIGNED && !r->swarm, .takes = takes, .done = done, .context = r};

	r->planes = planes;
	return rolling_run(&rolling, err);
}

/* ---- what is no file of a node */

static int await_published(struct ssh *s, void *context, struct error **err)
{
	const struct rotate *r = context;

	return kubernetes_await_published(s, pki_published_pem(r->w.pki), clock_deadline(PUBLISH_MS), err);
}

static int narrow_trust(struct ssh *s, void *context, struct error **err)
{
	const struct rotate *r = context;

	return kubernetes_narrow_trust(s, pki_ca_pem(r->w.pki, "ca"), pki_ca_pem(r->w.pki, "front-proxy-ca"), clock_deadline(PUBLISH_MS), err);
}

static int restart_own(struct ssh *s, void *context, struct error **err)
{
	const struct rotate *r = context;

	return kubernetes_restart(s, false, r->events, clock_deadline(RESTART_MS), err);
}

static int restart_others(struct ssh *s, void *context, struct error **err)
{
	const struct rotate *r = context;

	return kubernetes_restart(s, true, r->events, clock_deadline(RESTART_MS), err);
}

static int count_others(struct ssh *s, void *context, struct error **err)
{
	return kubernetes_count_others(s, clock_deadline(PUBLISH_MS), context, err);
}

static int take_authority(struct ssh *s, void *context, struct error **err)
{
	const struct rotate *r = context;

	return swarm_take_authority(s, pki_ca_certificate(r->w.pki, "swarm-ca"), pki_ca_key(r->w.pki, "swarm-ca"), clock_deadline(SWARM_MS), err);
}

static int check_all_up(struct ssh *s, void *context UNUSED, struct error **err)
{
	return swarm_check_all_up(s, clock_deadline(PUBLISH_MS), err);
}

static int on_plane(struct rotate *r, reach_job *job, void *context, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_run(r->w.reach, context_plane(&r->c), &s, job, context, err);
}

/* It cross-signs, and each node asks for another certificate: one write begins that. */
static int rotate_swarm(struct rotate *r, struct error **err)
{
	event_begin(r->events, "swarm", "authority");
	if (planes_ask(&r->c, r->w.reach, take_authority, r, NULL, err) < 0) {
		event_fail(r->events, "swarm", "authority", err != NULL ? error_message(*err) : "");
		return -1;
	}
	event_end(r->events, "swarm", "authority");
	return 0;
}

static int restart_pods(struct rotate *r, reach_job *job, struct error **err)
{
	event_begin(r->events, "pods", "restart");
	if (on_plane(r, job, r, err) < 0) {
		event_fail(r->events, "pods", "restart", err != NULL ? error_message(*err) : "");
		return -1;
	}
	event_end(r->events, "pods", "restart");
	return 0;
}

/* Who has read his authorities once, and for all, does not take the API server's next certificate. */
static int settle_others(struct rotate *r, struct error **err)
{
	CLEANUP_FREE char *question = NULL;
	size_t n = 0;

	if (r->c.o->restart_workloads)
		return restart_pods(r, restart_others, err) < 0
			       ? error_wrap(err, "--restart-workloads (without it, and with --yes, the next pass begins all the same)")
			       : 0;
	if (on_plane(r, count_others, &n, err) < 0)
		return -1;
	question = xasprintf("%zu Deployments, StatefulSets and DaemonSets of cluster %s may talk to the API by programs that read its authority once (client-go before 1.36, "
			     "others): those lose it in the next pass, until they begin again (--restart-workloads does that). Go on without",
			     n, r->c.spec->name);
	return n > 0 ? output_confirm(r->c.o->yes, question, err) : 0;
}

static int settle_pods(struct rotate *r, struct error **err)
{
	CLEANUP_FREE char *restarted = state_get(r->c.state, RESTARTED_KEY);

	if (restarted != NULL && strcmp(restarted, r->id) == 0)
		return 0;
	if (restart_pods(r, restart_own, err) < 0 || settle_others(r, err) < 0)
		return -1;
	return state_set(r->c.state, RESTARTED_KEY, r->id, err);
}

/* ---- passes */

/* The way in for people, and what a lost state is rebuilt from. */
static int keep(struct rotate *r, struct error **err)
{
	return verb_keep_kubeconfig(&r->c, r->w.pki, err) < 0 || work_keep_recovery(&r->w, err) < 0 ? -1 : certs_publish(&r->w, err);
}

static int note_signed(struct rotate *r, struct error **err)
{
	CLEANUP_FREE char *noted = state_get(r->c.state, SIGNED_KEY), *now = xasprintf("%lld", (long long)(clock_wall_ms() / 1000));

	return noted != NULL ? 0 : state_set(r->c.state, SIGNED_KEY, now, err);
}

/* The recovery file has the new key before a node has a certificate by it. */
static int run_pass_of_swarm(struct rotate *r, struct error **err)
{
	if (keep(r, err) < 0 || roll(r, true, err) < 0 || roll(r, false, err) < 0)
		return -1;
	return r->pass == PKI_SIGNED ? rotate_swarm(r, err) : 0;
}

static int run_pass_of_kubernetes(struct rotate *r, struct error **err)
{
	if (roll(r, true, err) < 0 || on_plane(r, await_published, r, err) < 0 || roll(r, false, err) < 0)
		return -1;
	if (keep(r, err) < 0 || (r->pass == PKI_TRUSTED && settle_pods(r, err) < 0) || (r->pass == PKI_SIGNED && note_signed(r, err) < 0))
		return -1;
	return r->pass == PKI_ALONE ? on_plane(r, narrow_trust, r, err) : 0;
}

static int run_pass(struct rotate *r, struct error **err)
{
	if (rotate_open(&r->c, r->events, &r->w, err) < 0)
		return -1;
	log_info("pass %d of 3: %s", (int)r->pass, passes[r->pass]);
	if ((r->swarm ? run_pass_of_swarm(r, err) : run_pass_of_kubernetes(r, err)) < 0)
		return -1;
	work_close(&r->w);
	return 0;
}

/* Pods get a token by the new key when theirs is near its end: an hour at most. 0: there is nothing to wait for. */
static int64_t tokens_until(const struct rotate *r)
{
	CLEANUP_FREE char *noted = state_get(r->c.state, SIGNED_KEY);
	int64_t until = (noted != NULL ? strtoll(noted, NULL, 10) : 0) + TOKEN_SECONDS;

	return r->tokens && until > clock_wall_ms() / 1000 ? until : 0;
}

static int begin_pass(struct rotate *r, enum pki_pass pass, struct error **err)
{
	struct pki_options options = authorities_options(&r->c);

	if (rotation_go(r->folder, &options, pass, r->tokens, err) < 0)
		return -1;
	r->pass = pass;
	return 0;
}

static int forget(struct rotate *r, struct error **err)
{
	static const char *const keys[] = {RESTARTED_KEY, SIGNED_KEY, ROTATE_CA_KEY};

	for (size_t i = 0; i < r->c.plan->n_nodes; i++) {
		CLEANUP_FREE char *key = done_key(&r->c.plan->nodes[i].node);

		if (state_set(r->c.state, key, NULL, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (state_set(r->c.state, keys[i], NULL, err) < 0)
			return -1;
	return 0;
}

/* Nodes have what they are to have; what is left is here. */
static int end(struct rotate *r, struct error **err)
{
	if (state_set(r->c.state, ROTATE_CA_KEY, ENDING, err) < 0 || (r->pass != PKI_SETTLED && begin_pass(r, PKI_SETTLED, err) < 0))
		return -1;
	if (rotate_open(&r->c, r->events, &r->w, err) < 0 || forget(r, err) < 0 || keep(r, err) < 0)
		return -1;
	if (r->swarm)
		log_info("cluster %s has new authorities; join tokens of before are taken no more", r->c.spec->name);
	else
		log_info("cluster %s has new authorities. Kubeconfigs of before, the administrator's and those of persons, are taken no more: \"davit kubeconfig\" prints new ones",
			 r->c.spec->name);
	return 0;
}

static int run_passes(struct rotate *r, struct error **err)
{
	enum pki_pass first = r->pass == PKI_SETTLED ? PKI_TRUSTED : r->pass;

	for (int p = first; p <= PKI_ALONE; p++) {
		int64_t until = p == PKI_ALONE ? tokens_until(r) : 0;
		CLEANUP_FREE char *text = clock_rfc3339(until * 1000);

		if (until > 0) {
			log_info("pods have tokens of the old key until %.19sZ: the same command, run then, comes to the last pass. The cluster is well as it is until that", text);
			return 0;
		}
		if (begin_pass(r, (enum pki_pass)p, err) < 0 || run_pass(r, err) < 0)
			return -1;
	}
	return end(r, err);
}

/* Before the first write: nodes are as the file and the state want them, and new authorities can be made. */
static int check_begin(struct rotate *r, struct error **err)
{
	struct rolling rolling = {.w = &r->w, .takes = takes_all, .context = r};
	CLEANUP_FREE char *question = xasprintf("Replace all authorities of cluster %s, and all certificates, in three rolling passes? %s that were handed out before are "
						"taken no more at its end. Go on",
						r->c.spec->name, r->swarm ? "Join tokens" : "Kubeconfigs");

	if (authorities_prepare_new(&r->c, err) < 0 || output_confirm(r->c.o->yes, question, err) < 0 || rotate_open(&r->c, r->events, &r->w, err) < 0 ||
	    rolling_check(&rolling, NULL, "new certificates", err) < 0 || (r->swarm && planes_ask(&r->c, r->w.reach, check_all_up, r, NULL, err) < 0))
		return -1;
	work_close(&r->w);
	r->id = xasprintf("%lld", (long long)clock_wall_ms());
	return state_set(r->c.state, ROTATE_CA_KEY, r->id, err);
}

static int run(void *context, struct error **err)
{
	struct rotate *r = context;

	if (r->id == NULL && check_begin(r, err) < 0)
		return -1;
	return r->ending ? end(r, err) : run_passes(r, err);
}

/* ---- what is so */

static void find_progress(struct rotate *r)
{
	CLEANUP_FREE char *new_key = xasprintf("%s/" ROTATION_NEW "/sa.key", r->folder);

	r->id = state_get(r->c.state, ROTATE_CA_KEY);
	r->ending = r->id != NULL && strcmp(r->id, ENDING) == 0;
	r->tokens = r->pass != PKI_SETTLED ? path_exists(new_key) : r->c.o->service_account;
}

static int check_options(struct rotate *r, struct error **err)
{
	r->swarm = r->c.spec->platform == PLATFORM_SWARM;
	if (r->c.spec->platform == PLATFORM_MKE)
		return context_need_kubernetes(&r->c, "davit does not replace its authorities", err);
	return r->c.o->restart_workloads || r->c.o->service_account ? context_need_kubernetes(&r->c, "it has no pods and no service accounts", err) : 0;
}

static int look(struct rotate *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->c, err) < 0 ||
	    check_options(r, err) < 0 || context_need_keys(&r->c, err) < 0 ||
	    upgrade_check_none(&r->c, err) < 0 || restoring_check_none(&r->c, err) < 0 || rotate_check_no_secrets(&r->c, err) < 0)
		return -1;
	context_pin_pools(&r->c, NULL);
	if (context_replan(&r->c, err) < 0)
		return -1;
	if (context_plane(&r->c) == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet: \"davit apply\" makes it, with authorities as %s says", r->c.spec->name,
				 r->c.spec->path);
	r->folder = state_path(r->c.state, "pki");
	if (rotation_pass(r->folder, &r->pass, err) < 0)
		return -1;
	find_progress(r);
	if (r->pass != PKI_SETTLED && r->id == NULL) /* of a state that was recovered from before the note */
		r->id = xasprintf("%lld", (long long)clock_wall_ms());
	return 0;
}

static const char *standing(const struct rotate *r, enum pki_pass pass)
{
	if (r->ending || pass < r->pass)
		return "done";
	return pass == r->pass ? "begun" : "to do";
}

static void print_passes(const struct rotate *r)
{
	static const char *const headings[] = {"PASS", "WHAT", "STATE"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (int p = PKI_TRUSTED; p <= PKI_ALONE; p++) {
		CLEANUP_FREE char *number = xasprintf("%d", p);

		table_row(table, (const char *[]){number, passes[p], standing(r, (enum pki_pass)p)});
	}
	table_print(table);
}

static void print_passes_json(const struct rotate *r)
{
	struct json_object *whole = json_object_new_object(), *list = json_object_new_array();

	for (int p = PKI_TRUSTED; p <= PKI_ALONE; p++) {
		struct json_object *o = json_object_new_object();

		json_add_int(o, "pass", p);
		json_add_str(o, "what", passes[p]);
		json_add_str(o, "state", standing(r, (enum pki_pass)p));
		json_object_array_add(list, o);
	}
	json_add_str(whole, "cluster", r->c.spec->name);
	json_add_bool(whole, "serviceAccountKey", r->tokens);
	json_add(whole, "passes", list);
	output_json(whole);
}

int verb_certs_rotate(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct rotate r = {0};

	if (look(&r, o, err) < 0)
		return -1;
	if (!o->dry_run)
		return rotate_run(&r.c, &r.w, &r.events, "certs rotate-ca", run, &r, err);
	if (o->format == OUTPUT_JSON)
		print_passes_json(&r);
	else
		print_passes(&r);
	return 0;
}
