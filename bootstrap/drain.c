#include "bootstrap/kubectl.h"
#include "bootstrap/leave.h"
#include "bootstrap/progress.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <inttypes.h>

enum { SAID_MAX = 16 * 1024, DEAD_POD_SECONDS = 20 }; /* a kubelet that does not answer confirms no pod's end: nobody waits longer for it */

int kubernetes_facts(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err)
{
	return kubectl_json(s, "get nodes,pods,poddisruptionbudgets -A", kubectl_deadline(deadline), ret, err);
}

/* Runs until it is done or the API stays away: what it does may be repeated. */
static int run(struct ssh *s, const char *what, const char *script, int64_t deadline, int *ret_status, struct buf *errors, struct error **err)
{
	for (;;) {
		buf_truncate(errors, 0);
		if (kubectl_script(s, script, NULL, 0, kubectl_look(deadline), NULL, errors, ret_status, err) < 0)
			return error_wrap(err, "%s", what);
		if (*ret_status == 0 || !kubectl_passing(buf_str(errors)))
			return 0;
		if (kubectl_again(what, errors, *ret_status, deadline, err) < 0)
			return -1;
	}
}

static int must(struct ssh *s, const char *what, const char *script, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	if (run(s, what, script, deadline, &status, &errors, err) < 0)
		return -1;
	if (status == 0)
		return 0;
	words = remote_words(buf_str(&errors));
	return error_set(err, ERROR_NODE, "%s: kubectl ended with status %d: %s", what, status, words);
}

/* Balancers outside stop sending to it as well. */
int kubernetes_cordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *names = strv_join(nodes, " ");
	CLEANUP_FREE char *script =
		xasprintf("$k cordon %s && exec $k label --overwrite node %s node.kubernetes.io/exclude-from-external-load-balancers=true",
			  names, names);

	return nodes->n == 0 ? 0 : must(s, "cordon", script, kubectl_deadline(deadline), err);
}

/* All on standard output, where it can be followed; kubectl gives the reason that the API does. */
static char *drain_script(const struct node_drain *d, bool force, int64_t seconds)
{
	CLEANUP_FREE char *dead = xasprintf(" --skip-wait-for-delete-timeout=%d", DEAD_POD_SECONDS);

	return xasprintf("exec $k drain %s --ignore-daemonsets --delete-emptydir-data --timeout=%" PRId64 "s%s%s%s 2>&1", d->node, seconds,
			 d->ready ? "" : dead, d->force_after_ms >= 0 ? " --force" : "", force ? " --disable-eviction" : "");
}

/* What kubectl says, line by line. */
struct talk {
	const struct node_drain *drain;
	struct buf said; /* all of it, at most SAID_MAX */
};

/* error when evicting pods/"web-1" -n "shop" (will retry after 5s): Cannot evict pod as it would violate … */
static int on_line(const char *line, void *context, struct error **err UNUSED)
{
	struct talk *t = context;

	if (t->said.len < SAID_MAX)
		buf_addf(&t->said, "%s\n", line);
	if (strncmp(line, "error when evicting", 19) == 0)
		event_progress(t->drain->events, t->drain->node, "drain", "waiting: %s", line);
	else if (strncmp(line, "evicting pod ", 13) == 0)
		event_progress(t->drain->events, t->drain->node, "drain", "%s", line);
	return 0;
}

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	return progress_feed(context, p, n, err);
}

/* As run(), followed. */
static int follow(struct ssh *s, struct talk *t, const char *script, int *ret_status, struct error **err)
{
	for (;;) {
		CLEANUP_BUF struct buf command = BUF_INIT;
		CLEANUP_FREE char *whole = xasprintf("k='%s'\n%s", KUBECTL, script);
		struct progress_lines lines = {.line = on_line, .context = t};
		struct ssh_command c = {.write = on_output, .write_context = &lines, .deadline = kubectl_look(t->drain->deadline)};

		buf_truncate(&t->said, 0);
		remote_command(&command, whole);
		c.command = buf_str(&command);
		if (ssh_run(s, &c, ret_status, err) < 0)
			return error_wrap(err, "drain");
		if (*ret_status == 0 || !kubectl_passing(buf_str(&t->said)))
			return 0;
		if (kubectl_again("drain", &t->said, *ret_status, t->drain->deadline, err) < 0)
			return -1;
	}
}

static int blocked(struct ssh *s, const struct node_drain *d, const char *errors, struct error **err)
{
	CLEANUP_JSON struct json_object *facts = NULL;
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_FREE char *words = remote_words(errors), *list = NULL;

	if (kubernetes_facts(s, clock_deadline(30 * 1000), &facts, err) < 0)
		return -1;
	leave_blockers(facts, d->node, &why);
	list = strv_join(&why, "\n  ");
	if (why.n == 0)
		return error_set(err, ERROR_NODE, "its pods did not go in time: %s", words);
	return error_set(err, ERROR_NODE,
			 "its pods may not go; it stays cordoned, the same command goes on when they may, and --force-after 0s does not wait:\n  %s",
			 list);
}

static int drain(struct ssh *s, const struct node_drain *d, struct error **err)
{
	int64_t left = kubectl_seconds(d->deadline) * 1000, first = d->force_after_ms < 0 || d->force_after_ms > left ? left : d->force_after_ms;
	struct talk t = {.drain = d, .said = BUF_INIT};
	int status = 1, r = 0;

	for (int force = first == 0; force <= (d->force_after_ms >= 0) && r == 0 && status != 0; force++) {
		int64_t seconds = force ? kubectl_seconds(d->deadline) : first / 1000 + 1;
		CLEANUP_FREE char *script = drain_script(d, force != 0, seconds);

		r = follow(s, &t, script, &status, err);
	}
	if (r == 0 && status != 0)
		r = blocked(s, d, buf_str(&t.said), err);
	buf_free(&t.said);
	return r;
}

/* A kubelet that does not answer detaches nothing: its volumes come loose with its server. */
static int detach(struct ssh *s, const struct node_drain *d, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("for a in $($k get volumeattachments -o "
					      "jsonpath='{range .items[?(@.spec.nodeName==\"%s\")]}{.metadata.name}{\" \"}{end}'); do\n"
					      "$k wait --for=delete \"volumeattachment/$a\" --timeout=%" PRId64 "s || exit\ndone",
					      d->node, kubectl_seconds(d->deadline));

	return d->ready ? must(s, "wait until its volumes are detached", script, d->deadline, err) : 0;
}

int kubernetes_drain(struct ssh *s, const struct node_drain *d, struct error **err)
{
	return drain(s, d, err) < 0 ? -1 : detach(s, d, err);
}

int kubernetes_forget(struct ssh *s, const char *node, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("exec $k delete node %s --ignore-not-found", node);

	return must(s, "delete the node", script, kubectl_deadline(deadline), err);
}
