#include "cmd/msr_leave.h"
#include "cmd/msr.h"
#include "cmd/verbs.h"
#include "bootstrap/msr.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/cluster/mke.h"

enum { RUN_MS = 30 * 60 * 1000 };

static bool has_replica(const struct context *c, const char *node)
{
	CLEANUP_FREE char *id = msr_replica(c->state, node), *begun = msr_begun(c->state, node);

	return id != NULL || begun != NULL;
}

static void with_replicas(const struct context *c, const struct strv *nodes, struct strv *ret)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (has_replica(c, nodes->v[i]))
			strv_add(ret, nodes->v[i]);
}

/* Installed ones on nodes that are none of these. */
static void staying(const struct context *c, const struct strv *nodes, struct strv *ret)
{
	size_t n;
	struct node *list = inventory_list(c->inventory, &n);

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *id = strv_has(nodes, list[i].name) ? NULL : msr_replica(c->state, list[i].name);

		if (id != NULL)
			strv_add(ret, list[i].name);
	}
	node_list_free(list, n);
}

static int check_staying(const struct context *c, const struct strv *nodes, struct error **err)
{
	CLEANUP_STRV struct strv going = STRV_INIT, stay = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	with_replicas(c, nodes, &going);
	staying(c, nodes, &stay);
	if (going.n == 0 || stay.n > 0 || !msr_is_installed(c->state))
		return 0;
	names = verb_names(&going);
	return error_set(err, ERROR_NODE, "no replica of MSR would be left without %s: its images and who may do what with them would go with it; nodes stay until others have joined", names);
}

int msr_leave_check(const struct context *c, const struct strv *nodes, const struct strv *first, struct error **err)
{
	CLEANUP_STRV struct strv going = STRV_INIT;
	CLEANUP_FREE char *names = NULL, *place = NULL;

	if (c->state == NULL)
		return 0;
	with_replicas(c, nodes, &going);
	if (going.n == 0 || c->spec->mke.msr.nfs != NULL)
		return check_staying(c, first, err);
	names = verb_names(&going);
	place = spec_place(c->spec, "mke.msr");
	return error_set(err, ERROR_CONFIG,
			 "%s: mke.msr: MSR's images lie on %s alone, as long as it names no \"nfs\": it is not replaced; move them and MSR by the vendor's backup and restore", place, names);
}

struct going {
	struct msr_job job;
	const char *gone;
};

static int take_out(struct ssh *s, void *context, struct error **err)
{
	const struct going *g = context;

	return msr_remove(s, &g->job, g->gone, clock_deadline(RUN_MS), err);
}

static char *address_of(const struct context *c, const char *node)
{
	struct node n = {0};
	char *address = NULL;

	if (inventory_get(c->inventory, node, &n))
		address = steal_ptr(n.address);
	node_clear(&n);
	return address;
}

/* Any one that stays may be asked: the first that does it. */
static int ask_others(struct leaving *l, const struct strv *stay, const char *gone, const char *password, struct error **err)
{
	CLEANUP_FREE char *mke = address_of(l->c, context_plane(l->c)), *version = msr_version(l->c->state);
	CLEANUP_ERROR struct error *last = NULL;

	for (size_t i = 0; i < stay->n; i++) {
		CLEANUP_FREE char *id = msr_replica(l->c->state, stay->v[i]);
		struct going g = {{.spec = l->c->spec, .mke = mke, .version = version != NULL ? version : l->c->spec->mke.msr.version, .node = stay->v[i], .id = id, .password = password}, gone};
		CLEANUP_SSH struct ssh *s = NULL;

		error_clear(&last);
		if (reach_run(l->reach, stay->v[i], &s, take_out, &g, &last) == 0)
			return 0;
		if (error_is(last, ERROR_CANCELLED))
			break;
		log_verbose("%s: %s", stay->v[i], error_message(last));
	}
	return last != NULL ? error_move(err, steal_ptr(last)) : 0; /* nobody has one: an installation that never came to its end */
}

static int leave(struct leaving *l, const struct strv *stay, const char *node, const char *password, struct error **err)
{
	CLEANUP_FREE char *id = msr_replica(l->c->state, node), *begun = msr_begun(l->c->state, node);

	if ((id != NULL && ask_others(l, stay, id, password, err) < 0) || (begun != NULL && ask_others(l, stay, begun, password, err) < 0))
		return -1;
	return msr_note_gone(l->c->state, node, err);
}

int msr_leave(struct leaving *l, const struct strv *nodes, struct events *events, struct error **err)
{
	CLEANUP_STRV struct strv going = STRV_INIT, stay = STRV_INIT;
	CLEANUP_SECRET char *password = NULL;

	with_replicas(l->c, nodes, &going);
	if (going.n == 0)
		return 0;
	if (check_staying(l->c, nodes, err) < 0 || mke_password(l->c->spec, &password, err) < 0)
		return -1;
	staying(l->c, nodes, &stay);
	for (size_t i = 0; i < going.n; i++) {
		struct error *why = NULL;

		event_begin(events, going.v[i], "msr");
		if (leave(l, &stay, going.v[i], password, &why) < 0) {
			event_fail(events, going.v[i], "msr", error_message(why));
			error_wrap(&why, "%s: MSR", going.v[i]);
			return error_move(err, why);
		}
		event_end(events, going.v[i], "msr");
	}
	return 0;
}
