#include "bootstrap/swarm.h"
#include "bootstrap/docker.h"
#include "bootstrap/mke.h"
#include "bootstrap/nodes.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { AGAIN_MS = 300, GONE_MS = 30 * 1000, PATIENCE_MS = 5 * 60 * 1000, ELECTION_MS = 30 * 1000, TRIES = 10 };

static int nap(int64_t deadline, const char *what, struct error **err)
{
	if (clock_ms() + AGAIN_MS >= deadline)
		return error_set(err, ERROR_TIMEOUT, "%s: not in time", what);
	return cancel_sleep(AGAIN_MS, err);
}

static bool has_no_leader(const struct error *why)
{
	return error_is(why, ERROR_NODE) && strstr(error_message(why), "does not have a leader") != NULL;
}

static int list_nodes(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err)
{
	int64_t latest = clock_deadline(ELECTION_MS), end = deadline < latest ? deadline : latest;

	for (;;) {
		CLEANUP_ERROR struct error *why = NULL;

		if (docker_call(s, "GET", "/nodes", NULL, deadline, ret, &why) == 0)
			return 0;
		if (!has_no_leader(why) || clock_ms() + AGAIN_MS >= end)
			return error_move(err, steal_ptr(why));
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

int swarm_list_nodes(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err)
{
	struct error *why = NULL;

	if (list_nodes(s, deadline, ret, &why) == 0)
		return 0;
	if (error_is(why, ERROR_NODE) && strstr(error_message(why), "needs to be unlocked") != NULL) {
		error_free(why);
		return error_set(err, ERROR_NODE, "the manager is locked, since its engine was restarted: \"davit apply\" unlocks it");
	}
	return error_move(err, why);
}

static int status(struct ssh *s, struct json_object **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	if (swarm_list_nodes(s, 0, &nodes, err) < 0)
		return -1;
	*ret = swarm_shape(nodes, NULL, NULL);
	return 0;
}

void swarm_lists_clear(struct swarm_lists *l)
{
	json_object_put(l->nodes);
	json_object_put(l->tasks);
	json_object_put(l->services);
	*l = (struct swarm_lists){0};
}

int swarm_list_all(struct ssh *s, int64_t deadline, struct swarm_lists *ret, struct error **err)
{
	CLEANUP_SWARM_LISTS struct swarm_lists l = {0};

	if (swarm_list_nodes(s, deadline, &l.nodes, err) < 0 || docker_call(s, "GET", "/services", NULL, deadline, &l.services, err) < 0 ||
	    docker_call(s, "GET", "/tasks", NULL, deadline, &l.tasks, err) < 0)
		return -1;
	*ret = l;
	l = (struct swarm_lists){0};
	return 0;
}

static int facts(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err)
{
	CLEANUP_SWARM_LISTS struct swarm_lists l = {0};

	if (swarm_list_all(s, deadline, &l, err) < 0)
		return -1;
	*ret = swarm_shape(l.nodes, l.tasks, l.services);
	return 0;
}

/* ---- changes of a node */

typedef void change(struct json_object *spec, const void *what);

static bool is_out_of_sequence(const struct error *why)
{
	return why != NULL && strstr(error_message(why), "out of sequence") != NULL;
}

static int update(struct ssh *s, const char *id, change *fn, const void *what, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/nodes/%s", id), *to = NULL;
	CLEANUP_JSON struct json_object *node = NULL;
	struct json_object *spec = NULL;

	if (docker_call(s, "GET", path, NULL, deadline, &node, err) < 0 || json_need_object(node, "Spec", &spec, err) < 0)
		return -1;
	fn(spec, what);
	to = xasprintf("%s/update?version=%lld", path, (long long)json_get_int(node, "Version.Index", 0));
	return docker_call(s, "POST", to, spec, deadline, NULL, err);
}

/* Somebody else may have changed it between the look and the update: then once more. */
static int update_node(struct ssh *s, const char *id, change *fn, const void *what, int64_t deadline, struct error **err)
{
	for (int i = 1;; i++) {
		struct error *why = NULL;

		if (update(s, id, fn, what, deadline, &why) == 0)
			return 0;
		if (!is_out_of_sequence(why) || i == TRIES)
			return error_move(err, why);
		error_free(why);
	}
}

static void set_availability(struct json_object *spec, const void *what)
{
	json_add_str(spec, "Availability", what);
}

static void set_worker(struct json_object *spec, const void *what UNUSED)
{
	json_add_str(spec, "Role", "worker");
}

/* "key=value" and "key-", as node_states_read() has it. */
static void set_labels(struct json_object *spec, const void *what)
{
	const struct strv *labels = what;
	struct json_object *have = json_at(spec, "Labels");

	if (have == NULL) {
		have = json_object_new_object();
		json_add(spec, "Labels", have);
	}
	for (size_t i = 0; i < labels->n; i++) {
		const char *text = labels->v[i], *equals = strchr(text, '=');
		CLEANUP_FREE char *key = xstrndup(text, equals != NULL ? (size_t)(equals - text) : strlen(text) - 1);

		if (equals != NULL)
			json_add_str(have, key, equals + 1);
		else
			json_object_object_del(have, key);
	}
}

/* The id of the node of that name, NULL where there is none; the caller frees. */
static char *id_of(struct json_object *shape, const char *name)
{
	struct json_object *node = node_find(shape, name);

	return node != NULL ? xstrdup(json_get_str(node, "metadata.uid", "")) : NULL;
}

static int make_available(struct ssh *s, const struct strv *names, const char *availability, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *shape = NULL;

	if (names->n > 0 && status(s, &shape, err) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		CLEANUP_FREE char *id = id_of(shape, names->v[i]);

		if (id == NULL)
			return error_set(err, ERROR_NODE, "%s is no member of the swarm", names->v[i]);
		if (update_node(s, id, set_availability, availability, deadline, err) < 0)
			return error_wrap(err, "%s", names->v[i]);
	}
	return 0;
}

static int cordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err)
{
	return make_available(s, nodes, "pause", deadline, err);
}

static int uncordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err)
{
	return make_available(s, nodes, "active", deadline, err);
}

/* ---- leaving */

static size_t tasks_on(struct json_object *shape, const char *node, struct strv *ret)
{
	struct json_object *items = json_at(shape, "items");

	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);

		if (strcmp(json_get_str(o, "kind", ""), "Pod") == 0 && strcmp(json_get_str(o, "spec.nodeName", ""), node) == 0)
			strv_add(ret, json_get_str(o, "metadata.name", ""));
	}
	return ret->n;
}

/* The swarm starts them elsewhere.  It knows no budgets: what one drained after another would take away is waited for here. */
static int drain(struct ssh *s, const struct node_drain *d, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	strv_add(&names, d->node);
	if ((d->ready && swarm_await_whole(s, d, err) < 0) || make_available(s, &names, "drain", d->deadline, err) < 0)
		return -1;
	while (d->ready) {
		CLEANUP_JSON struct json_object *shape = NULL;
		CLEANUP_STRV struct strv tasks = STRV_INIT;
		CLEANUP_FREE char *list = NULL;

		if (facts(s, d->deadline, &shape, err) < 0)
			return -1;
		if (tasks_on(shape, d->node, &tasks) == 0)
			break;
		list = strv_join(&tasks, ", ");
		event_progress(d->events, d->node, "drain", "waiting for its tasks to end: %s", list);
		if (clock_ms() + AGAIN_MS >= d->deadline)
			return error_set(err, ERROR_NODE, "its tasks did not end in time: %s; it stays drained, and the same command goes on", list);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
	return 0;
}

static int is_dispensable(struct ssh *s, const struct node *n, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	return swarm_list_nodes(s, deadline, &nodes, err) < 0 ? -1 : swarm_spares(nodes, n->name, err);
}

static bool is_called(struct json_object *node, const char *name)
{
	return strcmp(swarm_node_name(node), name) == 0;
}

/* Until it has no voice any more: a node that is removed before that leaves the raft without it.  Not found: it is gone, or, in a swarm that was made anew
 * by one of its managers, is called a manager and has no voice; the engine refuses to call it anything else then, but lets it be removed. */
static int demote_id(struct ssh *s, const char *id, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/nodes/%s", id);
	struct error *why = NULL;

	if (update_node(s, id, set_worker, NULL, deadline, &why) < 0) {
		if (!error_is(why, ERROR_NOT_FOUND))
			return error_move(err, why);
		error_free(why);
		return 0;
	}
	for (;;) {
		CLEANUP_JSON struct json_object *node = NULL;

		if (docker_call(s, "GET", path, NULL, deadline, &node, err) < 0)
			return -1;
		if (!swarm_node_manages(node))
			return 0;
		if (nap(deadline, "the manager becomes a worker", err) < 0)
			return -1;
	}
}

static int demote(struct ssh *s, const struct node *n, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	if (swarm_list_nodes(s, deadline, &nodes, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!is_called(node, n->name) || !swarm_node_manages(node))
			continue;
		if (swarm_spares(nodes, n->name, err) < 0 || demote_id(s, json_get_str(node, "ID", ""), deadline, err) < 0)
			return -1;
	}
	return 0;
}

/* Told by its own engine, so that the managers need not find out. */
static int leave(struct ssh *s, int64_t deadline, struct error **err)
{
	struct error *why = NULL;

	if (docker_call(s, "POST", "/swarm/leave", NULL, deadline, NULL, &why) == 0 || error_is(why, ERROR_NODE)) { /* it is no member */
		error_free(why);
		return 0;
	}
	return error_move(err, why);
}

static int remove_id(struct ssh *s, const char *id, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/nodes/%s", id), *forced = xasprintf("%s?force=true", path);
	int64_t gone = clock_deadline(GONE_MS);
	struct error *why = NULL;

	for (;;) {
		CLEANUP_JSON struct json_object *node = NULL;

		if (docker_call(s, "GET", path, NULL, deadline, &node, &why) < 0)
			break;
		if (swarm_node_is(node, "down") || clock_ms() >= gone)
			break;
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
	if (why == NULL && docker_call(s, "DELETE", forced, NULL, deadline, NULL, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_NOT_FOUND))
		return error_move(err, why);
	error_free(why);
	return 0;
}

static int forget_node(struct ssh *s, struct json_object *node, int64_t deadline, struct error **err)
{
	const char *id = json_get_str(node, "ID", "");

	if (strcmp(json_get_str(node, "Spec.Role", ""), "manager") == 0 && demote_id(s, id, deadline, err) < 0)
		return -1;
	return remove_id(s, id, deadline, err);
}

static int forget(struct ssh *s, const char *name, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	if (swarm_list_nodes(s, deadline, &nodes, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (is_called(node, name) && forget_node(s, node, deadline, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the whole */

static int wait_ready(struct ssh *s, const char *node, int64_t deadline, struct error **err)
{
	return swarm_await(s, &(struct swarm_wanted){.name = node}, deadline, err);
}

/* What is left of servers that are gone, beside the nodes of their names. */
static int drop_superseded(struct ssh *s, struct json_object *nodes, struct json_object *shape, int64_t deadline, struct error **err)
{
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);
		CLEANUP_FREE char *id = id_of(shape, swarm_node_name(node));

		if (id != NULL && strcmp(id, json_get_str(node, "ID", "")) != 0 && forget_node(s, node, deadline, err) < 0)
			return -1;
	}
	return 0;
}

/* told: those whose end the events know. */
static void tell(const struct node_states *states, bool begins, struct events *events, struct strv *told)
{
	for (size_t i = 0; i < states->n; i++) {
		const struct node_state *n = &states->items[i];

		if (begins && !n->ready)
			event_begin(events, n->name, "join");
		else if (!begins && n->ready && !strv_has(told, n->name))
			event_end(events, n->name, "join");
		if (n->ready && !strv_has(told, n->name))
			strv_add(told, n->name);
	}
}

static int set_all_labels(struct ssh *s, struct json_object *shape, const struct node_states *states, int64_t deadline, struct error **err)
{
	for (size_t i = 0; i < states->n; i++) {
		const struct node_state *n = &states->items[i];
		CLEANUP_FREE char *id = id_of(shape, n->name);

		if (id != NULL && n->labels.n > 0 && update_node(s, id, set_labels, &n->labels, deadline, err) < 0)
			return error_wrap(err, "labels of %s", n->name);
	}
	return 0;
}

static int not_ready(const struct node_states *states, struct error **err)
{
	size_t n = 0;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < states->n; i++)
		if (!states->items[i].ready && ++n)
			strv_addf(&names, "%s (%s)", states->items[i].name,
				  states->items[i].registered ? states->items[i].reason : "not a member; see: davit logs NODE docker");
	list = strv_join(&names, ", ");
	return error_set(err, ERROR_NODE, "%zu of %zu nodes are not ready: %s", n, states->n, list);
}

struct settling {
	const struct plan *plan;
	struct json_object *worn;
	struct events *events;
	struct strv told;
	int64_t patience;
	bool begun;
};

static int settle_once(struct ssh *s, struct settling *t, bool *ret_done, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL, *shape = NULL;
	CLEANUP(node_states_free) struct node_states states = {0};

	if (swarm_list_nodes(s, t->patience, &nodes, err) < 0)
		return -1;
	shape = swarm_shape(nodes, NULL, NULL);
	if (node_states_read(t->plan, t->worn, shape, &states, err) < 0)
		return -1;
	tell(&states, !t->begun, t->events, &t->told);
	t->begun = true;
	*ret_done = node_states_done(&states);
	if (*ret_done)
		return drop_superseded(s, nodes, shape, t->patience, err);
	if (set_all_labels(s, shape, &states, t->patience, err) < 0)
		return -1;
	return clock_ms() + AGAIN_MS >= t->patience ? not_ready(&states, err) : cancel_sleep(AGAIN_MS, err);
}

static int settle(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline, struct error **err)
{
	struct settling t = {.plan = plan, .worn = worn, .events = events, .told = STRV_INIT, .patience = clock_deadline(PATIENCE_MS)};
	bool done = false;
	int r = 0;

	if (deadline > 0 && deadline < t.patience)
		t.patience = deadline;
	while (r == 0 && !done)
		r = settle_once(s, &t, &done, err);
	strv_free(&t.told);
	return r;
}

#define OF_BOTH \
	.facts = facts, .cordon = cordon, .uncordon = uncordon, .drain = drain, .forget = forget, .is_dispensable = is_dispensable, .demote = demote, .leave = leave

const struct platform platform_swarm = {
	OF_BOTH,
	.status = status,
	.settle = settle,
	.differs = swarm_compare,
	.wait_ready = wait_ready,
	.upgrade = &swarm_upgrade,
};

const struct platform platform_mke = {
	OF_BOTH,
	.status = mke_status,
	.settle = mke_settle,
	.wait_ready = mke_wait_ready,
	.upgrade = &mke_upgrade,
	.demotes_first = true, /* MKE's agent, a task of the node, takes the manager's parts off it */
};
