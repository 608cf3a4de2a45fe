#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "provision/flow.h"
#include "provision/view.h"
#include "provision/watch.h"

enum { WIDTH = 8, ATTEMPTS = 3, STALL_MS = 10 * 60 * 1000, IN_USE_MS = 60 * 1000, SETTLE_MS = 30 * 1000, PAUSE_MAX_MS = 5000 };

/* A step that fails does not keep the others from their work: what it says is told when something is left in the end. */
struct removal {
	struct cloud *cloud;
	const char *cluster, *uuid;
	struct state *state;
	struct events *events;
	struct view *view;
	struct watch *servers, *volumes;
	pthread_mutex_t lock; /* of problems */
	struct strv problems;
};

/* Takes failure; a cancelled run is the only one that ends the step. */
static int note(struct removal *r, struct error *failure, struct error **err)
{
	if (failure == NULL)
		return 0;
	if (error_is(failure, ERROR_CANCELLED))
		return error_move(err, failure);
	pthread_mutex_lock(&r->lock);
	strv_add(&r->problems, error_message(failure));
	pthread_mutex_unlock(&r->lock);
	error_free(failure);
	return 0;
}

static int gone(struct removal *r, const struct item *it, struct error **err)
{
	view_drop(r->view, it);
	return r->state != NULL ? state_gone(r->state, kind_info(it->kind)->name, it->name, err) : 0;
}

static int delete_item(struct removal *r, const struct item *it, struct error **err)
{
	return kind_delete(r->cloud, it->kind, it->id, it->name, err) < 0 ? -1 : gone(r, it, err);
}

/* The jobs of one step: one for each item that `take` chooses. */
struct deletion {
	struct removal *removal;
	const struct item **items;
	size_t n;
	int (*one)(struct removal *r, const struct item *it, struct error **err);
};

static int delete_job(size_t i, void *context, struct error **err)
{
	struct deletion *d = context;
	struct error *failure = NULL;

	if (d->one(d->removal, d->items[i], &failure) == 0)
		return 0;
	return note(d->removal, failure, err);
}

static int for_each(struct removal *r, enum kind kind, bool (*take)(const struct removal *r, const struct item *it),
		    unsigned width, int (*one)(struct removal *r, const struct item *it, struct error **err), struct error **err)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **items = view_all(r->view, kind, &n);
	struct deletion d = {r, items, 0, one};

	for (size_t i = 0; i < n; i++)
		if (take == NULL || take(r, items[i]))
			items[d.n++] = items[i];
	return parallel_for(d.n, width, delete_job, &d, NULL, err);
}

static bool is_interface(const struct item *port)
{
	static const char prefix[] = "network:";

	return strncmp(json_get_str(port->json, "device_owner", ""), prefix, sizeof(prefix) - 1) == 0;
}

static bool is_interface_port(const struct removal *r UNUSED, const struct item *it)
{
	return is_interface(it);
}

static bool is_other_port(const struct removal *r UNUSED, const struct item *it)
{
	return !is_interface(it);
}

/* Names that end in the mark are another's unless they begin with the cluster's. */
static bool has_our_name(const struct removal *r, const struct item *it)
{
	size_t n = strlen(r->cluster);

	return strncmp(it->name, r->cluster, n) == 0 && it->name[n] == '-';
}

/* Gone, or its deletion failed: nova leaves it in ERROR with no task. */
static bool server_settled(struct json_object *o)
{
	return strcmp(json_get_str(o, "status", ""), "ERROR") == 0 && json_get_str(o, "OS-EXT-STS:task_state", NULL) == NULL;
}

static int delete_and_wait(struct removal *r, const struct item *it, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *left = NULL;

		if (kind_delete(r->cloud, KIND_SERVER, it->id, it->name, err) < 0 ||
		    watch_wait(r->servers, it->id, server_settled, STALL_MS, &left, err) < 0)
			return -1;
		if (left == NULL)
			return gone(r, it, err);
		if (attempt == ATTEMPTS)
			return error_set(err, ERROR_REMOTE, "delete server \"%s\" (%s): nova failed: %s", it->name, it->id,
					 json_get_str(left, "fault.message", "it is in ERROR"));
	}
}

/* A server, and as soon as it is gone, its port. */
static int delete_server(struct removal *r, const struct item *it, struct error **err)
{
	const struct item *port;
	int failed;

	event_begin(r->events, it->name, "delete");
	failed = delete_and_wait(r, it, err);
	port = view_find(r->view, KIND_PORT, it->name);
	if (failed == 0 && port != NULL)
		failed = delete_item(r, port, err);
	if (failed < 0)
		event_fail(r->events, it->name, "delete", err != NULL ? error_message(*err) : "");
	else
		event_end(r->events, it->name, "delete");
	return failed;
}

static int delete_servers(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_SERVER, NULL, 0, delete_server, err);
}

static int delete_floating_ips(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_FLOATING_IP, NULL, WIDTH, delete_item, err);
}

static int delete_keypairs(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_KEYPAIR, has_our_name, WIDTH, delete_item, err);
}

static int delete_server_groups(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_SERVER_GROUP, has_our_name, WIDTH, delete_item, err);
}

/* The port goes with the interface. */
static int remove_interface(struct removal *r, const struct item *port, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/routers/%s/remove_router_interface", json_get_str(port->json, "device_id", ""));
	CLEANUP_FREE char *what = xasprintf("remove interface \"%s\" of the router", port->name);
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct cloud_call call = {.service = CLOUD_NETWORK,
				  .method = "PUT",
				  .path = path,
				  .body = body,
				  .retry = RETRY_B,
				  .what = what,
				  .not_found_ok = true};

	json_add_str(body, "port_id", port->id);
	return cloud_call(r->cloud, &call, &answer, NULL, NULL, err) < 0 ? -1 : gone(r, port, err);
}

/* One at a time: neutron does not like two changes of a router's interfaces at once. */
static int remove_interfaces(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_PORT, is_interface_port, 1, remove_interface, err);
}

static int delete_routers(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_ROUTER, NULL, WIDTH, delete_item, err);
}

static int delete_ports(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_PORT, is_other_port, WIDTH, delete_item, err);
}

static bool volume_free(struct json_object *o)
{
	const char *status = json_get_str(o, "status", "");

	return strcmp(status, "available") == 0 || strncmp(status, "error", 5) == 0;
}

/* The server that keeps the volume from being deleted: one that did not go, or another's. */
static const char *holder(struct removal *r, struct json_object *volume)
{
	struct json_object *list = json_at(volume, "attachments");

	for (size_t i = 0; i < json_len(list); i++) {
		const char *id = json_get_str(json_object_array_get_idx(list, i), "server_id", "");

		if (!view_dropped(r->view, KIND_SERVER, id))
			return id;
	}
	return NULL;
}

static int delete_volume(struct removal *r, const struct item *it, struct error **err)
{
	CLEANUP_JSON struct json_object *now = NULL;
	const char *server_id = holder(r, it->json);

	if (server_id != NULL)
		return error_set(err, ERROR_CONFLICT, "delete volume \"%s\": server %s still holds it", it->name, server_id);
	if (!volume_free(it->json) && watch_wait(r->volumes, it->id, volume_free, STALL_MS, &now, err) < 0)
		return error_wrap(err, "wait until volume \"%s\" is detached", it->name);
	return delete_item(r, it, err);
}

static int delete_volumes(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_VOLUME, NULL, 0, delete_volume, err);
}

/* What is still in the network and will not go by itself, as DHCP's port does: an error that names it. */
static int find_users(struct removal *r, const struct item *network, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/ports?network_id=%s", network->id);
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_STRV struct strv users = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	if (cloud_list(r->cloud, CLOUD_NETWORK, path, "ports", NULL, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *owner = json_get_str(o, "device_owner", "");

		if (strncmp(owner, "network:dhcp", 12) != 0 && strcmp(json_get_str(o, "network_id", ""), network->id) == 0)
			strv_addf(&users, "port %s of %s %s", json_get_str(o, "id", ""), *owner != '\0' ? owner : "nothing",
				  json_get_str(o, "device_id", ""));
	}
	all = strv_join(&users, ", ");
	return users.n == 0 ? 0 : error_set(err, ERROR_CONFLICT, "delete network \"%s\": still in use by %s", network->name, all);
}

/* Ports that were just deleted may still count for a moment. */
static int delete_network(struct removal *r, const struct item *it, struct error **err)
{
	int64_t deadline = clock_deadline(IN_USE_MS), pause = 500;

	for (;;) {
		CLEANUP_ERROR struct error *failure = NULL;

		if (delete_item(r, it, &failure) == 0)
			return 0;
		if (!error_is(failure, ERROR_CONFLICT) || clock_ms() > deadline)
			return error_move(err, steal_ptr(failure));
		if (find_users(r, it, err) < 0 || cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

static bool has_foreign_network(const struct removal *r, const struct item *subnet)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **networks = view_all(r->view, KIND_NETWORK, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(networks[i]->id, json_get_str(subnet->json, "network_id", "")) == 0)
			return false;
	return true;
}

static int delete_networks(void *context, struct error **err)
{
	struct removal *r = context;

	if (for_each(r, KIND_SUBNET, has_foreign_network, WIDTH, delete_item, err) < 0 ||
	    for_each(r, KIND_NETWORK, NULL, WIDTH, delete_network, err) < 0)
		return -1;
	return for_each(r, KIND_SUBNET, has_foreign_network, 1, gone, err); /* ours went with their networks */
}

static int delete_groups(void *context, struct error **err)
{
	struct removal *r = context;

	return for_each(r, KIND_GROUP, NULL, WIDTH, delete_item, err);
}

enum step {
	STEP_SERVERS,
	STEP_FLOATING_IPS,
	STEP_KEYPAIRS,
	STEP_INTERFACES,
	STEP_ROUTERS,
	STEP_PORTS,
	STEP_VOLUMES,
	STEP_SERVER_GROUPS,
	STEP_NETWORKS,
	STEP_GROUPS,
	STEP_COUNT
};

#define AFTER(step) FLOW_NEEDS(STEP_##step)

/* Servers before their ports, floating IPs before the interface that carries them, all ports before the network. */
static const struct flow_step steps[STEP_COUNT] = {
	[STEP_SERVERS] = {"servers", delete_servers, 0},
	[STEP_FLOATING_IPS] = {"floating IPs", delete_floating_ips, 0},
	[STEP_KEYPAIRS] = {"keypair", delete_keypairs, 0},
	[STEP_INTERFACES] = {"router interface", remove_interfaces, AFTER(FLOATING_IPS)},
	[STEP_ROUTERS] = {"router", delete_routers, AFTER(INTERFACES)},
	[STEP_PORTS] = {"ports", delete_ports, AFTER(SERVERS)},
	[STEP_VOLUMES] = {"volumes", delete_volumes, AFTER(SERVERS)},
	[STEP_SERVER_GROUPS] = {"server groups", delete_server_groups, AFTER(SERVERS)},
	[STEP_NETWORKS] = {"network", delete_networks, AFTER(PORTS) | AFTER(INTERFACES)},
	[STEP_GROUPS] = {"security groups", delete_groups, AFTER(PORTS)},
};

static void stop(void *context)
{
	struct removal *r = context;

	watch_stop(r->servers);
	watch_stop(r->volumes);
}

static size_t count(struct view *v)
{
	size_t all = 0;

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;

		free(view_all(v, (enum kind)kind, &n));
		all += n;
	}
	return all;
}

static int leftovers(const struct removal *r, struct view *v, struct error **err)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	CLEANUP_FREE char *problems = strv_join(&r->problems, "\n  ");

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(v, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "\n  %s %s (%s)", kind_info((enum kind)kind)->name, all[i]->name, all[i]->id);
	}
	if (r->problems.n > 0)
		buf_addf(&b, "\nwhat went wrong:\n  %s", problems);
	return error_set(err, ERROR_LEFTOVERS, "cluster \"%s\" left %zu things in the cloud; run delete again:%s", r->cluster,
			 count(v), buf_str(&b));
}

/* cinder may wipe what it deletes, which takes minutes */
static bool is_deleting(struct view *v)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_VOLUME, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(json_get_str(all[i]->json, "status", ""), "deleting") == 0)
			return true;
	return false;
}

/* Lists every kind again: what is on its way out (cinder deletes in the background) is given time, what stays is told. */
static int prove(struct removal *r, struct error **err)
{
	int64_t began = clock_ms(), pause = 500;

	for (;;) {
		CLEANUP_VIEW struct view *v = NULL;

		if (provision_look(r->cloud, NULL, r->uuid, &v, err) < 0)
			return -1;
		if (count(v) == 0)
			return 0;
		if (r->problems.n > 0 || clock_ms() - began > (is_deleting(v) ? STALL_MS : SETTLE_MS))
			return leftovers(r, v, err);
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

int provision_remove(struct cloud *c, const char *cluster, const char *uuid, struct state *state, struct events *events,
		     struct error **err)
{
	static const struct flow_hooks hooks = {.stop = stop};
	struct removal r = {.cloud = c,
			    .cluster = cluster,
			    .uuid = uuid,
			    .state = state,
			    .events = events,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .problems = STRV_INIT};
	int failed;

	if (provision_look(c, NULL, uuid, &r.view, err) < 0)
		return -1;
	r.servers = watch_new(c, KIND_SERVER, uuid, NULL);
	r.volumes = watch_new(c, KIND_VOLUME, uuid, NULL);
	event_begin(events, "network", "delete");
	failed = flow_run(steps, STEP_COUNT, &hooks, &r, err) < 0 || prove(&r, err) < 0 ? -1 : 0;
	if (failed == 0)
		event_end(events, "network", "delete");
	else
		event_fail(events, "network", "delete", err != NULL ? error_message(*err) : "");
	watch_free(r.servers);
	watch_free(r.volumes);
	view_free(r.view);
	strv_free(&r.problems);
	pthread_mutex_destroy(&r.lock);
	return failed;
}

int provision_marked(struct cloud *c, const char *uuid, struct changes *ret, struct error **err)
{
	CLEANUP_VIEW struct view *v = NULL;

	if (provision_look(c, NULL, uuid, &v, err) < 0)
		return -1;
	for (int kind = KIND_COUNT - 1; kind >= 0; kind--) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(v, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++) {
			array_grow(ret->items, ret->n, ret->cap);
			ret->items[ret->n++] = (struct change){CHANGE_DELETE, xstrdup(kind_info((enum kind)kind)->name),
							       xstrdup(all[i]->name), xstrdup(all[i]->id)};
		}
	}
	return 0;
}
