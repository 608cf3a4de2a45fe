#include "cmd/swarm_restore.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/cluster/version.h"

enum { CONNECT_MS = 60 * 1000, ASK_MS = 30 * 1000 };

/* ---- one manager */

struct visit {
	struct swarm_restore *r;
	struct seat *seat;
};

/* An engine that does not answer is what a restoration is for. */
static void ask(struct ssh *s, struct seat *seat)
{
	CLEANUP_JSON struct json_object *nodes = NULL;
	enum swarm_standing now = SWARM_BROKEN;

	if (swarm_standing(s, clock_deadline(ASK_MS), &now, NULL) < 0)
		return;
	seat->is_locked = now == SWARM_LOCKED;
	seat->has_quorum = now == SWARM_MEMBER && swarm_list_nodes(s, clock_deadline(ASK_MS), &nodes, NULL) == 0;
}

static int look(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;

	swarm_place_clear(&v->seat->place);
	ask(s, v->seat);
	return swarm_restore_look(s, &v->r->r, &v->seat->place, err);
}

static int visit(size_t i, void *context, struct error **err)
{
	struct swarm_restore *r = context;
	struct seat *seat = &r->seats[i];
	struct visit v = {r, seat};

	if (seat->n->address == NULL)
		return error_set(err, ERROR_CONFIG, "it has no address yet");
	if (reach_ssh(r->b.reach, seat->n->name, clock_deadline(CONNECT_MS), &seat->session, err) < 0)
		return -1;
	return reach_run(r->b.reach, seat->n->name, &seat->session, look, &v, err);
}

/* ---- what stands against it */

/* One that was lost since a restoration has begun is left to apply, which refuses until that has come to its end. */
static void tell_visit(struct swarm_restore *r, struct seat *seat, const struct error *why, struct findings *ret)
{
	seat->lost = why != NULL;
	if (why == NULL)
		return;
	if (r->back)
		findings_add(ret, SEVERITY_ERROR, "reach", xasprintf("%s: %s", seat->n->name, error_message(why)),
			     xstrdup("one that is left out may be a manager of the new swarm, and must not meet one of the swarm that was"),
			     xstrdup("start it or mend it, or go on: \"davit swarm restore\" with the same backup"));
	else if (r->b.resumed)
		findings_add(ret, SEVERITY_WARNING, "reach", xasprintf("%s: %s", seat->n->name, error_message(why)), NULL,
			     xstrdup("it is left out: once this has come to its end, \"davit apply\" lets it join"));
	else
		findings_add(ret, SEVERITY_ERROR, "reach", xasprintf("%s: %s", seat->n->name, error_message(why)),
			     xstrdup("one that is left out would go on as a manager of the swarm that was"),
			     xstrdup("start it or mend it; one whose server is gone \"davit apply\" makes anew, though it cannot join yet"));
}

static void choose(struct swarm_restore *r)
{
	r->first = NULL;
	for (size_t i = 0; i < r->n_managers; i++) {
		struct seat *seat = &r->seats[i];

		if (!seat->lost && (r->first == NULL || strcmp(seat->n->name, r->b.file.header.node) == 0))
			r->first = seat;
	}
}

static void check_version(const struct swarm_restore *r, struct findings *ret)
{
	struct version has = {0}, had = {0};

	if (!version_parse(r->first->place.engine, &has) || !version_parse(r->b.file.header.docker, &had) || version_compare(&has, &had) >= 0)
		return;
	findings_add(ret, SEVERITY_ERROR, "version",
		     xasprintf("the backup is of Engine %s, and %s has %s", r->b.file.header.docker, r->first->n->name, r->first->place.engine),
		     xstrdup("an older engine may not read what a newer one has written"), xstrdup("\"davit upgrade\" to that version first, or take an older backup"));
}

/* To go back in time is what a backup is for as well. */
static void check_swarm(const struct swarm_restore *r, struct findings *ret)
{
	CLEANUP_STRV struct strv well = STRV_INIT, locked = STRV_INIT;

	for (size_t i = 0; i < r->n_managers && !r->b.resumed; i++) {
		if (r->seats[i].has_quorum)
			strv_add(&well, r->seats[i].n->name);
		else if (r->seats[i].is_locked)
			strv_add(&locked, r->seats[i].n->name);
	}
	if (well.n > 0) {
		CLEANUP_FREE char *names = strv_join(&well, ", ");

		findings_add(ret, SEVERITY_WARNING, "swarm", xasprintf("the swarm has its quorum, as %s say%s", names, well.n == 1 ? "s" : ""),
			     xstrdup("what it was told since the backup would be lost"),
			     xstrdup("only go on to go back in time; managers that were lost \"davit apply\" makes again"));
	} else if (locked.n > 0) {
		CLEANUP_FREE char *names = strv_join(&locked, ", ");

		findings_add(ret, SEVERITY_WARNING, "swarm", xasprintf("locked since the engine was restarted: %s", names),
			     xstrdup("once they are unlocked, the swarm may have its quorum again"), xstrdup("try \"davit apply\" first, which unlocks them"));
	}
}

int swarm_restore_visit(struct swarm_restore *r, struct findings *ret, struct error **err)
{
	struct error **errors = xnew_n(struct error *, r->n_managers + 1);

	(void)!parallel_for(r->n_managers, 0, visit, r, errors, NULL);
	for (size_t i = 0; i < r->n_managers; i++) {
		tell_visit(r, &r->seats[i], errors[i], ret);
		error_free(errors[i]);
	}
	free(errors);
	if (cancel_check(err) < 0)
		return -1;
	if (r->back)
		return 0;
	choose(r);
	if (r->first == NULL && r->b.resumed)
		return error_set(err, ERROR_NODE, "no manager of cluster %s can be reached", r->b.c.spec->name);
	if (r->first != NULL)
		check_version(r, ret);
	check_swarm(r, ret);
	return 0;
}
