#include "bootstrap/kubectl.h"
#include "bootstrap/leave.h"
#include "bootstrap/progress.h"
#include "bootstrap/remote.h"
#include "bootstrap/renewal.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <inttypes.h>

enum { SAID_MAX = 16 * 1024, DEAD_POD_SECONDS = 20 }; /* a kubelet that does not answer confirms no pod's end: nobody waits longer for it */

int kubernetes_facts(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err)
{
	return kubectl_json(s, "get nodes,pods,poddisruptionbudgets -A", kubectl_deadline(deadline), ret, err);
}

/* What a script says on standard output and error, line by line. */
struct talk {
	const struct node_drain *drain; /* whose progress it is, or NULL */
	struct buf said;		/* at most SAID_MAX */
};

/* error when evicting pods/"web-1" -n "shop" (will retry after 5s): Cannot evict pod as it would violate … */
static int on_line(const char *line, void *context, struct error **err UNUSED)
{
	struct talk *t = context;

	if (t->said.len < SAID_MAX)
		buf_addf(&t->said, "%s\n", line);
	if (t->drain == NULL)
		return 0;
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

/* Until it is done or the API stays away: what it does may be repeated. */
static int run(struct ssh *s, struct talk *t, const char *what, const char *script, int64_t deadline, int *ret_status, struct error **err)
{
	for (;;) {
		CLEANUP_BUF struct buf command = BUF_INIT;
		CLEANUP_FREE char *whole = xasprintf("exec 2>&1\nk='%s'\n%s", KUBECTL, script);
		struct progress_lines lines = {.line = on_line, .context = t};
		struct ssh_command c = {.write = on_output, .write_context = &lines, .deadline = kubectl_look(deadline)};

		buf_truncate(&t->said, 0);
		remote_command(&command, whole);
		c.command = buf_str(&command);
		if (ssh_run(s, &c, ret_status, err) < 0)
			return error_wrap(err, "%s", what);
		if (*ret_status == 0 || !kubectl_passing(buf_str(&t->said)))
			return 0;
		if (kubectl_again(what, &t->said, *ret_status, deadline, err) < 0)
			return -1;
	}
}

static int must(struct ssh *s, const char *what, const char *script, int64_t deadline, struct error **err)
{
	struct talk t = {.said = BUF_INIT};
	int status = 0, r = run(s, &t, what, script, deadline, &status, err);
	CLEANUP_FREE char *words = remote_words(buf_str(&t.said));

	buf_free(&t.said);
	if (r == 0 && status != 0)
		r = error_set(err, ERROR_NODE, "%s: kubectl ended with status %d: %s", what, status, words);
	return r;
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

int kubernetes_uncordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *names = strv_join(nodes, " ");
	CLEANUP_FREE char *script =
		xasprintf("$k label node %s node.kubernetes.io/exclude-from-external-load-balancers- && exec $k uncordon %s", names, names);

	return nodes->n == 0 ? 0 : must(s, "uncordon", script, kubectl_deadline(deadline), err);
}

/* The version first: with it a kubelet that was started anew reports the rest, too. */
int kubernetes_await_version(struct ssh *s, const char *node, const char *version, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *what = xasprintf("the wait for its kubelet to be Ready with %s", version);
	CLEANUP_FREE char *script = xasprintf("$k wait node/%s --for=jsonpath='{.status.nodeInfo.kubeletVersion}'=v%s --timeout=%" PRId64
					      "s && exec $k wait node/%s --for=condition=Ready --timeout=%" PRId64 "s",
					      node, version, kubectl_seconds(deadline), node, kubectl_seconds(deadline));

	return must(s, what, script, deadline, err);
}

/* A lease that nobody renews is one of before: a successor takes it over when it has expired, after 15 s. */
static const char leaders_script[] = "renewed() {\n"
				     "$k get lease -n kube-system \"$1\" -o jsonpath='{.spec.renewTime}'\n"
				     "}\n"
				     "i=0\n"
				     "for name in kube-controller-manager kube-scheduler; do\n"
				     "begin=$(renewed $name) || exit\n"
				     "while now=$(renewed $name) || exit; [ \"$now\" = \"$begin\" ]; do\n"
				     "i=$((i + 1))\n"
				     "if [ $i -gt $seconds ]; then echo \"nobody renews the lease of $name: is it running?\"; exit 1; fi\n"
				     "sleep 1\n"
				     "done\n"
				     "done\n";

int kubernetes_await_leaders(struct ssh *s, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("seconds=%" PRId64 "\n%s", kubectl_seconds(deadline), leaders_script);

	return must(s, "the wait for the leaders", script, deadline, err);
}

static char *drain_script(const struct node_drain *d, bool force, int64_t seconds)
{
	CLEANUP_FREE char *dead = xasprintf(" --skip-wait-for-delete-timeout=%d", DEAD_POD_SECONDS);

	return xasprintf("exec $k drain %s --ignore-daemonsets --delete-emptydir-data --timeout=%" PRId64 "s%s%s%s", d->node, seconds,
			 d->ready ? "" : dead, d->force_after_ms >= 0 ? " --force" : "", force ? " --disable-eviction" : "");
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

static int drain_once(struct ssh *s, struct talk *t, bool force, int64_t seconds, int *ret_status, struct error **err)
{
	CLEANUP_FREE char *script = drain_script(t->drain, force, seconds);

	return run(s, t, "drain", script, t->drain->deadline, ret_status, err);
}

static int drain(struct ssh *s, const struct node_drain *d, struct error **err)
{
	struct talk t = {.drain = d, .said = BUF_INIT};
	int status = 1, r = 0;

	if (d->force_after_ms != 0)
		r = drain_once(s, &t, false, d->force_after_ms < 0 ? kubectl_seconds(d->deadline) : d->force_after_ms / 1000, &status, err);
	if (r == 0 && status != 0 && d->force_after_ms >= 0)
		r = drain_once(s, &t, true, kubectl_seconds(d->deadline), &status, err);
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
					      "$k wait --for=delete \"volumeattachment/$a\" --timeout=%" PRId64
					      "s || ! $k get \"volumeattachment/$a\" || exit\ndone", /* gone before the wait */
					      d->node, kubectl_seconds(d->deadline));

	return d->ready ? must(s, "wait until its volumes are detached", script, d->deadline, err) : 0;
}

int kubernetes_drain(struct ssh *s, const struct node_drain *d, struct error **err)
{
	return drain(s, d, err) < 0 ? -1 : detach(s, d, err);
}

int kubernetes_forget(struct ssh *s, const char *node, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("$k delete node %s --ignore-not-found || exit\n"
					      "exec $k delete configmap %s --namespace=" RENEWAL_NAMESPACE " --ignore-not-found",
					      node, node);

	return must(s, "delete the node", script, kubectl_deadline(deadline), err);
}
