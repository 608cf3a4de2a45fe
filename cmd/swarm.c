#include "cmd/swarm.h"
#include "cmd/mke.h"
#include "cmd/swarm_lock.h"
#include "cmd/work.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#define BEGUN "swarm:begun"

enum { CONNECT_MS = 30 * 1000, ASK_MS = 60 * 1000, JOIN_MS = 5 * 60 * 1000 };

bool swarm_has_begun(struct state *state)
{
	CLEANUP_FREE char *begun = state_get(state, BEGUN);

	return begun != NULL && *begun != '\0';
}

int swarm_note_begun(struct state *state, struct error **err)
{
	return state_set(state, BEGUN, "1", err);
}

void swarm_work_init(struct work *w)
{
	w->swarm = (struct swarm_work){.begun = swarm_has_begun(w->c->state), .claimed = ATOMIC_FLAG_INIT, .offered = latch_new()};
}

void swarm_work_clear(struct work *w)
{
	latch_free(w->swarm.offered);
	swarm_offer_clear(&w->swarm.offer);
}

struct entry {
	struct work *w;
	const struct node *n;
	struct swarm_offer *offer; /* is read into */
	bool is_member;
	int64_t deadline;
};

static int enter(struct ssh *s, void *context, struct error **err)
{
	struct entry *e = context;

	return swarm_lock_enter(e->w->c, s, e->deadline, &e->is_member, err);
}

static int begin(struct ssh *s, void *context, struct error **err)
{
	struct entry *e = context;
	struct work *w = e->w;

	if (swarm_begin(s, w->c->spec, e->n->address, pki_ca_certificate(w->pki, "swarm-ca"), pki_ca_key(w->pki, "swarm-ca"), e->deadline, err) < 0)
		return -1;
	/* before it is told how one joins: MKE may choose another authority */
	if (w->c->spec->platform == PLATFORM_MKE && mke_begin(w, e->n, s, err) < 0)
		return -1;
	e->deadline = clock_deadline(JOIN_MS);
	swarm_offer_clear(e->offer);
	return swarm_offer_read(s, e->n->address, e->deadline, e->offer, err);
}

static int join(struct ssh *s, void *context, struct error **err)
{
	struct entry *e = context;

	return swarm_join(s, e->n, e->offer, e->deadline, err);
}

static int read_offer(struct ssh *s, void *context, struct error **err)
{
	struct entry *e = context;

	swarm_offer_clear(e->offer);
	return swarm_offer_read(s, e->n->address, e->deadline, e->offer, err);
}

static int forget(struct ssh *s, void *context, struct error **err)
{
	const struct entry *e = context;

	return platform_swarm.forget(s, e->n->name, e->deadline, err);
}

/* Those that may be asked: managers that were installed, other than this node. */
static int ask_managers(struct work *w, const struct node *n, reach_job *job, struct entry *e, struct error **err)
{
	CLEANUP_ERROR struct error *last = NULL;

	for (size_t i = 0; i < w->c->plan->n_nodes; i++) {
		const struct node *other = &w->c->plan->nodes[i].node;
		CLEANUP_SSH struct ssh *s = NULL;

		if (other->role != NODE_CONTROL_PLANE || strcmp(other->name, n->name) == 0 || !state_is_installed(w->c->state, other->name))
			continue;
		error_clear(&last);
		if (job == read_offer)
			e->n = other;
		if (reach_ssh(w->reach, other->name, clock_deadline(CONNECT_MS), &s, &last) == 0 && reach_run(w->reach, other->name, &s, job, e, &last) == 0)
			return 0;
		if (error_is(last, ERROR_CANCELLED))
			return error_move(err, steal_ptr(last));
		log_verbose("%s: %s", other->name, error_message(last));
	}
	return error_set(err, ERROR_NODE, "no other manager of the swarm can be asked: %s", last != NULL ? error_message(last) : "none was installed");
}

static int need_offer(struct work *w, const struct node *n, struct error **err)
{
	struct entry e = {.w = w, .n = n, .offer = &w->swarm.offer, .deadline = clock_deadline(ASK_MS)};
	struct error *why = NULL;

	if (!w->swarm.begun || atomic_flag_test_and_set(&w->swarm.claimed))
		return latch_wait(w->swarm.offered, w->deadline, NULL, err);
	if (ask_managers(w, n, read_offer, &e, &why) < 0) {
		latch_fail(w->swarm.offered, "how one joins the swarm", why);
		return error_move(err, why);
	}
	latch_open(w->swarm.offered, NULL);
	return 0;
}

static bool is_first_manager(const struct work *w, const struct node *n)
{
	return strcmp(plan_first(w->c->plan)->node.name, n->name) == 0;
}

static int begin_swarm(struct work *w, const struct node *n, struct ssh **s, struct error **err)
{
	struct entry e = {.w = w, .n = n, .offer = &w->swarm.offer, .deadline = clock_deadline(JOIN_MS)};

	if (reach_run(w->reach, n->name, s, begin, &e, err) < 0 || swarm_note_begun(w->c->state, err) < 0)
		return -1;
	latch_open(w->swarm.offered, NULL);
	return 0;
}

/* A manager that was lost has still its voice: it is taken out before another one of its name gets one. */
static int join_swarm(struct work *w, const struct node *n, struct ssh **s, struct error **err)
{
	struct entry e = {.w = w, .n = n, .offer = &w->swarm.offer, .deadline = clock_deadline(JOIN_MS)};

	if (reach_run(w->reach, n->name, s, enter, &e, err) < 0)
		return -1;
	if (e.is_member)
		return 0;
	if (need_offer(w, n, err) < 0)
		return -1;
	if (w->swarm.begun && n->role == NODE_CONTROL_PLANE && ask_managers(w, n, forget, &e, err) < 0)
		return -1;
	return reach_run(w->reach, n->name, s, join, &e, err);
}

int swarm_enter(struct work *w, const struct node *n, struct ssh **s, struct error **err)
{
	struct error *why = NULL;
	int r;

	event_begin(w->events, n->name, "swarm");
	r = !w->swarm.begun && is_first_manager(w, n) ? begin_swarm(w, n, s, &why) : join_swarm(w, n, s, &why);
	if (r == 0) {
		event_end(w->events, n->name, "swarm");
		return 0;
	}
	event_fail(w->events, n->name, "swarm", error_message(why));
	return error_move(err, why);
}
