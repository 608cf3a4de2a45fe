#include "provision/balancer.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum {
	API_PORT = 6443,
	/* as long as the kubelet keeps an idle exec: Octavia's 50 s would end "kubectl logs -f" and watches */
	IDLE_MS = 4 * 3600 * 1000,
	ASK_S = 5,
	ANSWER_S = 4,
	FAILURES = 3,
	STALL_MS = 10 * 60 * 1000,
	PAUSE_MS = 1000,
	PAUSE_MAX_MS = 5000,
	ATTEMPTS = 3,
};

#define LISTENER "davit_listener"
#define POOL "davit_pool"

static struct json_object *strings(const struct strv *l)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	return a;
}

static struct json_object *members(const struct plan *plan, const char *subnet_id)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->n_nodes; i++) {
		struct json_object *o;

		if (plan->nodes[i].node.role != NODE_CONTROL_PLANE)
			continue;
		o = json_object_new_object();
		json_add_str(o, "name", plan->nodes[i].node.name);
		json_add_str(o, "address", plan->nodes[i].node.address);
		json_add_int(o, "protocol_port", API_PORT);
		json_add_str(o, "subnet_id", subnet_id);
		json_object_array_add(list, o);
	}
	return list;
}

/* An API server that has lost etcd takes connections, and says on /readyz that it is of no use.  The OVN provider can only connect. */
static struct json_object *monitor(const struct plan *plan, const char *pool_id)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", "api");
	json_add_str(o, "pool_id", pool_id);
	json_add_str(o, "type", spec_is_ovn(plan->spec) ? "TCP" : "HTTPS");
	if (!spec_is_ovn(plan->spec)) {
		json_add_str(o, "url_path", "/readyz");
		json_add_str(o, "expected_codes", "200");
	}
	json_add_int(o, "delay", ASK_S);
	json_add_int(o, "timeout", ANSWER_S);
	json_add_int(o, "max_retries", FAILURES);
	return o;
}

static struct json_object *pool(const struct plan *plan, const char *listener_id)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", "api");
	json_add_str(o, "protocol", "TCP");
	json_add_str(o, "lb_algorithm", spec_is_ovn(plan->spec) ? "SOURCE_IP_PORT" : "ROUND_ROBIN");
	json_add_str(o, "listener_id", listener_id);
	return o;
}

/* What the OVN provider has not: there the control planes' security group says who may come, and nothing ends for being idle. */
static void add_limits(const struct plan *plan, struct json_object *listener)
{
	if (spec_is_ovn(plan->spec))
		return;
	json_add(listener, "allowed_cidrs", strings(&plan->spec->api.allowed_cidrs));
	json_add_int(listener, "timeout_client_data", IDLE_MS);
	json_add_int(listener, "timeout_member_data", IDLE_MS);
}

struct json_object *body_balancer(const struct plan *plan, const char *mark, const char *subnet_id)
{
	CLEANUP_FREE char *name = name_api(plan);
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "description", mark);
	json_add_str(o, "vip_subnet_id", subnet_id);
	json_add_str(o, "vip_address", plan->api_inside);
	json_add_str(o, "provider", plan->spec->api.provider);
	return o;
}

static struct json_object *listener(const struct plan *plan, const char *balancer_id)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", "api");
	json_add_str(o, "loadbalancer_id", balancer_id);
	json_add_str(o, "protocol", "TCP");
	json_add_int(o, "protocol_port", API_PORT);
	add_limits(plan, o);
	return o;
}

static bool is_status(struct json_object *balancer, const char *status)
{
	return strcmp(json_get_str(balancer, "provisioning_status", ""), status) == 0;
}

static bool is_pending(struct json_object *balancer)
{
	return strncmp(json_get_str(balancer, "provisioning_status", ""), "PENDING_", 8) == 0;
}

enum balancer_verdict balancer_judge(struct json_object *balancer, const char **ret_why)
{
	*ret_why = json_get_str(balancer, "provisioning_status", "in no state");
	if (is_pending(balancer))
		return is_status(balancer, "PENDING_DELETE") ? BALANCER_REMAKE : BALANCER_WAIT;
	if (is_status(balancer, "ERROR") || is_status(balancer, "DELETED"))
		return BALANCER_REMAKE;
	*ret_why = "stuck: its listener or its pool is still being made, and takes no change";
	return is_pending(json_at(balancer, LISTENER)) || is_pending(json_at(balancer, POOL)) ? BALANCER_REMAKE : BALANCER_FINE;
}

static void list_addresses(struct json_object *list, struct strv *ret)
{
	for (size_t i = 0; i < json_len(list); i++)
		strv_add(ret, json_get_str(json_object_array_get_idx(list, i), "address", ""));
	strv_sort(ret);
}

static struct json_object *drift_members(const struct plan *plan, struct json_object *balancer, const char *subnet_id, char **ret_reason)
{
	CLEANUP_JSON struct json_object *wanted = members(plan, subnet_id);
	CLEANUP_STRV struct strv had = STRV_INIT, want = STRV_INIT;
	CLEANUP_FREE char *old = NULL, *new = NULL;

	list_addresses(json_at(balancer, POOL ".members"), &had);
	list_addresses(wanted, &want);
	old = strv_join(&had, ", ");
	new = strv_join(&want, ", ");
	if (strcmp(old, new) == 0)
		return NULL;
	*ret_reason = xasprintf("leads to [%s], the control planes are [%s]", old, new);
	return steal_ptr(wanted);
}

static bool same_cidrs(struct json_object *listener, const struct strv *wanted)
{
	struct json_object *list = json_at(listener, "allowed_cidrs");

	if (json_len(list) == 0) /* some providers leave out what lets everybody in */
		return wanted->n == 1 && strcmp(wanted->v[0], "0.0.0.0/0") == 0;
	for (size_t i = 0; i < json_len(list); i++)
		if (!strv_has(wanted, json_object_get_string(json_object_array_get_idx(list, i))))
			return false;
	return json_len(list) == wanted->n;
}

static struct json_object *drift_listener(const struct plan *plan, struct json_object *balancer, char **ret_reason)
{
	struct json_object *listener = json_at(balancer, LISTENER), *fields;
	bool cidrs, times;

	if (listener == NULL || spec_is_ovn(plan->spec))
		return NULL;
	cidrs = same_cidrs(listener, &plan->spec->api.allowed_cidrs);
	times = json_get_int(listener, "timeout_client_data", IDLE_MS) == IDLE_MS && json_get_int(listener, "timeout_member_data", IDLE_MS) == IDLE_MS;
	if (cidrs && times)
		return NULL;
	fields = json_object_new_object();
	add_limits(plan, fields);
	*ret_reason = xstrdup(cidrs ? "ends connections that are idle for less than 4 h" : "lets others in than api.allowedCIDRs");
	return fields;
}

static struct balancer_change change_of(const char *method, char *path, const char *key, struct json_object *body, char *reason)
{
	struct balancer_change c = {.method = method, .path = path, .body = json_object_new_object(), .reason = reason};

	json_add(c.body, key, body);
	return c;
}

bool balancer_next(const struct plan *plan, struct json_object *balancer, const char *subnet_id, struct balancer_change *ret)
{
	const char *listener_id = json_get_str(balancer, LISTENER ".id", NULL), *pool_id = json_get_str(balancer, POOL ".id", NULL);
	struct json_object *drift;
	char *reason = NULL;

	if (listener_id == NULL)
		*ret = change_of("POST", xstrdup("/listeners"), "listener", listener(plan, json_get_str(balancer, "id", "")), xstrdup("has no listener for the API"));
	else if (pool_id == NULL)
		*ret = change_of("POST", xstrdup("/pools"), "pool", pool(plan, listener_id), xstrdup("has no pool of control planes"));
	else if (json_at(balancer, POOL ".health_monitor.id") == NULL)
		*ret = change_of("POST", xstrdup("/healthmonitors"), "healthmonitor", monitor(plan, pool_id), xstrdup("asks no API server how it is"));
	else if ((drift = drift_listener(plan, balancer, &reason)) != NULL)
		*ret = change_of("PUT", xasprintf("/listeners/%s", listener_id), "listener", drift, reason);
	else if ((drift = drift_members(plan, balancer, subnet_id, &reason)) != NULL)
		*ret = change_of("PUT", xasprintf("/pools/%s/members", pool_id), "members", drift, reason);
	else
		return false;
	return true;
}

void balancer_change_clear(struct balancer_change *c)
{
	json_object_put(c->body);
	free(c->path);
	free(c->reason);
	*c = (struct balancer_change){0};
}

static int read_json(struct cloud *c, const char *path, const char *what, struct json_object **ret, struct error **err)
{
	struct cloud_call call = {
		.service = CLOUD_LOAD_BALANCER, .method = "GET", .path = path, .retry = RETRY_A, .what = what, .not_found_ok = true};

	return cloud_call(c, &call, ret, NULL, NULL, err);
}

/* The first listener of the API's port, by the tree of the load balancer; NULL where there is none. */
static int read_parts(struct cloud *c, const struct item *it, struct json_object *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/loadbalancers/%s/status", it->id), *listener_path = NULL;
	CLEANUP_JSON struct json_object *tree = NULL, *listener = NULL;
	const char *id;

	if (read_json(c, path, "read the parts of the API's load balancer", &tree, err) < 0)
		return -1;
	id = json_get_str(tree, "statuses.loadbalancer.listeners[0].id", NULL);
	/* of one moment with its parts */
	json_add_str(ret, "provisioning_status", json_get_str(tree, "statuses.loadbalancer.provisioning_status", json_get_str(ret, "provisioning_status", NULL)));
	if (id == NULL)
		return 0;
	listener_path = xasprintf("/listeners/%s", id);
	if (read_json(c, listener_path, "read the listener of the API's load balancer", &listener, err) < 0)
		return -1;
	json_add(ret, LISTENER, json_object_get(json_at(listener, "listener")));
	json_add(ret, POOL, json_object_get(json_at(tree, "statuses.loadbalancer.listeners[0].pools[0]")));
	return 0;
}

int balancer_look(struct cloud *c, const struct plan *plan, struct view *view, struct error **err)
{
	CLEANUP_FREE char *name = name_api(plan);
	const struct item *it = plan->spec->api.endpoint == API_OCTAVIA ? view_find(view, KIND_BALANCER, name) : NULL;
	CLEANUP_JSON struct json_object *whole = NULL;

	if (it == NULL)
		return 0;
	if (json_object_deep_copy(it->json, &whole, NULL) < 0)
		abort();
	if (read_parts(c, it, whole, err) < 0)
		return -1;
	view_put(view, KIND_BALANCER, name, it->id, whole);
	return 0;
}

static int wait_for(struct cloud *c, const char *id, const char *name, bool gone, struct json_object **ret, struct error **err)
{
	int64_t deadline = clock_deadline(STALL_MS), pause = PAUSE_MS;

	for (;;) {
		CLEANUP_JSON struct json_object *now = NULL;

		if (kind_get(c, KIND_BALANCER, id, &now, err) < 0)
			return -1;
		if (now == NULL || is_status(now, "DELETED")) {
			*ret = NULL;
			return 0;
		}
		if (!is_pending(now) && (!gone || is_status(now, "ERROR"))) {
			*ret = steal_ptr(now);
			return 0;
		}
		if (clock_ms() > deadline)
			return error_set(err, ERROR_TIMEOUT, "load balancer \"%s\": still %s after %d s; look at it in the cloud, then run again", name,
					 json_get_str(now, "provisioning_status", "there"), STALL_MS / 1000);
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

int balancer_settle(struct cloud *c, const char *id, const char *name, struct json_object **ret, struct error **err)
{
	return wait_for(c, id, name, false, ret, err);
}

/* Octavia refuses every change while one is under way, and deletes in the background; in ERROR it takes a deletion again. */
int balancer_delete(struct cloud *c, const char *id, const char *name, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *now = NULL, *left = NULL;
		CLEANUP_ERROR struct error *failure = NULL;

		if (balancer_settle(c, id, name, &now, err) < 0)
			return -1;
		if (now == NULL)
			return 0;
		if (kind_delete(c, KIND_BALANCER, id, name, &failure) < 0) {
			if (!error_is(failure, ERROR_CONFLICT) || attempt == ATTEMPTS)
				return error_move(err, steal_ptr(failure));
			continue;
		}
		if (wait_for(c, id, name, true, &left, err) < 0)
			return -1;
		if (left == NULL)
			return 0;
		if (attempt == ATTEMPTS)
			return error_set(err, ERROR_REMOTE, "delete load balancer \"%s\": octavia failed: it is in ERROR", name);
	}
}
