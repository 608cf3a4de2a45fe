#include "provision/needs.h"
#include "core/base/alloc.h"
#include "provision/body.h"
#include "provision/pick.h"
#include "provision/preflight.h"
#include "provision/rules.h"
#include "provision/withdraw.h"

enum {
	RULES_OF_A_NEW_GROUP = 2, /* neutron lets everything out: one rule for IPv4, one for IPv6 */
	DHCP_PORTS = 1,		  /* neutron's dhcp_agents_per_network, unless the operator changed it */
	BALANCER_PORTS = 1	  /* octavia makes the one with a load balancer's address in the project */
};

static void add_server(struct needs *n, struct view *view, const struct plan_node *node)
{
	struct json_object *flavor = pick_flavor(view, node->flavor);

	n->cores += preflight_amount(flavor, "vcpus", 0);
	n->ram_mib += preflight_amount(flavor, "ram", 0);
}

static void add_volume(struct needs *n, const struct plan_node *node, const struct volume_spec *spec)
{
	array_grow(n->volumes, n->n_volumes, n->cap_volumes);
	n->volumes[n->n_volumes++] = (struct needs_volume){.name_of = node->node.name, .type = spec->type, .gib = spec->size_gib};
	n->gib += spec->size_gib;
}

/* The volume of that name, which is one of some node's. */
static void find_volume(struct needs *n, const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *node = &plan->nodes[i];
		CLEANUP_FREE char *root = name_root(node);

		if (strcmp(root, name) == 0)
			add_volume(n, node, &node->root);
		for (size_t v = 0; v < node->n_volumes; v++)
			if (strcmp(node->volumes[v].name, name) == 0)
				add_volume(n, node, &node->volumes[v].spec);
	}
}

static void count_rules(struct needs *n, const struct plan *plan, struct view *view)
{
	n->rules = n->kinds[KIND_GROUP] * RULES_OF_A_NEW_GROUP;
	for (size_t i = 0; i < plan->n_rules; i++) {
		CLEANUP_FREE char *group = name_group(plan, plan->rules[i].group);
		const struct item *it = view_find(view, KIND_GROUP, group);
		struct rule_wanted w = rule_resolve(plan, view, &plan->rules[i]);

		n->rules += it == NULL || rule_find(&w, it->json) == NULL;
	}
}

/* The server's flavor as nova tells it: in the server itself from 2.47 on, by its id before. */
static int64_t flavor_amount(struct view *view, struct json_object *server, const char *key)
{
	struct json_object *flavor = json_at(server, "flavor");
	const char *id = json_get_str(flavor, "id", NULL);

	if (json_at(flavor, key) == NULL && id != NULL)
		flavor = pick_flavor(view, id);
	return preflight_amount(flavor, key, 0);
}

static void free_volume(struct needs *n, const struct item *it)
{
	int64_t gib = preflight_amount(it->json, "size", 0);

	array_grow(n->volumes, n->n_volumes, n->cap_volumes);
	n->volumes[n->n_volumes++] = (struct needs_volume){.name_of = it->name, .type = json_get_str(it->json, "volume_type", NULL), .gib = gib, .freed = true};
	n->gib -= gib;
}

static void count_freed(struct needs *n, const struct plan *plan, struct view *view)
{
	static const enum kind kinds[] = {KIND_SERVER, KIND_PORT, KIND_FLOATING_IP, KIND_VOLUME};

	for (size_t k = 0; k < ARRAY_SIZE(kinds) && plan->first.n > 0; k++) {
		size_t count = 0;
		CLEANUP_FREE const struct item **items = view_all(view, kinds[k], &count);

		for (size_t i = 0; i < count; i++) {
			const char *owner = withdraw_owner(plan, items[i]);

			if (owner == NULL || !strv_has(&plan->first, owner))
				continue;
			n->kinds[kinds[k]]--;
			if (kinds[k] == KIND_VOLUME)
				free_volume(n, items[i]);
			if (kinds[k] != KIND_SERVER)
				continue;
			n->cores -= flavor_amount(view, items[i]->json, "vcpus");
			n->ram_mib -= flavor_amount(view, items[i]->json, "ram");
		}
	}
}

int needs_count(const struct plan *plan, struct view *view, struct needs *ret, struct error **err)
{
	CLEANUP(changes_free) struct changes changes = {0};

	if (provision_compare(plan, view, &changes, err) < 0)
		return -1;
	for (size_t i = 0; i < changes.n; i++) {
		const struct change *c = &changes.items[i];
		enum kind kind = kind_of_name(c->kind);

		if (c->action != CHANGE_CREATE)
			continue;
		ret->kinds[kind]++;
		if (kind == KIND_SERVER && plan_find(plan, c->name) != NULL)
			add_server(ret, view, plan_find(plan, c->name));
		else if (kind == KIND_VOLUME)
			find_volume(ret, plan, c->name);
	}
	count_freed(ret, plan, view);
	ret->ports = ret->kinds[KIND_PORT] + ret->kinds[KIND_NETWORK] * DHCP_PORTS + ret->kinds[KIND_BALANCER] * BALANCER_PORTS;
	count_rules(ret, plan, view);
	return 0;
}

void needs_free(struct needs *n)
{
	free(n->volumes);
	*n = (struct needs){0};
}
