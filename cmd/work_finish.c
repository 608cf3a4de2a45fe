#include "cmd/work.h"
#include "cmd/certs_nodes.h"
#include "cmd/msr.h"
#include "cmd/stacks.h"
#include "cmd/swarm_lock.h"
#include "bootstrap/platform.h"
#include "core/base/clock.h"
#include "core/cluster/recovery.h"
#include "core/cluster/worn.h"

enum { SETTLE_MS = 3 * 60 * 1000 };

/* Off the control planes goes what an earlier file wanted there. */
static int keep_recovery(struct ssh *s, void *context, struct error **err)
{
	struct work *w = context;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (w->c->spec->access.recovery == RECOVERY_CONTROL_PLANE && recovery_write(w->c->state, &text, err) < 0)
		return -1;
	return bootstrap_keep_recovery(s, &text, err);
}

static int finish_cluster(struct ssh *s, void *context, struct error **err)
{
	struct work *w = context;
	const struct platform *p = platform_of(w->c->spec);
	CLEANUP_JSON struct json_object *worn = NULL;

	/* before the wait for all: the key of a lock that is on has to be in the state, whatever becomes of the rest */
	if (w->c->spec->platform == PLATFORM_SWARM && w->pool == NULL && swarm_settle(w->c, s, clock_deadline(SETTLE_MS), err) < 0)
		return -1;
	if (worn_read(w->c->state, &worn, err) < 0 || p->settle(s, w->c->plan, worn, w->events, w->deadline, err) < 0 ||
	    worn_settle(w->c->plan, w->c->state, err) < 0)
		return -1;
	if (w->c->spec->platform == PLATFORM_SWARM && w->pool == NULL && stacks_settle(w->c, s, w->events, err) < 0)
		return -1;
	return p->rollout != NULL ? p->rollout(s, w->events, "cluster", w->deadline, err) : 0;
}

static int finish_on(struct work *w, const char *node, bool first, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (first && reach_run(w->reach, node, &s, finish_cluster, w, err) < 0)
		return -1;
	return reach_run(w->reach, node, &s, keep_recovery, w, err);
}

static int on_control_planes(struct work *w, bool finish, struct error **err)
{
	bool first = finish;

	for (size_t i = 0; i < w->c->plan->n_nodes; i++) {
		if (w->c->plan->nodes[i].node.role != NODE_CONTROL_PLANE)
			continue;
		if (finish_on(w, w->c->plan->nodes[i].node.name, first, err) < 0)
			return -1;
		first = false;
	}
	return 0;
}

int work_finish(struct work *w, struct error **err)
{
	return on_control_planes(w, true, err) < 0 || msr_settle(w, err) < 0 ? -1 : certs_publish(w, err);
}

int work_keep_recovery(struct work *w, struct error **err)
{
	return on_control_planes(w, false, err);
}
