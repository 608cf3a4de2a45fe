#include "core/base/alloc.h"
#include "provision/api.h"
#include "provision/balancer.h"
#include "provision/body.h"
#include "provision/drift.h"
#include "provision/existing.h"
#include "provision/fixed.h"
#include "provision/nics.h"
#include "provision/pick.h"
#include "provision/retire.h"
#include "provision/rules.h"
#include "provision/withdraw.h"

struct comparison {
	const struct plan *plan;
	struct view *view;
	struct changes *changes;
	struct strv wanted[KIND_COUNT]; /* names; what is marked and not among them is too much */
	bool nics;			/* there are ports besides the first of a node, or are to be */
	size_t spares;			/* floating IPs that are given to another port */
};

void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].kind);
		free(c->items[i].name);
		free(c->items[i].reason);
		free(c->items[i].node);
	}
	free(c->items);
	*c = (struct changes){0};
}

struct change *changes_add(struct changes *c, enum change_action action, const char *kind, const char *name, char *reason)
{
	array_grow(c->items, c->n, c->cap);
	c->items[c->n] = (struct change){.action = action, .kind = xstrdup(kind), .name = xstrdup(name), .reason = reason};
	return &c->items[c->n++];
}

/* Takes reason. */
static struct change *add(struct changes *c, enum change_action action, enum kind kind, const char *name, char *reason)
{
	return changes_add(c, action, kind_info(kind)->name, name, reason);
}

/* Notes the name as wanted; the item, or NULL and a CHANGE_CREATE. */
static const struct item *want(struct comparison *c, enum kind kind, const char *name)
{
	const struct item *it = view_find(c->view, kind, name);

	strv_add(&c->wanted[kind], name);
	if (it == NULL)
		add(c->changes, CHANGE_CREATE, kind, name, NULL);
	return it;
}

/* drift: fields for an update, of which only the reason is told; takes both */
static void update(struct comparison *c, const struct item *it, struct json_object *drift, char **reason)
{
	if (drift != NULL)
		add(c->changes, CHANGE_UPDATE, it->kind, it->name, steal_ptr(*reason));
	json_object_put(drift);
}

/* What cannot be changed in place, one change a reason; frees the reasons. */
static void leave(struct comparison *c, const struct item *it, struct strv *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		add(c->changes, CHANGE_MANUAL, it->kind, it->name, xstrdup(reasons->v[i]));
	strv_free(reasons);
}

/* Takes reason: a new node in its place takes it away. */
static void replace(struct comparison *c, const struct plan_node *node, const struct item *it, bool broken, char *reason)
{
	struct change *change = add(c->changes, CHANGE_REPLACE, it->kind, it->name, reason);

	change->node = xstrdup(node->node.name);
	change->broken = broken;
}

static void replace_or_leave(struct comparison *c, const struct plan_node *node, const struct item *it, struct fixed *fixed)
{
	for (size_t i = 0; i < fixed->replaced.n; i++)
		replace(c, node, it, false, xstrdup(fixed->replaced.v[i]));
	leave(c, it, &fixed->left);
	fixed_clear(fixed);
}

static void compare_subnet(struct comparison *c, const struct item *it)
{
	struct strv fixed = STRV_INIT;
	char *reason = NULL;

	update(c, it, drift_subnet(c->plan, it->json, &reason), &reason);
	fixed_subnet(c->plan, it->json, &fixed);
	leave(c, it, &fixed);
}

static void compare_network(struct comparison *c)
{
	const char *name = c->plan->spec->name, *external_id = json_get_str(pick_external(c->view, c->plan), "id", NULL);
	const struct item *it;
	char *reason = NULL;

	if (c->plan->own_network) {
		want(c, KIND_NETWORK, name);
		it = want(c, KIND_SUBNET, name);
		if (it != NULL)
			compare_subnet(c, it);
	}
	it = c->plan->own_router ? want(c, KIND_ROUTER, name) : NULL;
	if (it != NULL)
		update(c, it, drift_router(it->json, external_id, &reason), &reason);
}

/* Marks what goes last, when all servers were reached in the way that the file wants. */
static void retired(struct change *change)
{
	change->reason = xstrdup("served another way to the servers: goes when all were reached in that of the file");
	change->leaving = change->retired = true;
}

static void add_retired_rule(struct comparison *c, const struct item *group, struct json_object *had)
{
	CLEANUP_FREE char *text = rule_describe_had(c->view, had), *name = xasprintf("\"%s\" of %s", text, group->name);

	retired(changes_add(c->changes, CHANGE_DELETE, CHANGE_KIND_RULE, name, NULL));
}

static void compare_rules(struct comparison *c, const char *group, const struct item *it)
{
	CLEANUP_JSON struct json_object *extra = rules_extra(c->plan, c->view, group, RULE_OTHER);
	CLEANUP_JSON struct json_object *of_ways = rules_extra(c->plan, c->view, group, RULE_SSH);

	for (size_t i = 0; i < c->plan->n_rules; i++) {
		struct rule_wanted w = rule_resolve(c->plan, c->view, &c->plan->rules[i]);
		CLEANUP_FREE char *text = rule_describe(&c->plan->rules[i]);

		if (strcmp(c->plan->rules[i].group, group) == 0 && rule_find(&w, it->json) == NULL)
			add(c->changes, CHANGE_UPDATE, KIND_GROUP, it->name, xasprintf("lacks the rule \"%s\"", text));
	}
	for (size_t i = 0; i < json_len(extra); i++) {
		CLEANUP_FREE char *text = rule_describe_had(c->view, json_object_array_get_idx(extra, i));

		add(c->changes, CHANGE_UPDATE, KIND_GROUP, it->name,
		    xasprintf("has the rule \"%s\", which the file does not want", text));
	}
	for (size_t i = 0; i < json_len(of_ways); i++)
		add_retired_rule(c, it, json_object_array_get_idx(of_ways, i));
}

static void compare_groups(struct comparison *c)
{
	for (size_t i = 0; i < c->plan->groups.n; i++) {
		CLEANUP_FREE char *name = name_group(c->plan, c->plan->groups.v[i]);
		const struct item *it = want(c, KIND_GROUP, name);

		if (it != NULL)
			compare_rules(c, c->plan->groups.v[i], it);
	}
	for (size_t i = 0; i < c->plan->n_server_groups; i++) {
		CLEANUP_FREE char *name = name_server_group(c->plan, c->plan->server_groups[i].name, c->view->uuid);

		want(c, KIND_SERVER_GROUP, name);
	}
}

static void compare_gateway(struct comparison *c)
{
	CLEANUP_FREE char *name = name_gateway(c->plan);
	const struct item *it = c->plan->own_network ? want(c, KIND_PORT, name) : NULL;
	const char *router = router_id_of(c->plan, c->view);

	if (it != NULL && router != NULL && strcmp(json_get_str(it->json, "device_id", ""), router) != 0)
		add(c->changes, CHANGE_UPDATE, KIND_PORT, name, xstrdup("is not plugged into the router"));
}

/* It may hold what nobody else has: only workers are replaced. */
static void compare_broken(struct comparison *c, const struct plan_node *node, const struct item *it, const char *fault)
{
	if (node->node.role == NODE_WORKER)
		replace(c, node, it, true, xasprintf("is %s", fault));
	else
		add(c->changes, CHANGE_REPLACE, KIND_SERVER, it->name,
		    xasprintf("is %s and ran before; apply leaves it: look at it in the cloud", fault));
}

static void compare_server(struct comparison *c, const struct plan_node *node, const struct item *it)
{
	CLEANUP_FREE char *fault = server_fault(it->json);

	switch (server_judge(it->json, NULL)) {
	case SERVER_FINE:
		return;
	case SERVER_WAIT:
		add(c->changes, CHANGE_UPDATE, KIND_SERVER, it->name, xasprintf("is %s; waited for", fault));
		return;
	case SERVER_START:
		add(c->changes, CHANGE_UPDATE, KIND_SERVER, it->name, xasprintf("is %s; will be started", fault));
		return;
	case SERVER_REMAKE:
		add(c->changes, CHANGE_REPLACE, KIND_SERVER, it->name,
		    xasprintf("%s; it never ran and will be made again", fault));
		return;
	case SERVER_BROKEN:
		compare_broken(c, node, it, fault);
		return;
	}
}

static void compare_size(struct comparison *c, const struct item *volume, const struct volume_spec *wanted)
{
	struct strv fixed = STRV_INIT;

	fixed_volume(wanted, volume->json, &fixed);
	leave(c, volume, &fixed);
}

static void compare_volumes(struct comparison *c, const struct plan_node *node, const struct item *server)
{
	for (size_t i = 0; i < node->n_volumes; i++) {
		const char *name = node->volumes[i].name;
		const struct item *volume = want(c, KIND_VOLUME, name);

		if (volume != NULL && server != NULL && strcmp(json_get_str(volume->json, "status", ""), "available") == 0)
			add(c->changes, CHANGE_UPDATE, KIND_VOLUME, name, xasprintf("is not attached to %s", node->node.name));
		if (volume != NULL)
			compare_size(c, volume, &node->volumes[i].spec);
	}
}

static void compare_port(struct comparison *c, const struct plan_node *node, const struct item *server)
{
	const struct item *port = want(c, KIND_PORT, node->node.name);
	char *reason = NULL;

	if (port == NULL)
		return;
	update(c, port, drift_port(c->plan, c->view, node, port->json, &reason), &reason);
	if (server != NULL && port_is_loose(port->json))
		add(c->changes, CHANGE_UPDATE, KIND_PORT, port->name, xstrdup("is not plugged into its server"));
}

static void compare_nic(struct comparison *c, const struct plan_node *node, const struct item *server, const char *name)
{
	const struct item *port = view_find(c->view, KIND_PORT, name);
	char *reason = NULL;

	if (server == NULL)
		want(c, KIND_PORT, name);
	else if (port != NULL)
		strv_add(&c->wanted[KIND_PORT], name);
	if (port == NULL)
		return;
	update(c, port, drift_nic(c->plan, c->view, node, port->json, &reason), &reason);
	if (server != NULL && port_is_loose(port->json))
		add(c->changes, CHANGE_UPDATE, KIND_PORT, name, xstrdup("is not plugged into its server"));
}

/* A server that never ran is made again, with the networks that the file wants then. */
static void compare_nics(struct comparison *c, const struct plan_node *node, const struct item *server)
{
	CLEANUP_STRV struct strv networks = STRV_INIT, ports = STRV_INIT;
	struct fixed fixed = {STRV_INIT, STRV_INIT};

	if (server != NULL && server_judge(server->json, NULL) == SERVER_REMAKE)
		server = NULL;
	nics_of(c->view, node, &networks, &ports);
	for (size_t i = 0; i < ports.n; i++)
		compare_nic(c, node, server, ports.v[i]);
	if (server == NULL || !c->nics)
		return;
	nics_fixed(c->view, node, &fixed, &c->wanted[KIND_PORT]);
	replace_or_leave(c, node, server, &fixed);
}

/* One of ours that serves no node is taken rather than a new one made: it may be the address that people know. */
static void compare_floating_ip(struct comparison *c, const struct plan_node *node)
{
	const struct item *spare;

	if (!node->floating_ip || view_find(c->view, KIND_FLOATING_IP, node->node.name) != NULL ||
	    (spare = pick_spare_floating_ip(c->view, c->plan, c->spares)) == NULL) {
		if (node->floating_ip)
			want(c, KIND_FLOATING_IP, node->node.name);
		return;
	}
	c->spares++;
	strv_add(&c->wanted[KIND_FLOATING_IP], spare->name);
	add(c->changes, CHANGE_UPDATE, KIND_FLOATING_IP, node->node.name,
	    xasprintf("%s points to %s, and will point to this node again", json_get_str(spare->json, "floating_ip_address", "?"),
		      json_get_str(spare->json, "port_id", NULL) != NULL ? "another port" : "no port"));
}

static void compare_balancer(struct comparison *c, const char *name)
{
	const struct item *it = want(c, KIND_BALANCER, name);
	struct balancer_change next = {0};
	const char *why = NULL, *had;

	if (it == NULL)
		return;
	switch (balancer_judge(it->json, &why)) {
	case BALANCER_WAIT:
		add(c->changes, CHANGE_UPDATE, KIND_BALANCER, name, xasprintf("is %s; waited for", why));
		return;
	case BALANCER_REMAKE:
		add(c->changes, CHANGE_REPLACE, KIND_BALANCER, name, xasprintf("is %s; will be made again", why));
		return;
	case BALANCER_FINE:
		break;
	}
	if (balancer_next(c->plan, it->json, subnet_id_of(c->plan, c->view), &next))
		add(c->changes, CHANGE_UPDATE, KIND_BALANCER, name, xstrdup(next.reason));
	balancer_change_clear(&next);
	had = json_get_str(it->json, "vip_address", c->plan->api_inside);
	if (strcmp(had, c->plan->api_inside) != 0)
		add(c->changes, CHANGE_MANUAL, KIND_BALANCER, name,
		    xasprintf("has the address %s, the file wants %s, which no load balancer takes later: write %s, or delete it in the cloud, and apply makes a new one",
			      had, c->plan->api_inside, had));
}

/* What has the API's own address, in the order in which they stand behind each other. */
static void compare_api(struct comparison *c)
{
	CLEANUP_FREE char *name = name_api(c->plan);
	const struct item *port = c->plan->spec->api.endpoint == API_VIP ? want(c, KIND_PORT, name) : NULL, *ip;
	char *reason = NULL;

	if (c->plan->spec->api.endpoint == API_OCTAVIA)
		compare_balancer(c, name);
	if (port != NULL)
		update(c, port, drift_api_port(c->plan, c->view, port->json, &reason), &reason);
	if (!c->plan->api_floating_ip)
		return;
	ip = pick_api_floating_ip(c->view, c->plan);
	if (ip == NULL) {
		want(c, KIND_FLOATING_IP, name);
		return;
	}
	c->spares += ip == pick_spare_floating_ip(c->view, c->plan, 0);
	strv_add(&c->wanted[KIND_FLOATING_IP], ip->name);
	update(c, ip, drift_floating_ip(ip->json, api_port_id(c->plan, c->view), &reason), &reason);
}

static void compare_root(struct comparison *c, const struct plan_node *node, const struct item *server)
{
	CLEANUP_FREE char *name = name_root(node);
	const struct item *volume = view_find(c->view, KIND_VOLUME, name);
	struct fixed fixed = {STRV_INIT, STRV_INIT};

	if (root_wanted(node, server))
		volume = want(c, KIND_VOLUME, name);
	else if (server != NULL && volume != NULL) /* the server runs on it, whatever the file says now */
		strv_add(&c->wanted[KIND_VOLUME], name);
	if (volume != NULL && node->root.size_gib > 0)
		fixed_root(c->view, node, server != NULL ? server->json : NULL, volume->json, &fixed);
	if (volume != NULL)
		replace_or_leave(c, node, volume, &fixed);
}

static void compare_node(struct comparison *c, const struct plan_node *node)
{
	const struct item *server = view_find(c->view, KIND_SERVER, node->node.name);
	struct fixed fixed = {STRV_INIT, STRV_INIT};

	compare_port(c, node, server);
	compare_nics(c, node, server);
	compare_floating_ip(c, node);
	compare_root(c, node, server);
	server = want(c, KIND_SERVER, node->node.name);
	if (server != NULL) {
		compare_server(c, node, server);
		fixed_server(c->view, node, server->json, &fixed);
		replace_or_leave(c, node, server, &fixed);
	}
	compare_volumes(c, node, server);
}

/* A second server may be in use, and what nobody wants any more may hold what somebody needs. */
static enum change_action extra_action(const struct item *it, bool wanted)
{
	bool used = it->kind == KIND_SERVER && strcmp(json_get_str(it->json, "status", ""), "ERROR") != 0;

	return wanted && !used ? CHANGE_DELETE : CHANGE_MANUAL;
}

static char *extra_reason(const struct item *it, bool wanted)
{
	if (wanted)
		return xasprintf("%s is a second one of that name", it->id);
	if (it->kind == KIND_SERVER)
		return xstrdup("the file no longer wants it: drain it (kubectl drain), then delete server, port and volumes in the cloud");
	return xstrdup("the file no longer wants it: delete it in the cloud where nobody needs it");
}

static void add_leaving(struct comparison *c, const struct item *it)
{
	add(c->changes, CHANGE_DELETE, it->kind, it->name, xasprintf("goes with node %s", withdraw_owner(c->plan, it)))->leaving = true;
}

/* It goes with the last of its servers, of which something is said. */
static bool is_used_group(const struct item *it)
{
	return it->kind == KIND_SERVER_GROUP && json_len(json_at(it->json, "members")) > 0;
}

static void compare_extra(struct comparison *c)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(c->view, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++) {
			bool wanted = strv_has(&c->wanted[kind], all[i]->name);

			if ((wanted && !all[i]->duplicate) || (!wanted && is_used_group(all[i])))
				continue;
			if (!wanted && withdraw_takes(c->plan, all[i]))
				add_leaving(c, all[i]);
			else if (!wanted && retire_takes(c->plan, all[i]))
				retired(add(c->changes, CHANGE_DELETE, all[i]->kind, all[i]->name, NULL));
			else
				add(c->changes, extra_action(all[i], wanted), (enum kind)kind, all[i]->name,
				    extra_reason(all[i], wanted));
		}
	}
}

int provision_compare(const struct plan *plan, struct view *view, struct changes *ret, struct error **err UNUSED)
{
	struct comparison c = {.plan = plan, .view = view, .changes = ret, .nics = nics_any(plan, view)};
	bool unborn = view->uuid == NULL; /* server groups and the keypair are named after it */
	CLEANUP_FREE char *keypair = NULL;

	if (unborn)
		view->uuid = xstrdup("");
	keypair = name_keypair(plan, view->uuid);
	want(&c, KIND_KEYPAIR, keypair);
	compare_network(&c);
	compare_groups(&c);
	compare_gateway(&c);
	compare_api(&c);
	for (size_t i = 0; i < plan->n_nodes; i++)
		compare_node(&c, &plan->nodes[i]);
	compare_extra(&c);
	for (size_t i = 0; i < KIND_COUNT; i++)
		strv_free(&c.wanted[i]);
	if (unborn) {
		free(view->uuid);
		view->uuid = NULL;
	}
	return 0;
}
