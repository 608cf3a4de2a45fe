#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "provision/drift.h"
#include "provision/existing.h"
#include "provision/nics.h"
#include "provision/pick.h"
#include "provision/steps.h"
#include <assert.h>

enum { GATEWAY_WAIT_MS = 60000 };

static const char *network_id(struct maker *m)
{
	const char *id = network_id_of(m->plan, m->view);

	assert(id != NULL);
	return id;
}

static const char *subnet_id(struct maker *m)
{
	const char *id = subnet_id_of(m->plan, m->view);

	assert(id != NULL);
	return id;
}

int make_network(void *context, struct error **err)
{
	struct maker *m = context;

	if (!m->plan->own_network)
		return 0;
	return make_one(m, KIND_NETWORK, m->plan->spec->name, body_network(m->plan, m->mark), err);
}

int make_subnet(void *context, struct error **err)
{
	struct maker *m = context;
	const char *name = m->plan->spec->name;
	CLEANUP_FREE char *reason = NULL;
	struct json_object *fields;

	if (!m->plan->own_network)
		return 0;
	if (make_one(m, KIND_SUBNET, name, body_subnet(m->plan, m->mark, network_id(m)), err) < 0)
		return -1;
	fields = drift_subnet(m->plan, view_find(m->view, KIND_SUBNET, name)->json, &reason);
	return fields != NULL ? make_update(m, view_find(m->view, KIND_SUBNET, name), fields, err) : 0;
}

int make_router(void *context, struct error **err)
{
	struct maker *m = context;
	const char *name = m->plan->spec->name;
	CLEANUP_FREE char *reason = NULL;
	struct json_object *fields;

	if (!m->plan->own_router)
		return 0;
	if (make_one(m, KIND_ROUTER, name, body_router(m->plan, m->mark, m->external_id), err) < 0)
		return -1;
	fields = drift_router(view_find(m->view, KIND_ROUTER, name)->json, m->external_id, &reason);
	return fields != NULL ? make_update(m, view_find(m->view, KIND_ROUTER, name), fields, err) : 0;
}

static void node_group_ids(struct maker *m, const struct plan_node *node, struct strv *ret)
{
	for (size_t i = 0; i < node->groups.n; i++) {
		CLEANUP_FREE char *name = name_group(m->plan, node->groups.v[i]);

		strv_add(ret, made_id(m, KIND_GROUP, name));
	}
	existing_group_ids(m->view, node, ret);
}

struct wants {
	struct want *items;
	size_t n, cap;
	struct strv names; /* that are nobody else's */
};

static void add_want(struct wants *w, const char *name, struct json_object *body)
{
	array_grow(w->items, w->n, w->cap);
	w->items[w->n++] = (struct want){name, body};
}

static void add_nics(struct maker *m, const struct plan_node *node, const struct strv *groups, struct wants *ret)
{
	CLEANUP_STRV struct strv networks = STRV_INIT, ports = STRV_INIT;

	nics_of(m->view, node, &networks, &ports);
	for (size_t i = 0; i < ports.n; i++) {
		const char *network = networks.v[i];

		strv_add(&ret->names, ports.v[i]);
		add_want(ret, ret->names.v[ret->names.n - 1],
			 body_nic(ports.v[i], m->mark, network, nics_is_guarded(m->view, network) ? groups : NULL,
				  nics_has_routes(m->view, network)));
	}
}

/* One by one: neutron (Zed's ML2, create_port_bulk) forgets the DHCP options of ports that are made together. */
static int make_wanted_nics(struct maker *m, struct wants *w, struct error **err)
{
	int r = make_singly(m, KIND_PORT, w->items, w->n, err);

	free(w->items);
	strv_free(&w->names);
	return r;
}

/* All nodes' ports, the router's and the API's, in one call. */
static int make_first_ports(struct maker *m, struct error **err)
{
	struct wants wants = {.names = STRV_INIT};
	CLEANUP_FREE char *gateway = name_gateway(m->plan), *api = name_api(m->plan);
	int r;

	for (size_t i = 0; i < m->plan->n_nodes; i++) {
		const struct plan_node *node = &m->plan->nodes[i];
		CLEANUP_STRV struct strv groups = STRV_INIT;

		node_group_ids(m, node, &groups);
		add_want(&wants, node->node.name, body_port(m->plan, node, m->mark, network_id(m), subnet_id(m), &groups));
	}
	if (m->plan->own_network)
		add_want(&wants, gateway, body_gateway(m->plan, m->mark, network_id(m), subnet_id(m)));
	if (m->plan->spec->api.endpoint == API_VIP)
		add_want(&wants, api, body_api_port(m->plan, m->mark, network_id(m), subnet_id(m)));
	r = make_all(m, KIND_PORT, wants.items, wants.n, err);
	free(wants.items);
	return r;
}

/* Of servers that are there only the first port is made: they keep the networks that they were made with. */
int make_ports(void *context, struct error **err)
{
	struct maker *m = context;
	struct wants nics = {.names = STRV_INIT};

	if (make_first_ports(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->plan->n_nodes; i++) {
		const struct plan_node *node = &m->plan->nodes[i];
		CLEANUP_STRV struct strv groups = STRV_INIT;

		node_group_ids(m, node, &groups);
		if (view_find(m->view, KIND_SERVER, node->node.name) == NULL)
			add_nics(m, node, &groups, &nics);
	}
	return make_wanted_nics(m, &nics, err);
}

int make_nics(struct maker *m, const struct plan_node *node, struct error **err)
{
	struct wants wants = {.names = STRV_INIT};
	CLEANUP_STRV struct strv groups = STRV_INIT;

	node_group_ids(m, node, &groups);
	add_nics(m, node, &groups, &wants);
	return make_wanted_nics(m, &wants, err);
}

static int update_nics(struct maker *m, const struct plan_node *node, struct error **err)
{
	CLEANUP_STRV struct strv networks = STRV_INIT, ports = STRV_INIT;

	nics_of(m->view, node, &networks, &ports);
	for (size_t i = 0; i < ports.n; i++) {
		const struct item *port = view_find(m->view, KIND_PORT, ports.v[i]);
		CLEANUP_FREE char *reason = NULL;
		struct json_object *fields = port != NULL ? drift_nic(m->plan, m->view, node, port->json, &reason) : NULL;

		if (fields != NULL && make_update(m, port, fields, err) < 0)
			return -1;
	}
	return 0;
}

static int update_port(size_t i, void *context, struct error **err)
{
	struct maker *m = context;
	const struct plan_node *node = &m->plan->nodes[i];
	const struct item *port = view_find(m->view, KIND_PORT, node->node.name);
	CLEANUP_FREE char *reason = NULL;
	struct json_object *fields = drift_port(m->plan, m->view, node, port->json, &reason);

	return (fields != NULL && make_update(m, port, fields, err) < 0) || update_nics(m, node, err) < 0 ? -1 : 0;
}

static int update_api_port(struct maker *m, struct error **err)
{
	CLEANUP_FREE char *name = name_api(m->plan), *reason = NULL;
	const struct item *port = m->plan->spec->api.endpoint == API_VIP ? view_find(m->view, KIND_PORT, name) : NULL;
	struct json_object *fields = port != NULL ? drift_api_port(m->plan, m->view, port->json, &reason) : NULL;

	return fields != NULL ? make_update(m, port, fields, err) : 0;
}

/* Also of those just made: neutron up to 21 at least forgets allowed_address_pairs when it makes many ports in one call. */
int update_ports(void *context, struct error **err)
{
	struct maker *m = context;

	return parallel_for(m->plan->n_nodes, MAKE_WIDTH, update_port, m, NULL, err) < 0 ? -1 : update_api_port(m, err);
}

/* A repeat of a call that was applied is refused: neutron's PortInUse, a port of the router itself. */
static bool carries(struct maker *m, const struct item *port, const char *router_id)
{
	CLEANUP_JSON struct json_object *now = NULL;

	return kind_get(m->cloud, KIND_PORT, port->id, &now, NULL) == 0 &&
	       strcmp(json_get_str(now, "device_id", ""), router_id) == 0;
}

/* On a router of somebody else's too: our port is all that it gets, and what is taken off it again. */
static int plug_in(struct maker *m, const struct item *port, const char *router_id, struct error **err)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	CLEANUP_ERROR struct error *failure = NULL;
	const char *name = m->plan->own_router ? m->plan->spec->name : m->plan->spec->network.existing.router;
	CLEANUP_FREE char *path = xasprintf("/routers/%s/add_router_interface", router_id);
	CLEANUP_FREE char *what = xasprintf("add an interface to router \"%s\"", name);
	struct cloud_call call = {
		.service = CLOUD_NETWORK, .method = "PUT", .path = path, .body = body, .retry = RETRY_B, .what = what};

	json_add_str(body, "port_id", port->id);
	if (cloud_call(m->cloud, &call, &answer, NULL, NULL, &failure) == 0 ||
	    strstr(error_message(failure), "already has a port on subnet") != NULL ||
	    (error_is(failure, ERROR_CONFLICT) && carries(m, port, router_id)))
		return 0;
	return error_move(err, steal_ptr(failure));
}

int make_interface(void *context, struct error **err)
{
	struct maker *m = context;
	CLEANUP_FREE char *gateway = name_gateway(m->plan);
	const struct item *port = view_find(m->view, KIND_PORT, gateway);
	const char *router_id = router_id_of(m->plan, m->view);

	if (!m->plan->own_network || strcmp(json_get_str(port->json, "device_id", ""), router_id) == 0)
		return 0;
	return plug_in(m, port, router_id, err);
}

static int use_spare(struct maker *m, const struct item *spare, const char *node, struct error **err)
{
	struct json_object *fields = json_object_new_object();

	json_add_str(fields, "port_id", made_id(m, KIND_PORT, node));
	return make_point_floating_ip(m, spare, fields, node, err);
}

/* Where l3 is slow the interface is not known yet at once: 404 ExternalGatewayForFloatingIPNotFound passes. */
static int make_floating_ip(struct maker *m, const char *node, struct error **err)
{
	int64_t deadline = clock_deadline(m->plan->own_network ? GATEWAY_WAIT_MS : 0), pause = 1000;

	for (;;) {
		CLEANUP_ERROR struct error *failure = NULL;
		struct json_object *body = body_floating_ip(m->mark, m->external_id, made_id(m, KIND_PORT, node));

		if (make_one(m, KIND_FLOATING_IP, node, body, &failure) == 0)
			return 0;
		if (strstr(error_message(failure), "ExternalGatewayForFloatingIPNotFound") == NULL || clock_ms() > deadline)
			return error_move(err, steal_ptr(failure));
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause += pause / 4;
	}
}

/* One after the other: none may be given twice. */
static int give_spares(struct maker *m, struct error **err)
{
	for (size_t i = 0; i < m->plan->n_nodes; i++) {
		const char *node = m->plan->nodes[i].node.name;
		const struct item *spare = pick_spare_floating_ip(m->view, m->plan, 0);

		if (spare == NULL)
			return 0;
		if (m->plan->nodes[i].floating_ip && view_find(m->view, KIND_FLOATING_IP, node) == NULL &&
		    use_spare(m, spare, node, err) < 0)
			return -1;
	}
	return 0;
}

static int give_floating_ip(size_t i, void *context, struct error **err)
{
	struct maker *m = context;
	const char *node = m->plan->nodes[i].node.name;
	const struct item *it;

	if (!m->plan->nodes[i].floating_ip)
		return 0;
	if (view_find(m->view, KIND_FLOATING_IP, node) == NULL && make_floating_ip(m, node, err) < 0)
		return -1;
	it = view_find(m->view, KIND_FLOATING_IP, node);
	make_tell_floating_ip(m, i, json_get_str(it->json, "floating_ip_address", NULL));
	return 0;
}

int make_floating_ips(void *context, struct error **err)
{
	struct maker *m = context;

	if (make_api_floating_ip(m, err) < 0 || give_spares(m, err) < 0)
		return -1;
	return parallel_for(m->plan->n_nodes, MAKE_WIDTH, give_floating_ip, m, NULL, err);
}
