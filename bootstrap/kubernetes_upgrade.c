#include "bootstrap/deprecated.h"
#include "bootstrap/kubectl.h"
#include "bootstrap/platform.h"
#include "bootstrap/remote.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

int kubernetes_api_version(struct ssh *s, int64_t deadline, char **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *version = NULL;

	if (kubectl_json(s, "version", deadline, &o, err) < 0 || json_need_str(o, "serverVersion.gitVersion", &version, err) < 0)
		return -1;
	*ret = xstrdup(version);
	return 0;
}

int kubernetes_get_node(struct ssh *s, const char *node, int64_t deadline, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *arguments = xasprintf("get node %s", node);

	return kubectl_json(s, arguments, deadline, ret, err);
}

int kubernetes_deprecated(struct ssh *s, const char *target, int64_t deadline, struct strv *ret, struct error **err)
{
	static const char script[] =
		"m=$($k get --raw /metrics) || exit\nprintf '%s\\n' \"$m\" | grep '^apiserver_requested_deprecated_apis{' || :";
	CLEANUP_BUF struct buf out = BUF_INIT, errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	if (kubectl_script(s, script, NULL, 0, deadline, &out, &errors, &status, err) < 0)
		return -1;
	words = remote_words(buf_str(&errors));
	if (status != 0)
		return error_set(err, ERROR_REMOTE, "the API server's metrics: %s", words);
	deprecated_apis(buf_str(&out), target, ret);
	return 0;
}

static int look(struct ssh *s, const struct spec *target, int64_t deadline, struct upgrade_view *ret, struct error **err)
{
	CLEANUP_BUF struct buf ready = BUF_INIT;

	if (kubernetes_api_version(s, deadline, &ret->version, err) < 0 || kubectl(s, "get --raw /readyz", NULL, 0, &ready, err) < 0 ||
	    kubernetes_facts(s, deadline, &ret->facts, err) < 0)
		return -1;
	ret->well = xasprintf("the API server, %s, and etcd are ready", ret->version);
	return kubernetes_deprecated(s, target->version, deadline, &ret->deprecated, err);
}

static void refusals(const char *version, const struct spec *target, const struct upgrade_node *kubelets, size_t n, struct strv *ret)
{
	upgrade_refusals(version, target->version, kubelets, n, ret);
}

static int await(struct ssh *s, const struct node *n, const char *version, int64_t patience_ms, struct error **err)
{
	if (kubernetes_await_version(s, n->name, version, clock_deadline(patience_ms), err) < 0)
		return -1;
	return n->role == NODE_CONTROL_PLANE ? kubernetes_await_leaders(s, clock_deadline(patience_ms), err) : 0;
}

const struct platform_upgrade kubernetes_upgrade = {
	.look = look,
	.refusals = refusals,
	.why = "Kubernetes supports no other skew of versions",
	.programs = "kubelets",
	.node = kubernetes_get_node,
	.snapshot = kubernetes_snapshot,
	.keeper = "etcd",
	.suffix = ".db",
	.await = await,
	.parts = UPGRADE_WITH_SNAPSHOT | UPGRADE_WITH_ADDONS,
};
