#include "cmd/swarm_restore.h"
#include "cmd/output.h"
#include "cmd/swarm.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/stacks.h"

/*
 * The data is there before anything is touched; no other manager must know of the swarm that was when a new one of the same name and addresses begins.
 * A run that goes on does all phases, and each looks first at what is done.
 */

enum { BEGIN_MS = 3 * 60 * 1000, JOIN_MS = 5 * 60 * 1000, AUTHORITY_MS = 10 * 60 * 1000, AGAIN_MS = 1000 };
/* A worker that has lost its managers asks them again within 8 s, one after the other. */
enum { BACK_MS = 90 * 1000 };

enum who { FIRST, OTHERS, WORKERS, MANAGERS };

static enum who who_is(const struct swarm_restore *r, const struct seat *seat)
{
	if (seat == r->first)
		return FIRST;
	return seat->n->role == NODE_CONTROL_PLANE ? OTHERS : WORKERS;
}

/* In a session of one's own: each thread has another one. */
static int on_first(struct swarm_restore *r, reach_job *job, void *context, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_run(r->b.reach, r->first->n->name, &s, job, context, err);
}

/* ---- the first */

static int push(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	CLEANUP_BACKUP_PULL struct backup_pull pull = {0};

	if (seat->place.done && seat->place.has_data)
		return 0;
	backup_pull_begin(&pull, &r->b.file);
	return swarm_restore_push(s, &r->r, backup_pull_read, &pull, r->b.file.unlock, err);
}

static int take(struct ssh *s, struct swarm_restore *r, struct seat *seat UNUSED, struct error **err)
{
	return swarm_restore_take(s, &r->r, err);
}

static void wipe(struct strv *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		explicit_bzero(keys->v[i], strlen(keys->v[i]));
	strv_free(keys);
}

/* Its key stands in the state at once: with autolock a restart would lock it. */
static int begin(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	CLEANUP_SECRET char *text = state_get(r->b.c.state, STATE_UNLOCK_KEYS), *key = NULL;
	CLEANUP(wipe) struct strv keys = STRV_INIT;
	int64_t deadline = clock_deadline(BEGIN_MS);

	strv_split(&keys, text != NULL ? text : "", " ");
	strv_split(&keys, r->b.file.unlock != NULL ? r->b.file.unlock : "", " ");
	if (swarm_restore_begin(s, r->b.c.spec, seat->n->address, &keys, deadline, err) < 0 || swarm_key_read(s, deadline, &key, err) < 0 ||
	    swarm_key_keep(r->b.c.state, key, err) < 0 || swarm_note_begun(r->b.c.state, err) < 0)
		return -1;
	swarm_offer_clear(&r->offer);
	return swarm_offer_read(s, seat->n->address, deadline, &r->offer, err);
}

/* ---- the others */

struct entry {
	struct swarm_restore *r;
	struct seat *seat;
	int64_t deadline;
};

static int leave(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	return seat->place.done ? 0 : swarm_restore_leave(s, &r->r, clock_deadline(JOIN_MS), err);
}

static int forget(struct ssh *s, void *context, struct error **err)
{
	const struct entry *e = context;

	return platform_swarm.forget(s, e->seat->n->name, e->deadline, err);
}

/* What the swarm remembers of it goes first: one name is one node. */
static int enter(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	struct entry e = {r, seat, clock_deadline(JOIN_MS)};

	return on_first(r, forget, &e, err) < 0 ? -1 : swarm_join(s, seat->n, &r->offer, e.deadline, err);
}

/* It has left before: one that is a member has joined the new swarm. */
static int join(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	bool is_member = false;

	if (swarm_lock_enter(&r->b.c, s, clock_deadline(JOIN_MS), &is_member, err) < 0)
		return -1;
	return is_member ? 0 : enter(s, r, seat, err);
}

/* ---- workers */

/* Whether the swarm knows one of that name. */
static bool find_worker(struct json_object *nodes, struct seat *seat)
{
	bool is_known = false;

	seat->is_back = false;
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (strcmp(swarm_node_name(node), seat->n->name) != 0)
			continue;
		is_known = true;
		if (swarm_node_is(node, "ready"))
			seat->is_back = true;
	}
	return is_known;
}

/* Those that are waited for: one that the swarm does not know cannot come back. */
static size_t count_away(struct swarm_restore *r, struct json_object *nodes)
{
	size_t n = 0;

	for (size_t i = r->n_managers; i < r->n; i++)
		if (find_worker(nodes, &r->seats[i]) && !r->seats[i].is_back)
			n++;
	return n;
}

int swarm_restore_await(struct ssh *s, struct swarm_restore *r, struct error **err)
{
	int64_t end = clock_deadline(BACK_MS);

	for (;;) {
		CLEANUP_JSON struct json_object *nodes = NULL;

		if (swarm_list_nodes(s, end, &nodes, err) < 0)
			return -1;
		if (count_away(r, nodes) == 0 || clock_ms() + AGAIN_MS >= end)
			return 0;
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

static int await(struct ssh *s, struct swarm_restore *r, struct seat *seat UNUSED, struct error **err)
{
	return swarm_restore_await(s, r, err);
}

/* One that has come after the backup, whose certificate is of another authority, or that does not find the new manager. */
static int come_back(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err)
{
	return swarm_leave_by_force(s, clock_deadline(JOIN_MS), err) < 0 ? -1 : enter(s, r, seat, err);
}

/* ---- the end */

static int take_authority(struct ssh *s, const struct swarm_restore *r, struct error **err)
{
	CLEANUP_FREE char *certificate = state_path(r->b.c.state, "pki/swarm-ca.crt"), *key = state_path(r->b.c.state, "pki/swarm-ca.key");
	CLEANUP_BUF struct buf pem = BUF_INIT;
	CLEANUP(buf_wipe) struct buf key_pem = BUF_INIT;

	if (!path_exists(certificate) || !path_exists(key))
		return 0;
	if (path_read(certificate, &pem, err) < 0 || path_read(key, &key_pem, err) < 0)
		return -1;
	return swarm_take_authority(s, buf_str(&pem), buf_str(&key_pem), clock_deadline(AUTHORITY_MS), err);
}

/* What the state says was deployed was deployed to the swarm that was. */
static int settle(struct ssh *s, struct swarm_restore *r, struct seat *seat UNUSED, struct error **err)
{
	if (take_authority(s, r, err) < 0 || swarm_settle(&r->b.c, s, clock_deadline(JOIN_MS), err) < 0)
		return -1;
	return stacks_renounce(r->b.c.spec, r->b.c.state, err);
}

/* ---- the way back */

static int take_back(struct ssh *s, struct swarm_restore *r, struct seat *seat UNUSED, struct error **err)
{
	return swarm_restore_back(s, &r->r, err);
}

static int start(struct ssh *s, struct swarm_restore *r, struct seat *seat UNUSED, struct error **err)
{
	return swarm_restore_start(s, &r->r, err);
}

/* ---- all of them */

struct phase {
	enum who who;
	const char *name, *what;
	int (*run)(struct ssh *s, struct swarm_restore *r, struct seat *seat, struct error **err);
	bool harmless; /* nothing has been touched yet */
	bool may_fail; /* what does not come through it is told, and left */
};

static const struct phase forth[] = {
	{FIRST, "push", "bring the backup's data there, and open it", push, true, false},
	{OTHERS, "leave", "copy what it has, and leave the swarm", leave, false, false},
	{FIRST, "restore", "move what it has aside, put the backup's data in its place", take, false, false},
	{FIRST, "begin", "make a new swarm of it", begin, false, false},
	{OTHERS, "join", "join that swarm", join, false, false},
	{FIRST, "workers", "wait for workers that come back by themselves", await, false, false},
	{WORKERS, "join", "join anew, where it did not come back", come_back, false, true},
	{FIRST, "settle", "bring authority and settings of the swarm to what state and file say", settle, false, false},
};

/* All engines stand still before the first one begins: a member of the swarm that was must not meet one of the new swarm. */
static const struct phase back[] = {
	{MANAGERS, "back", "stop the engine, put what was there before in its place", take_back, false, false},
	{MANAGERS, "begin", "begin again", start, false, false},
};

static const struct phase *phases_of(const struct swarm_restore *r, size_t *ret_n)
{
	*ret_n = r->back ? ARRAY_SIZE(back) : ARRAY_SIZE(forth);
	return r->back ? back : forth;
}

struct round {
	struct swarm_restore *r;
	const struct phase *phase;
};

struct call {
	const struct round *round;
	struct seat *seat;
};

static int call(struct ssh *s, void *context, struct error **err)
{
	const struct call *c = context;

	return c->round->phase->run(s, c->round->r, c->seat, err);
}

static bool takes_part(const struct round *round, const struct seat *seat)
{
	bool its = round->phase->who == MANAGERS ? seat->n->role == NODE_CONTROL_PLANE : who_is(round->r, seat) == round->phase->who;

	/* in this order: what is_back says of workers is found out in a phase of others */
	return its && !seat->lost && !seat->is_back;
}

static int one(size_t i, void *context, struct error **err)
{
	const struct round *round = context;
	struct seat *seat = &round->r->seats[i];
	struct call c = {round, seat};
	struct error *why = NULL;

	if (!takes_part(round, seat) || restoring_phase(&round->r->b, seat->n->name, &seat->session, round->phase->name, call, &c, &why) == 0)
		return 0;
	if (error_is(why, ERROR_CANCELLED) || !round->phase->may_fail)
		return error_move(err, why);
	log_warning("%s; \"davit node replace %s\" makes it anew", error_message(why), seat->n->name);
	error_free(why);
	return 0;
}

int swarm_restore_phases(struct swarm_restore *r, struct error **err)
{
	size_t n = 0;
	const struct phase *phases = phases_of(r, &n);

	for (size_t i = 0; i < n; i++) {
		if (!phases[i].harmless && !r->b.noted && restoring_note(&r->b, err) < 0)
			return -1;
		if (verb_parallel(r->n, 0, one, &(struct round){r, &phases[i]}, "", err) < 0)
			return -1;
	}
	return 0;
}

/* ---- shown */

static char *names_of(const struct swarm_restore *r, const struct phase *phase)
{
	struct round round = {(struct swarm_restore *)(uintptr_t)r, phase};
	CLEANUP_STRV struct strv names = STRV_INIT;

	for (size_t i = 0; i < r->n; i++)
		if (takes_part(&round, &r->seats[i]))
			strv_add(&names, r->seats[i].n->name);
	return names.n > 0 ? verb_names(&names) : NULL;
}

struct json_object *swarm_restore_json(const struct swarm_restore *r)
{
	struct json_object *o = json_object_new_array();
	size_t n = 0;
	const struct phase *phases = phases_of(r, &n);

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *names = names_of(r, &phases[i]);
		struct json_object *step;

		if (names == NULL)
			continue;
		step = json_object_new_object();
		json_add_str(step, "step", phases[i].name);
		json_add_str(step, "on", names);
		json_add_str(step, "what", phases[i].what);
		json_object_array_add(o, step);
	}
	return o;
}

void swarm_restore_print(const struct swarm_restore *r)
{
	static const char *const headings[] = {"STEP", "ON", "WHAT"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));
	size_t n = 0;
	const struct phase *phases = phases_of(r, &n);

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *names = names_of(r, &phases[i]);

		if (names != NULL)
			table_row(table, (const char *[]){phases[i].name, names, phases[i].what});
	}
	table_print(table);
}
