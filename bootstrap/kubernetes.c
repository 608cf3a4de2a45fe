#include "bootstrap/kubectl.h"
#include "bootstrap/nodes.h"
#include "bootstrap/progress.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/strv.h"
#include <inttypes.h>
#include <stdlib.h>

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

int kubernetes_clock(struct ssh *s, int64_t *ret_wall_ms, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct ssh_command c = {.command = "date +%s", .out = &out, .deadline = clock_deadline(30 * 1000)};

	if (ssh_must_run(s, &c, err) < 0)
		return -1;
	*ret_wall_ms = strtoll(buf_str(&out), NULL, 10) * 1000;
	return 0;
}

int kubernetes_wait_ready(struct ssh *s, const char *node, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("end=$(($(date +%%s) + %lld))\n"
					      "until $k wait --for=condition=Ready node/%s --timeout=10s; do\n"
					      "[ \"$(date +%%s)\" -lt $end ] || exit\nsleep 1\ndone",
					      (long long)kubectl_seconds(deadline), node);
	CLEANUP_BUF struct buf out = BUF_INIT, errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	if (kubectl_script(s, script, NULL, 0, kubectl_look(deadline), &out, &errors, &status, err) < 0)
		return -1;
	words = remote_words(buf_str(&errors));
	return status == 0 ? 0 : error_set(err, ERROR_NODE, "%s is not Ready in time: %s", node, words);
}

/* Nodes on their way; told: those whose end the events know. */
struct joining {
	struct ssh *ssh;
	const struct plan *plan;
	struct json_object *worn;
	struct events *events;
	int64_t deadline;
	int64_t patience; /* until when something must have moved */
	size_t furthest;  /* how far they have been, by node_states_progress() */
	bool begun;
	struct strv told;
};

static void tell_ready(struct joining *j, const char *name)
{
	if (strv_has(&j->told, name))
		return;
	strv_add(&j->told, name);
	event_end(j->events, name, "join");
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

/* The script goes in by standard input: with thousands of names it is longer than an argument may be. */
static int make_ready(struct joining *j, const struct node_states *states, struct error **err)
{
	CLEANUP_BUF struct buf script = BUF_INIT, errors = BUF_INIT;
	struct progress_lines lines = {.line = on_wait_line, .context = j};
	struct ssh_command c = {.command = "sudo -n sh -s",
				.write = on_output,
				.write_context = &lines,
				.errors = &errors,
				.deadline = j->patience + 5000};
	int status = 0;

	buf_addf(&script, "k='%s'\n", KUBECTL);
	node_states_script(states, kubectl_seconds(j->patience), &script);
	c.in = script.data;
	c.in_len = script.len;
	if (ssh_run(j->ssh, &c, &status, err) < 0)
		return -1;
	/* what is so is read next, and told by names */
	if (status == 0 || strstr(buf_str(&errors), "timed out waiting") != NULL)
		return 0;
	return kubectl_again("labels, annotations, taints and the wait for the nodes", &errors, status, j->patience, err);
}

static int read_nodes(const struct joining *j, struct node_states *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;

	if (kubectl_json(j->ssh, "get nodes", kubectl_look(j->deadline), &list, err) < 0)
		return -1;
	return node_states_read(j->plan, j->worn, list, ret, err);
}

static int not_ready(const struct joining *j, const struct node_states *states, struct error **err)
{
	size_t n = 0;
	CLEANUP_FREE char *why = node_states_why(states, &n);

	for (size_t i = 0; i < states->n; i++)
		if (!states->items[i].ready)
			event_fail(j->events, states->items[i].name, "join",
				   states->items[i].reason != NULL ? states->items[i].reason : "not registered");
	if (n == 0)
		return error_set(err, ERROR_NODE,
				 "labels, annotations or taints of the nodes could not be set in time: run the same command again");
	return error_set(err, ERROR_NODE, "%zu of %zu nodes did not become Ready: %s", n, states->n, why);
}

static void tell(struct joining *j, const struct node_states *states)
{
	for (size_t i = 0; i < states->n; i++) {
		const struct node_state *n = &states->items[i];

		if (!j->begun && n->ready)
			strv_add(&j->told, n->name); /* it was so before */
		else if (!j->begun)
			event_begin(j->events, n->name, "join");
		else if (n->ready)
			tell_ready(j, n->name);
	}
	j->begun = true;
}

/* One round: what is so, and what can be done about it. */
static int join_round(struct joining *j, struct node_states *states, bool *ret_done, struct error **err)
{
	size_t progress = 0;

	if (read_nodes(j, states, err) < 0)
		return -1;
	tell(j, states);
	*ret_done = node_states_done(states);
	if (*ret_done)
		return 0;
	progress = node_states_progress(states);
	if (j->patience == 0 || progress > j->furthest)
		j->patience = kubectl_patience(j->deadline);
	j->furthest = progress > j->furthest ? progress : j->furthest;
	if (clock_ms() >= j->patience)
		return not_ready(j, states, err);
	return make_ready(j, states, err);
}

int kubernetes_nodes(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline,
		     struct error **err)
{
	struct joining j = {.ssh = s, .plan = plan, .worn = worn, .events = events, .deadline = kubectl_deadline(deadline)};
	bool done = false;
	int status = 0;

	while (status == 0 && !done) {
		struct node_states states = {0};

		status = join_round(&j, &states, &done, err);
		node_states_free(&states);
	}
	strv_free(&j.told);
	return status;
}
