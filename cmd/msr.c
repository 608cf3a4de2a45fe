#include "cmd/msr.h"
#include "cmd/work.h"
#include "bootstrap/msr.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/cluster/mke.h"

#define CERTIFICATE "msr:certificate" /* "NODE DIGEST": whose it serves, and of what it was given */

enum { RUN_MS = 30 * 60 * 1000, ASK_MS = 60 * 1000 };

static bool is_wanted(const struct context *c)
{
	return c->spec->mke.msr.version != NULL;
}

int msr_check_given(const struct context *c, struct error **err)
{
	CLEANUP_SECRET char *password = NULL;

	return is_wanted(c) ? mke_password(c->spec, &password, err) : 0;
}

char *msr_url(const struct context *c)
{
	return is_wanted(c) && msr_is_installed(c->state) ? xasprintf("https://%s", c->spec->mke.msr.host) : NULL;
}

/* ---- its certificate */

static const struct node *member(const struct context *c, const char *name)
{
	const struct plan_node *p = plan_find(c->plan, name);

	return p != NULL && msr_is_on(c->spec, &p->node) ? &p->node : NULL;
}

/* Whose it serves, or, where that one is gone, is to serve from now on; NULL: nobody has a replica yet. */
static const struct node *owner(const struct context *c, const char *given)
{
	CLEANUP_FREE char *name = given != NULL ? xstrndup(given, strcspn(given, " ")) : NULL;
	const struct node *n = name != NULL ? member(c, name) : NULL;
	CLEANUP_FREE char *id = n != NULL ? msr_replica(c->state, n->name) : NULL;

	if (id != NULL)
		return n;
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		CLEANUP_FREE char *other = NULL;

		n = &c->plan->nodes[i].node;
		if (msr_is_on(c->spec, n) && (other = msr_replica(c->state, n->name)) != NULL)
			return n;
	}
	return NULL;
}

static int wanted(const struct work *w, const struct node *n, char **ret, struct error **err)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct file *f;
	char hex[DIGEST_HEX_LEN + 1] = "";

	if (pki_node_files(w->pki, w->c->plan, n, &files, err) < 0)
		return -1;
	f = fileset_find(&files, MSR_CERTIFICATE ".crt");
	text = xasprintf("%s %s", w->c->spec->mke.msr.host, f != NULL ? buf_str(&f->content) : "");
	digest_hex(text, strlen(text), hex);
	*ret = xasprintf("%s %s", n->name, hex);
	return 0;
}

static int note_given(struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_FREE char *text = NULL;

	return wanted(w, n, &text, err) < 0 ? -1 : state_set(w->c->state, CERTIFICATE, text, err);
}

/* *ret NULL: it has what is wanted. */
static int find_due(const struct work *w, const struct node **ret, struct error **err)
{
	CLEANUP_FREE char *given = state_get(w->c->state, CERTIFICATE), *text = NULL;
	const struct node *n = owner(w->c, given);

	*ret = NULL;
	if (n == NULL)
		return 0;
	if (wanted(w, n, &text, err) < 0)
		return -1;
	if (given == NULL || strcmp(given, text) != 0)
		*ret = n;
	return 0;
}

/* ---- what is done on one node */

struct visit {
	struct work *w;
	struct msr_job job;
	const char *existing; /* replica, or NULL */
	const char *gone;
	struct msr_found found; /* of the look */
};

static int look(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	msr_found_clear(&v->found);
	return msr_look(s, &v->found, clock_deadline(ASK_MS), err);
}

static int install(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	return msr_install(s, &v->job, v->existing, clock_deadline(RUN_MS), err);
}

static int reconfigure(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	return msr_reconfigure(s, &v->job, clock_deadline(RUN_MS), err);
}

static int upgrade(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	return msr_upgrade(s, &v->job, clock_deadline(RUN_MS), err);
}

static int take_out(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	return msr_remove(s, &v->job, v->gone, clock_deadline(RUN_MS), err);
}

static int told(struct work *w, const char *node, struct error *why, struct error **err)
{
	if (why == NULL) {
		event_end(w->events, node, "msr");
		return 0;
	}
	event_fail(w->events, node, "msr", error_message(why));
	error_wrap(&why, "%s: MSR", node);
	return error_move(err, why);
}

static struct visit visit_of(struct work *w, const char *node, const char *id, const char *password)
{
	return (struct visit){.w = w, .job = {.spec = w->c->spec, .mke = plan_first(w->c->plan)->node.address, .version = w->c->spec->mke.msr.version, .node = node, .id = id, .password = password}};
}

static int certify(struct work *w, const char *password, struct error **err)
{
	const struct node *n = NULL;
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_FREE char *id = NULL, *version = msr_version(w->c->state);
	struct error *why = NULL;
	struct visit v;

	if (find_due(w, &n, err) < 0)
		return -1;
	if (n == NULL)
		return 0;
	id = msr_replica(w->c->state, n->name);
	v = visit_of(w, n->name, id, password);
	if (version != NULL)
		v.job.version = version;
	event_begin(w->events, n->name, "msr");
	event_progress(w->events, n->name, "msr", "MSR gets its certificate, and restarts");
	(void)!reach_run(w->reach, n->name, &s, reconfigure, &v, &why);
	return told(w, n->name, why, err) < 0 ? -1 : note_given(w, n, err);
}

int msr_certify(struct work *w, struct error **err)
{
	CLEANUP_SECRET char *password = NULL;
	const struct node *n = NULL;

	if (!is_wanted(w->c))
		return 0;
	if (find_due(w, &n, err) < 0)
		return -1;
	if (n == NULL)
		return 0;
	return mke_password(w->c->spec, &password, err) < 0 ? -1 : certify(w, password, err);
}

/* ---- all of them */

struct replica {
	const struct node *n;
	char *id; /* on the node; NULL: none */
	char *version;
	bool whole;
	struct ssh *s; /* one session a node, for all that is done there */
};

struct replicas {
	struct work *w;
	const char *password;
	struct replica *items;
	size_t n;
	size_t unseen; /* nodes of the pool that could not be looked at */
};

static void clear(struct replicas *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->items[i].id);
		free(r->items[i].version);
		ssh_free(r->items[i].s);
	}
	free(r->items);
}

/* What is there goes into the state, whoever has put it there: a state that was lost, a replica that was restored by hand. */
static int look_at(struct replicas *r, const struct node *n, struct error **err)
{
	struct visit v = visit_of(r->w, n->name, NULL, r->password);
	struct replica *it = &r->items[r->n++];

	it->n = n;
	if (reach_run(r->w->reach, n->name, &it->s, look, &v, err) < 0)
		return error_wrap(err, "%s", n->name);
	it->id = v.found.id;
	it->version = v.found.version;
	it->whole = v.found.whole;
	if (it->whole && it->version != NULL && !msr_is_installed(r->w->c->state) && msr_note_version(r->w->c->state, r->w->c->spec, it->version, err) < 0)
		return -1;
	return it->whole ? msr_note_replica(r->w->c->state, r->w->c->spec, n->name, it->id, err) : 0;
}

static int look_at_all(struct replicas *r, struct error **err)
{
	const struct plan *plan = r->w->c->plan;

	r->items = xnew_n(struct replica, plan->n_nodes);
	for (size_t i = 0; i < plan->n_nodes; i++) {
		if (!msr_is_on(plan->spec, &plan->nodes[i].node))
			continue;
		if (plan->nodes[i].node.cloud == NODE_FAILED)
			r->unseen++;
		else if (look_at(r, &plan->nodes[i].node, err) < 0)
			return -1;
	}
	return 0;
}

static struct replica *existing(const struct replicas *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].whole)
			return &r->items[i];
	return NULL;
}

/* By what the containers say, or, where they say nothing, the state. */
static bool is_older(const struct replicas *r)
{
	const char *wanted = r->w->c->spec->mke.msr.version;
	CLEANUP_FREE char *had = msr_version(r->w->c->state);

	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].whole && strcmp(r->items[i].version != NULL ? r->items[i].version : had != NULL ? had : wanted, wanted) != 0)
			return true;
	return false;
}

/* All nodes have the new images by now.  Before anything else of the new version is asked of it. */
static int upgrade_all(struct replicas *r, struct error **err)
{
	struct replica *by = existing(r);
	struct error *why = NULL;
	struct visit v;

	if (by == NULL)
		return 0;
	if (is_older(r)) {
		if (r->unseen > 0)
			return error_set(err, ERROR_NODE, "%zu nodes of pool %s could not be looked at: MSR is upgraded when all of them have the new images", r->unseen, r->w->c->spec->mke.msr.pool);
		v = visit_of(r->w, by->n->name, by->id, r->password);
		event_begin(r->w->events, by->n->name, "msr");
		event_progress(r->w->events, by->n->name, "msr", "MSR's own command upgrades all of its replicas");
		(void)!reach_run(r->w->reach, by->n->name, &by->s, upgrade, &v, &why);
		if (told(r->w, by->n->name, why, err) < 0)
			return -1;
	}
	return msr_note_version(r->w->c->state, r->w->c->spec, r->w->c->spec->mke.msr.version, err);
}

/* What the others know of a server that is gone, or lost what it had. */
static int forget(struct replicas *r, struct replica *by, const char *gone, struct error **err)
{
	struct visit v = visit_of(r->w, by->n->name, by->id, r->password);

	v.gone = gone;
	return gone == NULL ? 0 : reach_run(r->w->reach, by->n->name, &by->s, take_out, &v, err);
}

static int choose_id(struct replicas *r, struct replica *by, struct replica *it, struct error **err)
{
	struct state *state = r->w->c->state;
	CLEANUP_FREE char *had = msr_replica(state, it->n->name), *begun = msr_begun(state, it->n->name);

	if (it->id == NULL && by != NULL && (forget(r, by, had, err) < 0 || forget(r, by, begun, err) < 0))
		return -1;
	if (it->id == NULL)
		it->id = begun != NULL ? xstrdup(begun) : random_hex(MSR_ID_LEN / 2);
	if (had != NULL && msr_note_gone(state, it->n->name, err) < 0)
		return -1;
	return msr_note_begun(state, it->n->name, it->id, err);
}

static int check_first(const struct replicas *r, struct error **err)
{
	const char *pool = r->w->c->spec->mke.msr.pool;

	if (r->unseen > 0)
		return error_set(err, ERROR_NODE, "%zu nodes of pool %s could not be looked at: whether one has a replica of MSR is not known, and no other one is installed", r->unseen, pool);
	if (msr_is_installed(r->w->c->state))
		return error_set(err, ERROR_NODE,
				 "MSR was installed, and no node of pool %s has a replica of it any more: restore one of a backup on one of them, by the vendor's documentation; \"davit apply\" takes it up",
				 pool);
	return 0;
}

static int check_another(const struct replicas *r, const struct replica *by, struct error **err)
{
	if (r->w->c->spec->mke.msr.nfs != NULL)
		return 0;
	return error_set(err, ERROR_CONFIG, "MSR's images lie on %s alone: another replica would not find them as long as mke.msr names no \"nfs\"", by->n->name);
}

static int add(struct replicas *r, struct replica *it, struct error **err)
{
	struct replica *by = existing(r);
	struct visit v = visit_of(r->w, it->n->name, NULL, r->password);
	struct error *why = NULL;

	if ((by != NULL ? check_another(r, by, err) : check_first(r, err)) < 0 || choose_id(r, by, it, err) < 0)
		return -1;
	v.job.id = it->id;
	v.existing = by != NULL ? by->id : NULL;
	event_begin(r->w->events, it->n->name, "msr");
	event_progress(r->w->events, it->n->name, "msr", by != NULL ? "a replica of MSR is being added" : "MSR is being installed");
	(void)!reach_run(r->w->reach, it->n->name, &it->s, install, &v, &why);
	if (told(r->w, it->n->name, why, err) < 0)
		return -1;
	it->whole = true;
	if (msr_note_replica(r->w->c->state, r->w->c->spec, it->n->name, it->id, err) < 0)
		return -1;
	return by == NULL ? note_given(r->w, it->n, err) : 0;
}

int msr_settle(struct work *w, struct error **err)
{
	CLEANUP_SECRET char *password = NULL;
	CLEANUP(clear) struct replicas r = {.w = w};

	if (!is_wanted(w->c) || (w->pool != NULL && strcmp(w->pool, w->c->spec->mke.msr.pool) != 0))
		return 0;
	if (mke_password(w->c->spec, &password, err) < 0)
		return -1;
	r.password = password;
	if (look_at_all(&r, err) < 0 || upgrade_all(&r, err) < 0)
		return -1;
	for (size_t i = 0; i < r.n; i++)
		if (!r.items[i].whole && add(&r, &r.items[i], err) < 0)
			return -1;
	return certify(w, password, err) < 0 ? -1 : msr_await(w, err);
}

/* ---- what that would do */

static void find_missing(const struct context *c, struct changes *ret)
{
	bool installed = msr_is_installed(c->state);

	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct node *n = &c->plan->nodes[i].node;
		CLEANUP_FREE char *id = msr_is_on(c->spec, n) ? msr_replica(c->state, n->name) : NULL;

		if (!msr_is_on(c->spec, n) || id != NULL)
			continue;
		changes_add(ret, CHANGE_CREATE, "msr", n->name, xstrdup(installed ? "a replica of MSR is added" : "MSR is installed"));
		installed = true;
	}
}

/* "2.9.28" where the file names a newer one. */
static char *older(const struct context *c)
{
	CLEANUP_FREE char *had = is_wanted(c) ? msr_version(c->state) : NULL;

	return had != NULL && strcmp(had, c->spec->mke.msr.version) != 0 ? steal_ptr(had) : NULL;
}

static void find_older(const struct context *c, struct changes *ret)
{
	CLEANUP_FREE char *had = older(c);

	if (had != NULL)
		changes_add(ret, CHANGE_UPDATE, "msr", c->spec->mke.msr.host, xasprintf("MSR goes from %s to %s, and not back: have a backup of it", had, c->spec->mke.msr.version));
}

char *msr_question(const struct context *c)
{
	CLEANUP_FREE char *had = older(c);

	return had != NULL ? xasprintf("Upgrade MSR from %s to %s, which cannot be taken back; its documentation wants a backup of it before", had, c->spec->mke.msr.version) : NULL;
}

int msr_find(const struct context *c, const struct work *w, struct changes *ret, struct error **err)
{
	const struct node *due = NULL;

	find_missing(c, ret);
	find_older(c, ret);
	if (!is_wanted(c) || w == NULL)
		return 0;
	if (find_due(w, &due, err) < 0)
		return -1;
	if (due != NULL)
		changes_add(ret, CHANGE_UPDATE, "msr", due->name, xstrdup("MSR has another certificate or host: it gets this one's, and restarts"));
	return msr_is_installed(c->state) ? msr_find_ailing(w, ret, err) : 0;
}
