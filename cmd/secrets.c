#include "cmd/restoring.h"
#include "cmd/output.h"
#include "cmd/rolling.h"
#include "cmd/rotate.h"
#include "cmd/swarm_rekey.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "bootstrap/published.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/cluster/encryption.h"
#include <stdlib.h>

/*
 * The list of keys is one value of the state, so that each step is one write; ROTATE_SECRETS_KEY says which: "ID PASS".  A control plane that has come to
 * the end of a pass says so ("rekeyed:NODE": the same).
 */
#define DONE "rekeyed:"

enum { REWRITE_MS = 60 * 60 * 1000 };

enum pass { PASS_ADDED = 1, PASS_TURNED, PASS_DROPPED };

static const char *const passes[] = {[PASS_ADDED] = "all API servers know the new key, and encrypt with the old one",
				     [PASS_TURNED] = "they encrypt with the new key, and every Secret is written once more",
				     [PASS_DROPPED] = "they know the new key alone"};

struct rekey {
	struct context c;
	struct work w;
	struct events *events;
	char *id;
	int pass; /* that has begun; 0: none */
};

static void clear(struct rekey *r)
{
	work_close(&r->w);
	free(r->id);
	context_close(&r->c);
}

static char *value_of(const struct rekey *r)
{
	return xasprintf("%s %d", r->id, r->pass);
}

/* ---- the nodes of a pass */

static bool takes(const struct node *n, void *context)
{
	const struct rekey *r = context;
	CLEANUP_FREE char *key = xasprintf(DONE "%s", n->name), *wanted = value_of(r), *done = state_get(r->c.state, key);

	return n->role == NODE_CONTROL_PLANE && (done == NULL || strcmp(done, wanted) != 0);
}

static bool takes_planes(const struct node *n, void *context UNUSED)
{
	return n->role == NODE_CONTROL_PLANE;
}

static int done(const struct node *n, void *context, struct error **err)
{
	struct rekey *r = context;
	CLEANUP_FREE char *key = xasprintf(DONE "%s", n->name), *value = value_of(r);

	return state_set(r->c.state, key, value, err);
}

/* ---- passes */

static char *new_secret(void)
{
	unsigned char raw[ENCRYPTION_BYTES];
	char *text;

	random_bytes(raw, sizeof(raw));
	text = base64_encode(raw, sizeof(raw));
	explicit_bzero(raw, sizeof(raw));
	return text;
}

/* To the keys of this pass, whether a run that was cut off had come to that or not. */
static int write_keys(struct rekey *r, char **ret_old, struct error **err)
{
	CLEANUP_SECRET char *text = state_get(r->c.state, ENCRYPTION_KEY), *secret = new_secret(), *after = NULL;
	CLEANUP_ENCRYPTION struct encryption_keys k = {0};

	if (encryption_parse(text != NULL ? text : "", &k, err) < 0)
		return -1;
	if (r->pass == PASS_ADDED)
		encryption_add(&k, secret);
	else if (r->pass == PASS_TURNED)
		encryption_turn(&k);
	else
		encryption_drop(&k);
	*ret_old = k.n == 2 ? xstrdup(k.items[r->pass == PASS_TURNED].name) : NULL;
	after = encryption_text(&k);
	return state_set(r->c.state, ENCRYPTION_KEY, after, err);
}

static int rewrite(struct ssh *s, void *context, struct error **err)
{
	return kubernetes_rewrite_secrets(s, context, clock_deadline(REWRITE_MS), err);
}

static int rewrite_all(struct rekey *r, char *old, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	event_begin(r->events, "secrets", "rewrite");
	if (reach_run(r->w.reach, context_plane(&r->c), &s, rewrite, old, err) < 0)
		return -1;
	event_end(r->events, "secrets", "rewrite");
	return 0;
}

/* The keys are in the recovery file before any Secret is encrypted with them. */
static int run_pass(struct rekey *r, struct error **err)
{
	struct rolling rolling = {.w = &r->w, .takes = takes, .done = done, .context = r};
	CLEANUP_FREE char *value = value_of(r), *old = NULL;

	if (state_set(r->c.state, ROTATE_SECRETS_KEY, value, err) < 0 || write_keys(r, &old, err) < 0 || rotate_open(&r->c, r->events, &r->w, err) < 0)
		return -1;
	log_info("pass %d of 3: %s", r->pass, passes[r->pass]);
	if (work_keep_recovery(&r->w, err) < 0 || rolling_run(&rolling, err) < 0 || (r->pass == PASS_TURNED && rewrite_all(r, old, err) < 0))
		return -1;
	work_close(&r->w);
	return 0;
}

static int forget(struct rekey *r, struct error **err)
{
	for (size_t i = 0; i < r->c.plan->n_nodes; i++) {
		CLEANUP_FREE char *key = xasprintf(DONE "%s", r->c.plan->nodes[i].node.name);

		if (state_set(r->c.state, key, NULL, err) < 0)
			return -1;
	}
	if (state_set(r->c.state, ROTATE_SECRETS_KEY, NULL, err) < 0 || rotate_open(&r->c, r->events, &r->w, err) < 0)
		return -1;
	return work_keep_recovery(&r->w, err);
}

static int check_begin(struct rekey *r, struct error **err)
{
	struct rolling rolling = {.w = &r->w, .takes = takes_planes, .context = r};
	CLEANUP_FREE char *question = xasprintf("Replace the key that encrypts the Secrets of cluster %s, and write all of them once more? Go on", r->c.spec->name);

	if (output_confirm(r->c.o->yes, question, err) < 0 || rotate_open(&r->c, r->events, &r->w, err) < 0 || rolling_check(&rolling, NULL, "a new key", err) < 0)
		return -1;
	work_close(&r->w);
	r->id = xasprintf("%lld", (long long)clock_wall_ms());
	r->pass = PASS_ADDED;
	return 0;
}

static int run(void *context, struct error **err)
{
	struct rekey *r = context;

	if (r->id == NULL && check_begin(r, err) < 0)
		return -1;
	for (; r->pass <= PASS_DROPPED; r->pass++)
		if (run_pass(r, err) < 0)
			return -1;
	if (forget(r, err) < 0)
		return -1;
	log_info("the Secrets of cluster %s are encrypted with a new key; backups of etcd of before hold the old one, and need it", r->c.spec->name);
	return 0;
}

/* ---- what is so */

static void find_progress(struct rekey *r)
{
	CLEANUP_FREE char *noted = state_get(r->c.state, ROTATE_SECRETS_KEY);
	CLEANUP_STRV struct strv words = STRV_INIT;

	strv_split(&words, noted != NULL ? noted : "", " ");
	if (words.n != 2)
		return;
	r->id = xstrdup(words.v[0]);
	r->pass = (int)strtol(words.v[1], NULL, 10);
	if (r->pass < PASS_ADDED || r->pass > PASS_DROPPED)
		r->pass = PASS_ADDED;
}

static int look(struct rekey *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->c, err) < 0 ||
	    (r->c.spec->platform == PLATFORM_MKE && context_need_kubernetes(&r->c, "its secrets are MKE's to encrypt", err) < 0) || context_need_keys(&r->c, err) < 0 ||
	    upgrade_check_none(&r->c, err) < 0 || restoring_check_none(&r->c, err) < 0 || rotate_check_no_ca(&r->c, err) < 0)
		return -1;
	context_pin_pools(&r->c, NULL);
	if (context_replan(&r->c, err) < 0)
		return -1;
	if (context_plane(&r->c) == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet, and no secrets: \"davit apply\" makes it", r->c.spec->name);
	find_progress(r);
	return 0;
}

static void print_passes(const struct rekey *r)
{
	static const char *const headings[] = {"PASS", "WHAT", "STATE"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (int p = PASS_ADDED; p <= PASS_DROPPED; p++) {
		CLEANUP_FREE char *number = xasprintf("%d", p);

		table_row(table, (const char *[]){number, passes[p], p < r->pass ? "done" : p == r->pass ? "begun" : "to do"});
	}
	table_print(table);
}

static int verb_rotate_keys(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct rekey r = {0};

	if (look(&r, o, err) < 0)
		return -1;
	if (r.c.spec->platform == PLATFORM_SWARM)
		return swarm_rekey(&r.c, err);
	if (!o->dry_run)
		return rotate_run(&r.c, &r.w, &r.events, "secrets rotate-keys", run, &r, err);
	print_passes(&r);
	return 0;
}

const struct command secrets_actions[] = {
	{"secrets rotate-keys", NULL, "Replace the key that encrypts the cluster's Secrets in etcd, or unlocks a swarm's managers",
	 "In three passes, control plane by control plane: the new key is known to all, then it encrypts and every Secret is written once more, then the old\n"
	 "one is dropped. Of a swarm with swarm.autolock it is the key that managers are unlocked with. An interrupted run is gone on with by the same\n"
	 "command.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_YES | OPT_DRY_RUN | OPT_MIRROR | OPT_BUNDLE, verb_rotate_keys},
	{0},
};
