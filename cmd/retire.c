#include "cmd/retire.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"

enum { CONNECT_MS = 60 * 1000 };

static bool is_due(const struct change *c)
{
	return c->retired && c->action == CHANGE_DELETE;
}

bool retire_any(const struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		if (is_due(&changes->items[i]))
			return true;
	return false;
}

/* Rules are repaired like any others: nobody is asked. */
void retire_names(const struct changes *changes, struct strv *ret)
{
	for (size_t i = 0; i < changes->n; i++)
		if (is_due(&changes->items[i]) && strcmp(changes->items[i].kind, CHANGE_KIND_RULE) != 0)
			strv_addf(ret, "%s %s", changes->items[i].kind, changes->items[i].name);
}

void retire_ignore(struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		if (is_due(&changes->items[i])) {
			changes->items[i].action = CHANGE_NONE;
			changes->items[i].leaving = false;
		}
}

static int try_node(size_t i, void *context, struct error **err)
{
	const struct work *w = context;
	const char *node = w->c->plan->nodes[i].node.name;
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_ssh(w->reach, node, clock_deadline(CONNECT_MS), &s, err) < 0 ? error_wrap(err, "%s", node) : 0;
}

/* A way that leads to some of them only would leave the others without any. */
static int prove(struct work *w, struct error **err)
{
	size_t n = w->c->plan->n_nodes;
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n + 1);
	CLEANUP_FREE char *head = NULL;
	int r = parallel_for(n, 0, try_node, w, errors, NULL);

	head = xasprintf("%zu of %zu nodes were not reached in the way that %s wants; what served the way of before stays:\n",
			 verb_failed(errors, n), n, w->c->spec->path);
	if (r < 0)
		r = verb_sum_up(errors, n, head, "", err);
	for (size_t i = 0; i < n; i++)
		error_free(errors[i]);
	return r;
}

int retire_run(struct work *w, struct cloud *cloud, struct error **err)
{
	struct removal_job job = {.cloud = cloud,
				  .cluster = w->c->spec->name,
				  .uuid = state_uuid(w->c->state),
				  .state = w->c->state,
				  .events = w->events};

	return prove(w, err) < 0 ? -1 : provision_retire(&job, w->c->plan, w->c->inventory, err);
}
