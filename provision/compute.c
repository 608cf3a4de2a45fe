#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "provision/drift.h"
#include "provision/microversion.h"
#include "provision/nics.h"
#include "provision/pick.h"
#include "provision/power.h"
#include "provision/steps.h"
#include <poll.h>
#include <unistd.h>

/*
 * Everything waits for the registry and the control plane: they get a head start, which a small cloud uses to build them
 * undisturbed, and which a large one does not notice.
 */
enum { SERVER_STALL_MS = 10 * 60 * 1000, HEAD_START_MS = 2500 };

static bool settled(struct json_object *o)
{
	return server_judge(o, NULL) != SERVER_WAIT;
}

static bool never(struct json_object *o UNUSED)
{
	return false;
}

static bool still_exists(struct maker *m, const char *server_id, bool *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (kind_get(m->cloud, KIND_SERVER, server_id, &o, err) < 0)
		return false;
	*ret = o != NULL;
	return true;
}

/* A port may still name a server that is no more (nova died in between): nova would refuse it for the new one. */
static int free_port(struct maker *m, const char *name, struct error **err)
{
	const struct item *port = view_find(m->view, KIND_PORT, name);
	const char *holder = json_get_str(port->json, "device_id", "");
	struct json_object *fields;
	bool exists = false;

	if (*holder == '\0')
		return 0;
	if (!still_exists(m, holder, &exists, err))
		return -1;
	if (exists)
		return error_set(err, ERROR_CONFLICT,
				 "port \"%s\" (%s): server %s, which is not of this cluster, uses it; detach it there "
				 "and run again",
				 name, port->id, holder);
	fields = json_object_new_object();
	json_add_str(fields, "device_id", "");
	json_add_str(fields, "device_owner", "");
	return make_update(m, port, fields, err);
}

/* The names of all its ports, the first one first. */
static void port_names(struct maker *m, const struct plan_node *node, struct strv *ret)
{
	CLEANUP_STRV struct strv networks = STRV_INIT;

	strv_add(ret, node->node.name);
	nics_of(m->view, node, &networks, ret);
}

static int free_ports(struct maker *m, const struct plan_node *node, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	port_names(m, node, &names);
	for (size_t i = 0; i < names.n; i++)
		if (free_port(m, names.v[i], err) < 0)
			return -1;
	return 0;
}

static int port_reread(struct maker *m, const char *name, struct error **err)
{
	CLEANUP_JSON struct json_object *port = NULL;
	const char *id = made_id(m, KIND_PORT, name);

	if (kind_get(m->cloud, KIND_PORT, id, &port, err) < 0)
		return -1;
	if (port == NULL)
		return error_set(err, ERROR_CONFLICT, "port \"%s\": went away with its server; run again", name);
	view_put(m->view, KIND_PORT, name, id, port);
	return 0;
}

/* Those that the view has: a server that never ran may be of before the file named another network. */
static int ports_reread(struct maker *m, const struct plan_node *node, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	port_names(m, node, &names);
	for (size_t i = 0; i < names.n; i++)
		if (view_find(m->view, KIND_PORT, names.v[i]) != NULL && port_reread(m, names.v[i], err) < 0)
			return -1;
	return 0;
}

/* Deletes a server that never ran, waits until it is gone, and reads what became of its ports and volumes. */
static int delete_failed(struct maker *m, const struct plan_node *node, const struct item *server, struct error **err)
{
	CLEANUP_JSON struct json_object *gone = NULL;

	if (kind_delete(m->cloud, KIND_SERVER, server->id, server->name, err) < 0 ||
	    watch_wait(m->servers, server->id, never, SERVER_STALL_MS, &gone, err) < 0)
		return -1;
	view_drop(m->view, server);
	if (ports_reread(m, node, err) < 0 || volumes_reread(m, node, err) < 0)
		return -1;
	return state_gone(m->job->state, kind_info(KIND_SERVER)->name, server->name, err);
}

static const char *optional_id(struct maker *m, enum kind kind, const char *name)
{
	return name != NULL ? made_id(m, kind, name) : NULL;
}

static bool has_tags(struct maker *m)
{
	return microversion_is_known(m->view->facts[FACT_COMPUTE_VERSIONS].json, TAGS_MICROVERSION);
}

static int server_body(struct maker *m, const struct plan_node *node, const char *user_data, struct json_object **ret,
		       struct error **err)
{
	CLEANUP_FREE char *root = node->root.size_gib > 0 ? name_root(node) : NULL;
	CLEANUP_FREE char *group =
		node->server_group != NULL ? name_server_group(m->plan, node->server_group, m->view->uuid) : NULL;
	struct body_server s = {
		.node = node,
		.uuid = m->view->uuid,
		.flavor_id = json_get_str(pick_flavor(m->view, node->flavor), "id", ""),
		.image_id = json_get_str(pick_image(m->view, node->image), "id", ""),
		.keypair = m->keypair,
		.port_id = made_id(m, KIND_PORT, node->node.name),
		.root_id = optional_id(m, KIND_VOLUME, root),
		.server_group_id = optional_id(m, KIND_SERVER_GROUP, group),
		.user_data = user_data,
		.tagged = has_tags(m),
	};
	CLEANUP_STRV struct strv ports = STRV_INIT;
	int r;

	port_names(m, node, &ports);
	for (size_t i = 1; i < ports.n; i++)
		strv_add(&s.nic_ids, made_id(m, KIND_PORT, ports.v[i]));
	for (size_t i = 0; i < node->n_volumes; i++)
		strv_add(&s.data_ids, made_id(m, KIND_VOLUME, node->volumes[i].name));
	r = body_server(m->plan, &s, ret, err);
	strv_free(&s.nic_ids);
	strv_free(&s.data_ids);
	return r;
}

static bool leads(const struct plan_node *node)
{
	return node->node.role != NODE_WORKER;
}

static void count_leaders(struct maker *m)
{
	for (size_t i = 0; i < m->plan->n_nodes; i++)
		if (leads(&m->plan->nodes[i]))
			m->leaders++;
	m->head_start_until = clock_deadline(HEAD_START_MS);
}

/* A leader is there, or will not come. */
static void leader_is_done(struct maker *m)
{
	uint64_t one = 1;

	if (--m->leaders == 0 && write(m->leaders_fd, &one, sizeof(one)) < 0)
		log_debug("the workers wait out the head start");
}

static int create_server(struct maker *m, size_t i, struct error **err)
{
	const struct plan_node *node = &m->plan->nodes[i];
	CLEANUP_SECRET char *user_data = NULL;
	struct json_object *body = NULL;
	int r = 0;

	if (volumes_ready(m, node, NULL, err) < 0 || make_nics(m, node, err) < 0 || free_ports(m, node, err) < 0 ||
	    m->job->user_data(m->job->context, node, &user_data, err) < 0 || server_body(m, node, user_data, &body, err) < 0)
		return -1;
	if (!leads(node) && cancel_poll(m->leaders_fd, POLLIN, m->head_start_until, err) < 0) {
		json_object_put(body);
		return -1;
	}
	gate_enter(m->gate, i);
	r = make_whole(m, KIND_SERVER, node->node.name, body, has_tags(m) ? TAGS_MICROVERSION : NULL, err);
	gate_leave(m->gate);
	return r;
}

static bool lacks_fault(struct json_object *server)
{
	return strcmp(json_get_str(server, "status", ""), "ERROR") == 0 && json_at(server, "fault") == NULL;
}

/* The server as it is once it has settled; NULL when it is gone. */
static int wait_settled(struct maker *m, const struct item *server, const struct item **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *now = NULL;

	if (watch_wait(m->servers, server->id, settled, SERVER_STALL_MS, &now, err) < 0)
		return error_wrap(err, "wait for server \"%s\"", server->name);
	/* lists can miss one for a moment, and hold no fault of a server that no host took (nova keeps it in another data base) */
	if (now == NULL || lacks_fault(now)) {
		json_object_put(steal_ptr(now));
		if (kind_get(m->cloud, KIND_SERVER, server->id, &now, err) < 0)
			return -1;
	}
	if (now == NULL)
		view_drop(m->view, server);
	*ret = now != NULL ? view_put(m->view, KIND_SERVER, server->name, server->id, now) : NULL;
	return 0;
}

static int failed(const struct plan_node *node, const struct item *server, int attempt, struct error **err)
{
	CLEANUP_FREE char *fault = server_fault(server->json);

	if (attempt > 1)
		return error_set(err, ERROR_REMOTE, "server \"%s\" (%s): %s; made %d times, the last one is left for inspection%s",
				 server->name, server->id, fault, attempt, server_advice(node, fault));
	return error_set(err, ERROR_REMOTE,
			 "server \"%s\" (%s): is %s, and ran before: look at it in the cloud, or replace the node", server->name,
			 server->id, fault);
}

/* One step towards ACTIVE; *ret_done when it is. */
static int advance(struct maker *m, size_t i, const struct item *server, int *attempt, bool *ret_done, struct error **err)
{
	const char *action = NULL;

	switch (server_judge(server->json, &action)) {
	case SERVER_FINE:
		*ret_done = true;
		return 0;
	case SERVER_WAIT:
		make_tell(m, i, NODE_BUILDING, server->id, NULL);
		return wait_settled(m, server, &server, err);
	case SERVER_START:
		return server_act(m->cloud, server->id, server->name, action, NULL, err) < 0 ? -1 : wait_settled(m, server, &server, err);
	case SERVER_REMAKE:
		if (*attempt == MAKE_ATTEMPTS)
			return failed(&m->plan->nodes[i], server, *attempt, err);
		event_progress(m->job->events, server->name, "server", "%s; made again",
			       json_get_str(server->json, "fault.message", "ERROR"));
		return delete_failed(m, &m->plan->nodes[i], server, err);
	case SERVER_BROKEN:
		break;
	}
	return failed(&m->plan->nodes[i], server, 1, err);
}

static int bring_up(struct maker *m, size_t i, struct error **err)
{
	const char *name = m->plan->nodes[i].node.name;
	int attempt = 0;
	bool done = false;

	while (!done) {
		const struct item *server = view_find(m->view, KIND_SERVER, name);

		if (make_check(m, err) < 0)
			return -1;
		if (server == NULL && ++attempt > MAKE_ATTEMPTS)
			return error_set(err, ERROR_REMOTE, "server \"%s\": disappeared %d times while it was made", name,
					 MAKE_ATTEMPTS);
		if (server == NULL && create_server(m, i, err) < 0)
			return -1;
		server = view_find(m->view, KIND_SERVER, name);
		if (advance(m, i, server, &attempt, &done, err) < 0)
			return -1;
	}
	return 0;
}

/* A volume that another server holds is not taken from it: nova refuses, and says whose it is. */
static int attach_volume(struct maker *m, const struct plan_node *node, const char *volume, const struct item *server,
			 struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/servers/%s/os-volume_attachments", server->id);
	CLEANUP_FREE char *what = xasprintf("attach volume \"%s\" to server \"%s\"", volume, node->node.name);
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct json_object *fields = json_object_new_object();
	struct cloud_call call = {
		.service = CLOUD_COMPUTE, .method = "POST", .path = path, .body = body, .retry = RETRY_B, .what = what};

	json_add(body, "volumeAttachment", fields);
	json_add_str(fields, "volumeId", made_id(m, KIND_VOLUME, volume));
	return cloud_call(m->cloud, &call, &answer, NULL, NULL, err);
}

static void list_unattached(struct maker *m, const struct plan_node *node, const struct item *server, struct strv *ret)
{
	for (size_t i = 0; i < node->n_volumes; i++)
		if (!volume_attached_to(view_find(m->view, KIND_VOLUME, node->volumes[i].name)->json, server->id))
			strv_add(ret, node->volumes[i].name);
}

/* For a server that was there before: one made now has its volumes from the start. */
static int attach_volumes(struct maker *m, const struct plan_node *node, const struct item *server, struct error **err)
{
	CLEANUP_STRV struct strv missing = STRV_INIT;

	list_unattached(m, node, server, &missing);
	if (missing.n > 0) { /* what the look has seen may be from before the server was built */
		if (volumes_reread(m, node, err) < 0)
			return -1;
		strv_free(&missing);
		list_unattached(m, node, server, &missing);
	}
	if (missing.n > 0 && volumes_ready(m, node, server->id, err) < 0)
		return -1;
	for (size_t i = 0; i < missing.n; i++)
		if (attach_volume(m, node, missing.v[i], server, err) < 0)
			return -1;
	return 0;
}

/* Somebody deleted the server's port, or took it out: the new one is plugged in. */
static int attach_port(struct maker *m, const struct item *port, const struct item *server, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/servers/%s/os-interface", server->id);
	CLEANUP_FREE char *what = xasprintf("plug port \"%s\" into its server", port->name);
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct json_object *fields = json_object_new_object();
	struct cloud_call call = {
		.service = CLOUD_COMPUTE, .method = "POST", .path = path, .body = body, .retry = RETRY_B, .what = what};

	json_add_str(fields, "port_id", port->id);
	json_add(body, "interfaceAttachment", fields);
	if (!port_is_loose(port->json))
		return 0;
	if (port_reread(m, port->name, err) < 0) /* as with volumes: the look may be from before the server was built */
		return -1;
	if (!port_is_loose(view_find(m->view, KIND_PORT, port->name)->json))
		return 0;
	return cloud_call(m->cloud, &call, &answer, NULL, NULL, err);
}

static int attach_ports(struct maker *m, const struct plan_node *node, const struct item *server, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	port_names(m, node, &names);
	for (size_t i = 0; i < names.n; i++) {
		const struct item *port = view_find(m->view, KIND_PORT, names.v[i]);

		if (port != NULL && attach_port(m, port, server, err) < 0)
			return -1;
	}
	return 0;
}

static int raise_node(struct maker *m, size_t i, const struct item *before, struct error **err)
{
	const struct plan_node *node = &m->plan->nodes[i];
	bool fine = before != NULL && server_judge(before->json, NULL) == SERVER_FINE;
	const struct item *server;

	if (!fine) {
		event_begin(m->job->events, node->node.name, "server");
		if (bring_up(m, i, err) < 0)
			return -1;
		event_end(m->job->events, node->node.name, "server");
	}
	server = view_find(m->view, KIND_SERVER, node->node.name);
	if (before != NULL && strcmp(before->id, server->id) == 0 &&
	    (attach_ports(m, node, server, err) < 0 || attach_volumes(m, node, server, err) < 0))
		return -1;
	make_tell(m, i, NODE_ACTIVE, server->id, NULL);
	return 0;
}

/* Failures that are one server's own: without a worker the cluster still comes up. */
static bool concerns_one(const struct plan_node *node, const struct error *failure)
{
	static const enum error_kind kinds[] = {ERROR_REMOTE, ERROR_QUOTA, ERROR_CONFLICT, ERROR_TIMEOUT, ERROR_NOT_FOUND};

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && node->node.role == NODE_WORKER; i++)
		if (error_is(failure, kinds[i]))
			return true;
	return false;
}

static int make_server(size_t i, void *context, struct error **err)
{
	struct maker *m = context;
	const struct plan_node *node = &m->plan->nodes[i];
	const struct item *before = view_find(m->view, KIND_SERVER, node->node.name);
	CLEANUP_ERROR struct error *failure = NULL;
	int r = raise_node(m, i, before, &failure);

	if (leads(node))
		leader_is_done(m);
	if (r == 0)
		return 0;
	if (!error_is(failure, ERROR_CANCELLED)) {
		make_tell(m, i, NODE_FAILED, view_id(m->view, KIND_SERVER, node->node.name), error_message(failure));
		event_fail(m->job->events, node->node.name, "server", error_message(failure));
	}
	if (concerns_one(node, failure))
		return 0;
	make_stop(m);
	return error_move(err, steal_ptr(failure));
}

/* A thread for each server, in the plan's order: the registry and the control plane are asked for first. */
int make_servers(void *context, struct error **err)
{
	struct maker *m = context;

	count_leaders(m);
	return parallel_for(m->plan->n_nodes, 0, make_server, m, NULL, err);
}
