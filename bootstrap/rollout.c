#include "bootstrap/rollout.h"
#include "bootstrap/kubectl.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <inttypes.h>

#define MANAGER "davit"
#define WAIT "davit.dev/wait" /* "false": the cluster is whole without it */

bool rollout_is_ours(struct json_object *o)
{
	struct json_object *managed = json_at(o, "metadata.managedFields");

	for (size_t i = 0; i < json_len(managed); i++) {
		struct json_object *m = json_object_array_get_idx(managed, i);

		if (strcmp(json_get_str(m, "manager", ""), MANAGER) == 0 &&
		    strcmp(json_get_str(m, "operation", ""), "Apply") == 0)
			return true;
	}
	return false;
}

static bool is_needed(struct json_object *o)
{
	return strcmp(json_get_key(json_at(o, "metadata.annotations"), WAIT, ""), "false") != 0;
}

bool rollout_is_out(struct json_object *o)
{
	bool set = strcmp(json_get_str(o, "kind", ""), "DaemonSet") == 0;
	int64_t wanted = set ? json_get_int(o, "status.desiredNumberScheduled", -1) : json_get_int(o, "spec.replicas", 1);
	int64_t updated = json_get_int(o, set ? "status.updatedNumberScheduled" : "status.updatedReplicas", 0);
	int64_t available = json_get_int(o, set ? "status.numberAvailable" : "status.availableReplicas", 0);

	return json_get_int(o, "status.observedGeneration", 0) >= json_get_int(o, "metadata.generation", 1) &&
	       updated == wanted && available == wanted;
}

int rollout_waiting(struct json_object *list, struct strv *ret, struct error **err)
{
	struct json_object *items = NULL;

	if (json_need_array(list, "items", &items, err) < 0)
		return error_wrap(err, "kubectl get deployments,daemonsets");
	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		bool set = strcmp(json_get_str(o, "kind", ""), "DaemonSet") == 0;

		if (rollout_is_ours(o) && is_needed(o) && !rollout_is_out(o))
			strv_addf(ret, "%s/%s -n %s", set ? "daemonset" : "deployment", json_get_str(o, "metadata.name", ""),
				  json_get_str(o, "metadata.namespace", ""));
	}
	return 0;
}

/* Waits for each of them in turn; what is not out by then is told by the next look.  *hopeless: Kubernetes has given one up. */
static int await_rollouts(struct ssh *s, const struct strv *waiting, int64_t patience, bool *hopeless, struct error **err)
{
	CLEANUP_BUF struct buf script = BUF_INIT, errors = BUF_INIT;
	int status = 0;

	for (size_t i = 0; i < waiting->n; i++)
		buf_addf(&script, "$k rollout status --timeout=%" PRId64 "s %s || exit\n", kubectl_seconds(patience),
			 waiting->v[i]);
	if (kubectl_script(s, buf_str(&script), NULL, 0, patience + 5000, NULL, &errors, &status, err) < 0)
		return -1;
	*hopeless = strstr(buf_str(&errors), "exceeded its progress deadline") != NULL;
	if (status == 0 || *hopeless || strstr(buf_str(&errors), "timed out waiting") != NULL)
		return 0;
	return kubectl_again("waiting for the add-ons", &errors, status, patience, err);
}

/* Why pods are not ready, for the message of a rollout that is late; empty where it cannot be told. */
static char *pods_why(struct ssh *s)
{
	static const char script[] =
		"$k get pods -A --field-selector=status.phase!=Succeeded -o "
		"jsonpath='{range .items[*]}{.metadata.name}{\" \"}{range .status.containerStatuses[?(@.ready==false)]}"
		"{.state.waiting.reason}{\" \"}{.state.waiting.message}{end}{\"\\n\"}{end}' | awk 'NF > 1' | head -n 5";
	CLEANUP_BUF struct buf out = BUF_INIT;
	int status = 0;

	if (kubectl_script(s, script, NULL, 0, clock_deadline(10 * 1000), &out, NULL, &status, NULL) < 0)
		return xstrdup("");
	return buf_steal(&out);
}

static int rollout_late(struct ssh *s, const struct strv *waiting, struct error **err)
{
	CLEANUP_FREE char *names = strv_join(waiting, ", "), *why = pods_why(s);

	return error_set(err, ERROR_TIMEOUT, "not rolled out in time: %s\n%s", names, why);
}

static int rollout(struct ssh *s, int64_t deadline, struct error **err)
{
	int64_t patience = 0;
	bool hopeless = false;

	for (size_t fewest = SIZE_MAX;;) {
		CLEANUP_JSON struct json_object *list = NULL;
		CLEANUP_STRV struct strv waiting = STRV_INIT;

		if (kubectl_json(s, "get deployments,daemonsets -A --show-managed-fields", kubectl_look(deadline), &list, err) <
			    0 ||
		    rollout_waiting(list, &waiting, err) < 0)
			return -1;
		if (waiting.n == 0)
			return 0;
		if (waiting.n < fewest)
			patience = kubectl_patience(deadline);
		fewest = waiting.n < fewest ? waiting.n : fewest;
		if (hopeless || clock_ms() >= patience)
			return rollout_late(s, &waiting, err);
		if (await_rollouts(s, &waiting, patience, &hopeless, err) < 0)
			return -1;
	}
}

int kubernetes_rollout(struct ssh *s, struct events *events, const char *subject, int64_t deadline, struct error **err)
{
	int status = 0;

	event_begin(events, subject, "rollout");
	status = rollout(s, kubectl_deadline(deadline), err);
	if (status < 0)
		event_fail(events, subject, "rollout", err != NULL ? error_message(*err) : "");
	else
		event_end(events, subject, "rollout");
	return status;
}
