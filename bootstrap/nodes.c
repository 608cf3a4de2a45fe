#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/cluster/platform.h"
#include "core/cluster/worn.h"
#include <inttypes.h>

#define POOL_LABEL "davit.dev/pool"
#define PLANE_LABEL "node-role.kubernetes.io/control-plane"

void node_states_free(struct node_states *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].reason);
		strv_free(&s->items[i].labels);
		strv_free(&s->items[i].annotations);
		strv_free(&s->items[i].taints);
	}
	free(s->items);
	*s = (struct node_states){0};
}

struct json_object *node_find(struct json_object *list, const char *name)
{
	struct json_object *items = json_at(list, "items");

	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *node = json_object_array_get_idx(items, i);

		if (strcmp(json_get_str(node, "metadata.name", ""), name) == 0)
			return node;
	}
	return NULL;
}

/* have: the labels or annotations that the node has. */
static void want(struct strv *to, struct json_object *have, const char *key, const char *value)
{
	const char *now = json_get_key(have, key, NULL);

	if (now == NULL || strcmp(now, value) != 0)
		strv_addf(to, "%s=%s", key, value);
}

static void want_all(struct strv *to, struct json_object *have, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i], *equals = strchr(text, '=');
		CLEANUP_FREE char *key = equals != NULL ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

		want(to, have, key, equals != NULL ? equals + 1 : "");
	}
}

/* What the program itself gives to nodes, whatever the file says. */
static bool is_own(const char *key)
{
	return strcmp(key, POOL_LABEL) == 0 || strncmp(key, PLANE_LABEL, strlen(PLANE_LABEL)) == 0;
}

static void drop(struct strv *to, struct json_object *have, const struct pool_spec *pool, struct json_object *worn, const char *kind)
{
	CLEANUP_STRV struct strv keys = STRV_INIT;

	worn_dropped(worn, pool, kind, &keys);
	for (size_t i = 0; i < keys.n; i++)
		if (!is_own(keys.v[i]) && json_get_key(have, keys.v[i], NULL) != NULL)
			strv_addf(to, "%s-", keys.v[i]);
}

static void want_labels(struct node_state *s, struct json_object *node, const struct plan *plan, const struct plan_node *planned,
			struct json_object *worn)
{
	struct json_object *have = json_at(node, "metadata.labels");

	if (platform_place(plan->spec->platform, planned->node.role) & PLACE_CONTROL_PLANE)
		want(&s->labels, have, PLANE_LABEL, "");
	want(&s->labels, have, POOL_LABEL, planned->node.pool);
	if (planned->pool == NULL)
		return;
	want_all(&s->labels, have, &planned->pool->labels);
	drop(&s->labels, have, planned->pool, worn, "label");
	have = json_at(node, "metadata.annotations");
	want_all(&s->annotations, have, &planned->pool->annotations);
	drop(&s->annotations, have, planned->pool, worn, "annotation");
}

/* "key=value:Effect" or "key:Effect", as kubectl writes it. */
static bool has_taint(struct json_object *node, const char *taint)
{
	struct json_object *taints = json_at(node, "spec.taints");

	for (size_t i = 0; i < json_len(taints); i++) {
		struct json_object *t = json_object_array_get_idx(taints, i);
		const char *value = json_get_str(t, "value", "");
		CLEANUP_FREE char *text = xasprintf("%s%s%s:%s", json_get_str(t, "key", ""), value[0] != '\0' ? "=" : "", value,
						    json_get_str(t, "effect", ""));

		if (strcmp(text, taint) == 0)
			return true;
	}
	return false;
}

static void want_taint(struct node_state *s, struct json_object *node, const char *taint)
{
	if (node == NULL || !has_taint(node, taint))
		strv_add(&s->taints, taint);
}

static bool has_taint_of(struct json_object *node, const char *key_and_effect)
{
	struct json_object *taints = json_at(node, "spec.taints");

	for (size_t i = 0; i < json_len(taints); i++) {
		struct json_object *t = json_object_array_get_idx(taints, i);
		CLEANUP_FREE char *text = xasprintf("%s:%s", json_get_str(t, "key", ""), json_get_str(t, "effect", ""));

		if (strcmp(text, key_and_effect) == 0)
			return true;
	}
	return false;
}

static void drop_taints(struct node_state *s, struct json_object *node, const struct pool_spec *pool, struct json_object *worn)
{
	CLEANUP_STRV struct strv dropped = STRV_INIT;

	worn_dropped(worn, pool, "taint", &dropped);
	for (size_t i = 0; i < dropped.n; i++)
		if (!is_own(dropped.v[i]) && has_taint_of(node, dropped.v[i]))
			strv_addf(&s->taints, "%s-", dropped.v[i]);
}

static void want_taints(struct node_state *s, struct json_object *node, const struct plan_node *planned, struct json_object *worn)
{
	if (planned->node.role == NODE_CONTROL_PLANE)
		want_taint(s, node, PLANE_LABEL ":NoSchedule");
	for (size_t i = 0; planned->pool != NULL && i < planned->pool->taints.n; i++)
		want_taint(s, node, planned->pool->taints.v[i]);
	if (planned->pool != NULL && node != NULL)
		drop_taints(s, node, planned->pool, worn);
}

struct json_object *node_condition(struct json_object *node, const char *type)
{
	struct json_object *conditions = json_at(node, "status.conditions");

	for (size_t i = 0; i < json_len(conditions); i++) {
		struct json_object *c = json_object_array_get_idx(conditions, i);

		if (strcmp(json_get_str(c, "type", ""), type) == 0)
			return c;
	}
	return NULL;
}

bool node_is_ready(struct json_object *node)
{
	return strcmp(json_get_str(node_condition(node, "Ready"), "status", ""), "True") == 0;
}

const char *node_version(struct json_object *node)
{
	const char *has = json_get_str(node, "status.nodeInfo.kubeletVersion", "");

	return has[0] == 'v' ? has + 1 : has;
}

const char *node_standing(struct json_object *node)
{
	bool cordoned = json_get_bool(node, "spec.unschedulable", false);

	if (node_condition(node, "Ready") == NULL)
		return NULL;
	if (node_is_ready(node))
		return cordoned ? "Ready,cordoned" : "Ready";
	return cordoned ? "NotReady,cordoned" : "NotReady";
}

static void read_ready(struct node_state *s, struct json_object *node)
{
	struct json_object *c = node_condition(node, "Ready");

	s->ready = node_is_ready(node);
	if (c != NULL && !s->ready)
		s->reason = xasprintf("%s: %s", json_get_str(c, "reason", "no reason"), json_get_str(c, "message", ""));
}

int node_states_read(const struct plan *plan, struct json_object *worn, struct json_object *list, struct node_states *ret,
		     struct error **err)
{
	struct json_object *items = NULL;

	if (json_need_array(list, "items", &items, err) < 0)
		return error_wrap(err, "kubectl get nodes");
	*ret = (struct node_states){.items = xnew_n(struct node_state, plan->n_nodes + 1)};
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *planned = &plan->nodes[i];
		struct json_object *node = node_find(list, planned->node.name);
		struct node_state *s = &ret->items[ret->n];

		if (!node_runs_kubernetes(planned->node.role) || planned->node.cloud == NODE_FAILED)
			continue;
		ret->n++;
		*s = (struct node_state){.name = planned->node.name, .registered = node != NULL};
		want_labels(s, node, plan, planned, worn);
		if (plan->spec->platform == PLATFORM_KUBERNETES)
			want_taints(s, node, planned, worn);
		if (node != NULL)
			read_ready(s, node);
	}
	return 0;
}

bool node_states_done(const struct node_states *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->items[i].ready || s->items[i].labels.n > 0 || s->items[i].annotations.n > 0 ||
		    s->items[i].taints.n > 0)
			return false;
	return true;
}

size_t node_states_progress(const struct node_states *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += (size_t)s->items[i].registered + (size_t)s->items[i].ready + (s->items[i].labels.n == 0) +
		     (s->items[i].annotations.n == 0) + (s->items[i].taints.n == 0);
	return n;
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

/* What is set by one kind of command, and where a node's state has it. */
static const struct setting {
	const char *command, *noun;
	size_t offset;
} settings[] = {
	{"label", "label", offsetof(struct node_state, labels)},
	{"annotate", "annotation", offsetof(struct node_state, annotations)},
	{"taint", "taint", offsetof(struct node_state, taints)},
};

static const struct strv *wanted(const struct node_state *n, const struct setting *setting)
{
	return (const void *)((const char *)n + setting->offset);
}

/* Values of annotations are long, and may be anything: their keys alone are told. */
static void describe(const struct setting *setting, const char *text, struct strv *ret)
{
	size_t n = strlen(text), key = strcspn(text, "=");
	bool taint = setting->offset == offsetof(struct node_state, taints), off = text[n - 1] == '-' && (taint || key == n);

	if (off)
		strv_addf(ret, "has the %s %.*s, which the file no longer wants", setting->noun, (int)(n - 1), text);
	else
		strv_addf(ret, "lacks the %s %.*s", setting->noun,
			  (int)(setting->offset == offsetof(struct node_state, annotations) ? key : n), text);
}

char *node_state_differs(const struct node_state *s)
{
	CLEANUP_STRV struct strv parts = STRV_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(settings) && s->registered; i++) {
		const struct strv *list = wanted(s, &settings[i]);

		for (size_t k = 0; k < list->n; k++)
			describe(&settings[i], list->v[k], &parts);
	}
	return parts.n > 0 ? strv_join(&parts, "; ") : NULL;
}

/* One command in the background for all nodes that get the same. */
static void add_group(const struct node_states *s, size_t first, const struct setting *setting, struct buf *ret)
{
	const struct strv *list = wanted(&s->items[first], setting);

	buf_addf(ret, "$k %s --overwrite node", setting->command);
	for (size_t i = first; i < s->n; i++)
		if (same_list(list, wanted(&s->items[i], setting)))
			buf_addf(ret, " %s", s->items[i].name);
	for (size_t i = 0; i < list->n; i++) {
		buf_add_char(ret, ' ');
		buf_add_shell(ret, list->v[i]);
	}
	buf_add(ret, " >/dev/null </dev/null &\njobs=\"$jobs $!\"\n");
}

static void add_groups(const struct node_states *s, const struct setting *setting, struct buf *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct strv *list = wanted(&s->items[i], setting);
		bool seen = list->n == 0;

		for (size_t k = 0; k < i && !seen; k++)
			seen = same_list(list, wanted(&s->items[k], setting));
		if (!seen)
			add_group(s, i, setting, ret);
	}
}

/* `kubectl wait` for those that are not registered, or not ready; false where there are none. */
static bool add_wait(const struct node_states *s, bool created, int64_t seconds, struct buf *ret)
{
	CLEANUP_BUF struct buf names = BUF_INIT;

	for (size_t i = 0; i < s->n; i++)
		if (created ? !s->items[i].registered : !s->items[i].ready)
			buf_addf(&names, " node/%s", s->items[i].name);
	if (names.len == 0)
		return false;
	buf_addf(ret, "$k wait --for=%s --timeout=%" PRId64 "s%s", created ? "create" : "condition=Ready", seconds, names.data);
	return true;
}

void node_states_script(const struct node_states *s, int64_t seconds, struct buf *ret)
{
	buf_add(ret, "jobs=\n");
	if (add_wait(s, true, seconds, ret))
		buf_add(ret, " >/dev/null </dev/null || exit\n");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		add_groups(s, &settings[i], ret);
	buf_add(ret, "status=0\n");
	if (add_wait(s, false, seconds, ret))
		buf_add(ret, " </dev/null || status=1\n");
	buf_add(ret, "for job in $jobs; do wait \"$job\" || status=1; done\nexit $status\n");
}

char *node_states_why(const struct node_states *s, size_t *ret_n)
{
	struct buf text = BUF_INIT;

	*ret_n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct node_state *n = &s->items[i];

		if (n->registered && n->ready)
			continue;
		buf_addf(&text, "%s%s", (*ret_n)++ > 0 ? "; " : "", n->name);
		if (!n->registered)
			buf_addf(&text, " has not registered (see: davit ssh %s sudo journalctl -u kubelet -n 30)", n->name);
		else
			buf_addf(&text, ": %s", n->reason != NULL ? n->reason : "its kubelet has not reported yet");
	}
	return buf_steal(&text);
}
