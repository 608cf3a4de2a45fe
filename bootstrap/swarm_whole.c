#include "bootstrap/nodes.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

/* A task whose image has to be pulled first is there within that. */
enum { WHOLE_MS = 60 * 1000, AGAIN_MS = 1000 };

static bool runs(struct json_object *task)
{
	return strcmp(json_get_str(task, "Status.State", ""), "running") == 0;
}

/* node NULL: on any; running: none that begins or has ended. */
static int64_t count(const struct swarm_lists *l, const char *service, struct json_object *node, bool running)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_len(l->tasks); i++) {
		struct json_object *task = json_object_array_get_idx(l->tasks, i);

		if (strcmp(json_get_str(task, "ServiceID", ""), service) != 0 || (running && !runs(task)))
			continue;
		if (node == NULL || strcmp(json_get_str(task, "NodeID", ""), json_get_str(node, "ID", "-")) == 0)
			n++;
	}
	return n;
}

static bool takes_tasks(struct json_object *node)
{
	return swarm_node_is(node, "ready") && strcmp(json_get_str(node, "Spec.Availability", ""), "active") == 0;
}

/* Of a service that runs everywhere, which constraints may narrow: where it has run before, and may again. */
static void find_lacking(const struct swarm_lists *l, const char *service, const char *name, const char *but, struct strv *ret)
{
	for (size_t i = 0; i < json_len(l->nodes); i++) {
		struct json_object *node = json_object_array_get_idx(l->nodes, i);

		if (strcmp(swarm_node_name(node), but) != 0 && takes_tasks(node) && count(l, service, node, false) > 0 && count(l, service, node, true) == 0)
			strv_addf(ret, "%s on %s", name, swarm_node_name(node));
	}
}

static bool is_on(const struct swarm_lists *l, const char *service, const char *name)
{
	for (size_t i = 0; i < json_len(l->nodes); i++) {
		struct json_object *node = json_object_array_get_idx(l->nodes, i);

		if (strcmp(swarm_node_name(node), name) == 0 && count(l, service, node, true) > 0)
			return true;
	}
	return false;
}

void swarm_short(const struct swarm_lists *l, const char *name, struct strv *ret)
{
	for (size_t i = 0; i < json_len(l->services); i++) {
		struct json_object *o = json_object_array_get_idx(l->services, i);
		const char *id = json_get_str(o, "ID", ""), *called = json_get_str(o, "Spec.Name", id);
		int64_t wanted = json_get_int(o, "Spec.Mode.Replicated.Replicas", 0), has = count(l, id, NULL, true);

		if (!is_on(l, id, name))
			continue;
		if (has < wanted)
			strv_addf(ret, "%s has %lld of %lld tasks", called, (long long)has, (long long)wanted);
		else if (json_at(o, "Spec.Mode.Global") != NULL)
			find_lacking(l, id, called, name, ret);
	}
}

int swarm_await_whole(struct ssh *s, const struct node_drain *d, struct error **err)
{
	int64_t patience = d->force_after_ms >= 0 && d->force_after_ms < WHOLE_MS ? d->force_after_ms : WHOLE_MS, end = clock_deadline(patience);

	for (;;) {
		CLEANUP_SWARM_LISTS struct swarm_lists l = {0};
		CLEANUP_STRV struct strv lacking = STRV_INIT;
		CLEANUP_FREE char *list = NULL;

		if (swarm_list_all(s, d->deadline, &l, err) < 0)
			return -1;
		swarm_short(&l, d->node, &lacking);
		if (lacking.n == 0)
			return 0;
		list = strv_join(&lacking, ", ");
		if (clock_ms() + AGAIN_MS > end || clock_ms() + AGAIN_MS > d->deadline) {
			log_warning("%s is drained, and what runs there is elsewhere less than it should be: %s", d->node, list);
			return 0;
		}
		event_progress(d->events, d->node, "drain", "waiting for tasks elsewhere: %s", list);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
