#include "bootstrap/kubectl.h"
#include "bootstrap/nodes.h"
#include "bootstrap/progress.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <inttypes.h>

static int apply_all(struct ssh *s, const struct buf *in, size_t pem_len, size_t rbac_len, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
		struct ssh_command c = {.in = in->data, .in_len = in->len, .errors = &errors, .deadline = deadline + 5000};
		int status = 0;

		remote_command(&command, text_addons);
		buf_addf(&command, " %zu %zu %" PRId64, pem_len, rbac_len, kubectl_seconds(deadline));
		c.command = buf_str(&command);
		if (ssh_run(s, &c, &status, err) < 0)
			return -1;
		if (status == 0)
			return 0;
		if (kubectl_again("applying the cluster's roles and add-ons", &errors, status, deadline, err) < 0)
			return -1;
	}
}

int kubernetes_addons(struct ssh *s, const char *super_pem, const char *rbac, const char *addons, struct events *events,
		      const char *subject, int64_t deadline, struct error **err)
{
	struct buf in = BUF_INIT;
	int status = 0;

	event_begin(events, subject, "addons");
	buf_addf(&in, "%s%s%s", super_pem, rbac, addons);
	status = apply_all(s, &in, strlen(super_pem), strlen(rbac), kubectl_deadline(deadline), err);
	buf_wipe(&in);
	if (status < 0)
		event_fail(events, subject, "addons", err != NULL ? error_message(*err) : "");
	else
		event_end(events, subject, "addons");
	return status;
}

int kubernetes_status(struct ssh *s, struct json_object **ret, struct error **err)
{
	return kubectl_json(s, "get nodes", clock_deadline(30 * 1000), ret, err);
}

/* Tells the events of each node that has become ready since. */
struct joining {
	struct node_states *states;
	struct events *events;
};

static void tell_ready(struct joining *j, const char *name)
{
	for (size_t i = 0; i < j->states->n; i++) {
		struct node_state *n = &j->states->items[i];

		if (strcmp(n->name, name) != 0 || n->told)
			continue;
		n->told = true;
		event_end(j->events, n->name, "join");
	}
}

static int on_wait_line(const char *line, void *context, struct error **err UNUSED)
{
	static const char prefix[] = "node/", suffix[] = " condition met";
	size_t n = strlen(line);

	if (strncmp(line, prefix, strlen(prefix)) == 0 && n > strlen(suffix) + strlen(prefix) &&
	    strcmp(line + n - strlen(suffix), suffix) == 0) {
		CLEANUP_FREE char *name = xstrndup(line + strlen(prefix), n - strlen(prefix) - strlen(suffix));

		tell_ready(context, name);
	}
	return 0;
}

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	return progress_feed(context, p, n, err);
}

static int make_ready(struct ssh *s, struct joining *j, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf script = BUF_INIT, command = BUF_INIT, errors = BUF_INIT;
	struct progress_lines lines = {.line = on_wait_line, .context = j};
	struct ssh_command c = {.write = on_output, .write_context = &lines, .errors = &errors, .deadline = deadline + 5000};
	int status = 0;

	buf_addf(&script, "k='%s'\n", KUBECTL);
	node_states_script(j->states, kubectl_seconds(deadline), &script);
	remote_command(&command, buf_str(&script));
	c.command = buf_str(&command);
	if (ssh_run(s, &c, &status, err) < 0)
		return -1;
	if (status == 0 || clock_ms() >= deadline - 1000)
		return 0; /* what is so is read next, and told by names */
	if (strstr(buf_str(&errors), "timed out waiting") != NULL)
		return 0;
	return kubectl_again("waiting for the nodes", &errors, status, deadline, err);
}

static int read_nodes(struct ssh *s, const struct plan *plan, int64_t deadline, struct node_states *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;

	/* time for one look at what is so when the deadline has passed */
	if (kubectl_json(s, "get nodes", clock_ms() > deadline ? clock_deadline(10 * 1000) : deadline + 5000, &list, err) < 0)
		return -1;
	return node_states_read(plan, list, ret, err);
}

static int not_ready(const struct node_states *states, struct events *events, struct error **err)
{
	size_t n = 0;
	CLEANUP_FREE char *why = node_states_why(states, &n);

	for (size_t i = 0; i < states->n; i++)
		if (!states->items[i].ready)
			event_fail(events, states->items[i].name, "join",
				   states->items[i].reason != NULL ? states->items[i].reason : "not registered");
	if (n == 0)
		return error_set(err, ERROR_NODE,
				 "labels or taints of the nodes could not be set in time: run the same command again");
	return error_set(err, ERROR_NODE, "%zu of %zu nodes did not become Ready: %s", n, states->n, why);
}

static void begin_joins(const struct node_states *states, struct events *events)
{
	for (size_t i = 0; i < states->n; i++)
		if (!states->items[i].ready)
			event_begin(events, states->items[i].name, "join");
}

/* One round: what is so, and what can be done about it.  *told: names whose end was told in rounds before. */
static int join_round(struct ssh *s, const struct plan *plan, struct events *events, int64_t deadline, bool first,
		      struct strv *told, bool *ret_done, struct error **err)
{
	struct node_states states = {0};
	struct joining j = {.states = &states, .events = events};
	int status = 0;

	if (read_nodes(s, plan, deadline, &states, err) < 0)
		return -1;
	if (first)
		begin_joins(&states, events);
	for (size_t i = 0; i < states.n; i++) {
		states.items[i].told = (first && states.items[i].ready) || strv_has(told, states.items[i].name);
		if (states.items[i].ready)
			tell_ready(&j, states.items[i].name);
	}
	*ret_done = node_states_done(&states);
	if (!*ret_done && clock_ms() >= deadline)
		status = not_ready(&states, events, err);
	else if (!*ret_done)
		status = make_ready(s, &j, deadline, err);
	for (size_t i = 0; i < states.n; i++)
		if (states.items[i].told && !strv_has(told, states.items[i].name))
			strv_add(told, states.items[i].name);
	node_states_free(&states);
	return status;
}

int kubernetes_nodes(struct ssh *s, const struct plan *plan, struct events *events, int64_t deadline, struct error **err)
{
	CLEANUP_STRV struct strv told = STRV_INIT;
	int64_t end = kubectl_deadline(deadline);
	bool done = false;

	for (bool first = true; !done; first = false)
		if (join_round(s, plan, events, end, first, &told, &done, err) < 0)
			return -1;
	return 0;
}
