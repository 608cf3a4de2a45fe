#include "cmd/msr.h"
#include "cmd/planes.h"
#include "cmd/work.h"
#include "bootstrap/mke.h"
#include "bootstrap/msr.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { ASK_MS = 60 * 1000, WELL_MS = 10 * 60 * 1000, AGAIN_MS = 2000 };

/* Of nodes in the plan that have one. */
static void addresses(const struct context *c, struct strv *names, struct strv *ret)
{
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct node *n = &c->plan->nodes[i].node;
		CLEANUP_FREE char *id = msr_is_on(c->spec, n) ? msr_replica(c->state, n->name) : NULL;

		if (id == NULL || n->address == NULL)
			continue;
		strv_add(names, n->name);
		strv_add(ret, n->address);
	}
}

int msr_ailing(const struct context *c, struct ssh *s, struct strv *ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT, list = STRV_INIT;
	CLEANUP_BUF struct buf said = BUF_INIT;

	addresses(c, &names, &list);
	if (list.n > 0 && msr_ping(s, c->spec, &list, clock_deadline(ASK_MS), &said, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (!mke_is_well(buf_str(&said), list.v[i]))
			strv_add(ret, names.v[i]);
	return 0;
}

struct question {
	const struct context *c;
	struct strv ailing;
};

static int ask(struct ssh *s, void *context, struct error **err)
{
	struct question *q = context;

	strv_free(&q->ailing);
	return msr_ailing(q->c, s, &q->ailing, err);
}

int msr_await(struct work *w, struct error **err)
{
	int64_t deadline = clock_deadline(WELL_MS);
	struct question q = {.c = w->c, .ailing = STRV_INIT};
	CLEANUP_SSH struct ssh *s = NULL;
	int r = 0;

	for (;;) {
		r = reach_run(w->reach, plan_first(w->c->plan)->node.name, &s, ask, &q, err);
		if (r < 0 || q.ailing.n == 0)
			break;
		if (clock_ms() + AGAIN_MS >= deadline) {
			CLEANUP_FREE char *list = strv_join(&q.ailing, ", ");

			r = error_set(err, ERROR_NODE, "MSR's replicas are not well in time: %s; see: davit logs NODE docker", list);
			break;
		}
		if ((r = cancel_sleep(AGAIN_MS, err)) < 0)
			break;
	}
	strv_free(&q.ailing);
	return r;
}

int msr_wait(struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_FREE char *id = msr_is_on(w->c->spec, n) ? msr_replica(w->c->state, n->name) : NULL;

	return id != NULL ? msr_await(w, err) : 0;
}

int msr_find_ailing(const struct work *w, struct changes *ret, struct error **err)
{
	struct question q = {.c = w->c, .ailing = STRV_INIT};
	struct error *why = NULL;

	if (planes_ask(w->c, w->reach, ask, &q, NULL, &why) < 0) {
		if (error_is(why, ERROR_CANCELLED))
			return error_move(err, why);
		log_verbose("how MSR's replicas are is not known: %s", error_message(why));
		error_free(why);
	}
	for (size_t i = 0; i < q.ailing.n; i++)
		changes_add(ret, CHANGE_UPDATE, "msr", q.ailing.v[i], xstrdup("its replica is not well: looked at, and waited for"));
	strv_free(&q.ailing);
	return 0;
}
