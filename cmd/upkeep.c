#include "cmd/upkeep.h"
#include "cmd/live.h"
#include "bootstrap/platform.h"
#include "bootstrap/leave.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/platform.h"

enum { ANSWER_MS = 60 * 1000 };

int upkeep_open(const struct options *o, struct upkeep *ret, struct error **err)
{
	if (context_open(o, CONTEXT_EXISTING, &ret->c, err) < 0 || context_need_keys(&ret->c, err) < 0 || context_node_names(&ret->c, &o->args, &ret->nodes, err) < 0)
		return -1;
	inventory_close(ret->c.inventory, NULL); /* nobody makes what is missing: it is not to be waited for */
	leaving_init(&ret->l, &ret->c);
	ret->events = events_new();
	ret->live = live_new(ret->events, ret->c.state, o);
	return 0;
}

void upkeep_close(struct upkeep *u)
{
	if (u->live != NULL) {
		live_free(u->live);
		events_free(u->events);
	}
	leaving_clear(&u->l);
	strv_free(&u->nodes);
	context_close(&u->c);
}

bool upkeep_is_member(struct upkeep *u, const char *node)
{
	struct node n = {0};
	bool is = inventory_get(u->c.inventory, node, &n) && node_runs_kubernetes(n.role);

	node_clear(&n);
	return is;
}

int upkeep_need_members(struct upkeep *u, struct error **err)
{
	if (leaving_facts(&u->l, err) < 0)
		return -1;
	for (size_t i = 0; i < u->nodes.n; i++) {
		if (!upkeep_is_member(u, u->nodes.v[i]))
			return error_set(err, ERROR_USAGE, "%s is no node of %s", u->nodes.v[i], platform_title(u->c.spec->platform));
		if (!leave_is_known(u->l.facts, u->nodes.v[i]))
			return error_set(err, ERROR_NODE, "%s has not joined %s; \"davit apply\" goes on with it", u->nodes.v[i], platform_title(u->c.spec->platform));
	}
	return 0;
}

char *upkeep_reboot_key(const char *node)
{
	return xasprintf("rebooting:%s", node);
}

struct uncordon {
	const struct platform *platform;
	const struct strv *nodes;
};

static int uncordon(struct ssh *s, void *context, struct error **err)
{
	const struct uncordon *u = context;

	return u->platform->uncordon(s, u->nodes, clock_deadline(ANSWER_MS), err);
}

int upkeep_uncordon(struct upkeep *u, const struct strv *nodes, struct error **err)
{
	struct uncordon job = {platform_of(u->c.spec), nodes};
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_run(u->l.reach, context_plane(&u->c), &s, uncordon, &job, err) < 0)
		return -1;
	for (size_t i = 0; i < nodes->n; i++) {
		CLEANUP_FREE char *key = upkeep_reboot_key(nodes->v[i]);

		if (state_set(u->c.state, key, NULL, err) < 0)
			return -1;
	}
	return 0;
}
