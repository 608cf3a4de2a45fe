#include "cmd/stacks.h"
#include "cmd/portainer.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/stacks.h"
#include "manifests/manifests.h"

enum { STACK_MS = 10 * 60 * 1000 };

static int compare(const struct context *c, struct stacks *ret, struct error **err)
{
	bool portainer = c->spec->swarm.portainer.version != NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (portainer && manifests_portainer(c->plan, &text, err) < 0)
		return -1;
	return stacks_compare(c->spec, portainer ? &text : NULL, c->state, ret, err);
}

static bool is_portainer(const char *name)
{
	return strcmp(name, PORTAINER_STACK) == 0;
}

static const char *what_is_wrong(const struct stack *s)
{
	if (s->is_new)
		return "is not deployed yet";
	return is_portainer(s->name) ? "was deployed with other settings" : "its file says something else than what was deployed";
}

int stacks_find(const struct context *c, struct changes *ret, struct error **err)
{
	CLEANUP_STACKS struct stacks stacks = {0};

	if (compare(c, &stacks, err) < 0)
		return -1;
	for (size_t i = 0; i < stacks.n; i++)
		changes_add(ret, stacks.items[i].is_new ? CHANGE_CREATE : CHANGE_UPDATE, "stack", stacks.items[i].name,
			    xstrdup(what_is_wrong(&stacks.items[i])));
	for (size_t i = 0; i < stacks.removed.n; i++)
		changes_add(ret, CHANGE_DELETE, "stack", stacks.removed.v[i], xstrdup("the file no longer names it"));
	return 0;
}

static int deploy(const struct context *c, struct ssh *s, const struct stack *stack, struct error **err)
{
	if (stack->is_new && is_portainer(stack->name) && c->spec->swarm.portainer.version != NULL && portainer_prepare(c, s, err) < 0)
		return -1;
	if (swarm_stack_deploy(s, stack->name, &stack->text, clock_deadline(STACK_MS), err) < 0)
		return -1;
	return stacks_note(c->state, stack->name, stack->digest, err);
}

static int take_away(const struct context *c, struct ssh *s, const char *name, struct error **err)
{
	if (swarm_stack_remove(s, name, clock_deadline(STACK_MS), err) < 0 || (is_portainer(name) && portainer_tidy(s, err) < 0))
		return -1;
	return stacks_note(c->state, name, NULL, err);
}

static int told(struct events *events, const char *name, struct error *why, struct error **err)
{
	if (why == NULL) {
		event_end(events, name, "stack");
		return 0;
	}
	event_fail(events, name, "stack", error_message(why));
	return error_move(err, why);
}

int stacks_settle(const struct context *c, struct ssh *s, struct events *events, struct error **err)
{
	CLEANUP_STACKS struct stacks stacks = {0};

	if (compare(c, &stacks, err) < 0)
		return -1;
	for (size_t i = 0; i < stacks.removed.n; i++) {
		const char *name = stacks.removed.v[i];
		struct error *why = NULL;

		event_begin(events, name, "stack");
		(void)!take_away(c, s, name, &why);
		if (told(events, name, why, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < stacks.n; i++) {
		const char *name = stacks.items[i].name;
		struct error *why = NULL;

		event_begin(events, name, "stack");
		(void)!deploy(c, s, &stacks.items[i], &why);
		if (told(events, name, why, err) < 0)
			return -1;
	}
	return 0;
}
