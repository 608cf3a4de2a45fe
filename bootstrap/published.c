#include "bootstrap/published.h"
#include "bootstrap/kubectl.h"
#include "bootstrap/remote.h"
#include "bootstrap/rollout.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <inttypes.h>

enum { AGAIN_MS = 1000 };

/* ---- pods */

bool published_everywhere(struct json_object *list, const char *pem)
{
	struct json_object *items = json_at(list, "items");

	for (size_t i = 0; i < json_len(items); i++)
		if (strcmp(json_get_key(json_at(json_object_array_get_idx(items, i), "data"), "ca.crt", ""), pem) != 0)
			return false;
	return json_len(items) > 0;
}

int kubernetes_await_published(struct ssh *s, const char *pem, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_JSON struct json_object *list = NULL;

		if (kubectl_json(s, "get configmaps -A --field-selector=metadata.name=kube-root-ca.crt", kubectl_look(deadline), &list, err) < 0)
			return -1;
		if (published_everywhere(list, pem))
			return 0;
		if (clock_ms() >= deadline)
			return error_set(err, ERROR_TIMEOUT,
					 "the controller manager did not put the new authority into all ConfigMaps kube-root-ca.crt in time: \"davit logs\" shows its words");
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

/* ---- API servers of extensions */

static void add_member(struct buf *b, const char *key, const char *value)
{
	buf_add_json(b, key);
	buf_add_char(b, ':');
	buf_add_json(b, value);
}

int kubernetes_narrow_trust(struct ssh *s, const char *client_ca, const char *front_proxy_ca, int64_t deadline, struct error **err)
{
	static const char script[] = "exec $k -n kube-system patch configmap extension-apiserver-authentication --type=merge --patch-file=/dev/stdin";
	CLEANUP_BUF struct buf patch = BUF_INIT;

	buf_add(&patch, "{\"data\":{");
	add_member(&patch, "client-ca-file", client_ca);
	buf_add_char(&patch, ',');
	add_member(&patch, "requestheader-client-ca-file", front_proxy_ca);
	buf_add(&patch, "}}\n");
	for (;;) {
		CLEANUP_BUF struct buf errors = BUF_INIT;
		int status = 0;

		if (kubectl_script(s, script, patch.data, patch.len, kubectl_look(deadline), NULL, &errors, &status, err) < 0)
			return -1;
		if (status == 0)
			return 0;
		if (kubectl_again("what API servers of extensions trust", &errors, status, deadline, err) < 0)
			return -1;
	}
}

/* ---- Secrets */

int kubernetes_rewrite_secrets(struct ssh *s, const char *old, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.deadline = kubectl_look(deadline)};

	remote_command(&command, text_secrets);
	buf_addf(&command, " %s %" PRId64, old, kubectl_seconds(deadline));
	c.command = buf_str(&command);
	return remote_run(s, "writing all Secrets once more", &c, err);
}

/* ---- programs that read it once */

static const char *kind_word(const char *kind)
{
	static const char *const words[][2] = {{"DaemonSet", "daemonset"}, {"Deployment", "deployment"}, {"StatefulSet", "statefulset"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i][0], kind) == 0)
			return words[i][1];
	return NULL;
}

/* A service account may say no as well, which is not looked up: its pods are restarted for nothing. */
static bool has_token(struct json_object *o)
{
	return json_get_bool(o, "spec.template.spec.automountServiceAccountToken", true);
}

/* With OnDelete somebody deletes its pods, when he thinks it right. */
static bool begins_by_itself(struct json_object *o)
{
	return strcmp(json_get_str(o, "spec.updateStrategy.type", ""), "OnDelete") != 0;
}

static void pick(struct json_object *list, bool others, bool waiting, struct strv *ret)
{
	struct json_object *items = json_at(list, "items");

	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		const char *kind = kind_word(json_get_str(o, "kind", ""));

		if (kind == NULL || !has_token(o) || rollout_is_ours(o) == others)
			continue;
		if (!waiting || (begins_by_itself(o) && !rollout_is_out(o)))
			strv_addf(ret, "%s/%s -n %s", kind, json_get_str(o, "metadata.name", ""), json_get_str(o, "metadata.namespace", ""));
	}
}

void published_workloads(struct json_object *list, bool others, struct strv *ret)
{
	pick(list, others, false, ret);
}

void published_waiting(struct json_object *list, bool others, struct strv *ret)
{
	pick(list, others, true, ret);
}

typedef void selection(struct json_object *list, bool others, struct strv *ret);

static int find(struct ssh *s, selection *which, bool others, int64_t deadline, struct strv *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;

	if (kubectl_json(s, "get deployments,statefulsets,daemonsets -A --show-managed-fields", kubectl_look(deadline), &list, err) < 0)
		return -1;
	which(list, others, ret);
	return 0;
}

/* Each twice in an interrupted run does no harm. */
static int restart(struct ssh *s, const struct strv *names, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf script = BUF_INIT, errors = BUF_INIT;
	int status = 0;

	buf_add(&script, "failed=0\n");
	for (size_t i = 0; i < names->n; i++)
		buf_addf(&script, "$k rollout restart %s || failed=1\n", names->v[i]);
	buf_add(&script, "exit $failed\n");
	if (kubectl_script(s, buf_str(&script), NULL, 0, kubectl_look(deadline), NULL, &errors, &status, err) < 0)
		return -1;
	return status == 0 ? 0 : error_set(err, ERROR_NODE, "programs in pods that are to begin again, since they read their authorities once, did not: %s", buf_str(&errors));
}

static int await(struct ssh *s, bool others, struct events *events, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_STRV struct strv waiting = STRV_INIT;
		CLEANUP_FREE char *list = NULL;

		if (find(s, published_waiting, others, deadline, &waiting, err) < 0)
			return -1;
		if (waiting.n == 0)
			return 0;
		list = strv_join(&waiting, ", ");
		event_progress(events, "pods", "restart", "waiting for %s", list);
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "programs in pods have not begun again in time: %s; \"kubectl rollout status\" tells why", list);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

int kubernetes_restart(struct ssh *s, bool others, struct events *events, int64_t deadline, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (find(s, published_workloads, others, deadline, &names, err) < 0)
		return -1;
	if (names.n == 0)
		return 0;
	return restart(s, &names, deadline, err) < 0 ? -1 : await(s, others, events, deadline, err);
}

int kubernetes_count_others(struct ssh *s, int64_t deadline, size_t *ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (find(s, published_workloads, true, deadline, &names, err) < 0)
		return -1;
	*ret = names.n;
	return 0;
}
