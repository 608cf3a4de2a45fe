#include "core/cluster/plan.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include "core/cluster/address.h"
#include "core/cluster/members.h"
#include "core/cluster/msr.h"
#include "core/cluster/rules.h"

enum { GATEWAY = 1, REGISTRY = 4, BASTION = 5, BALANCER = 6, VIP = 7, FIRST_CONTROL_PLANE = 10, FIRST_WORKER = 20, PREFIX_MAX = 27 };

struct addresses {
	struct cidr cidr;
	bool *used; /* by offset from the base */
	uint32_t limit; /* offsets below it may be chosen */
};

static int prepare(struct addresses *a, const struct spec *spec, struct inventory *known, struct error **err)
{
	struct node *nodes;
	size_t n;

	if (cidr_parse(spec->network.cidr, &a->cidr, err) < 0)
		return -1;
	if (a->cidr.prefix > PREFIX_MAX || a->cidr.prefix < 8)
		return error_set(err, ERROR_CONFIG, "%s: network.cidr %s: a /8 to /%d is needed", spec->path, spec->network.cidr, PREFIX_MAX);
	a->limit = cidr_size(a->cidr) / 4 * 3;
	a->used = xnew_n(bool, a->limit);
	if (known == NULL)
		return 0;
	nodes = inventory_list(known, &n);
	for (size_t i = 0; i < n; i++) {
		uint32_t address;

		if (address_parse(nodes[i].address, &address, NULL) == 0 && cidr_has(a->cidr, address) &&
		    address - a->cidr.base < a->limit)
			a->used[address - a->cidr.base] = true;
	}
	node_list_free(nodes, n);
	return 0;
}

/* The address that the node has, or the first free one from `first` on; NULL where the network is full.  *ret_floating_ip: what it has. */
static char *choose(struct addresses *a, struct inventory *known, const char *name, uint32_t first, char **ret_floating_ip)
{
	struct node n = {0};

	if (known != NULL && inventory_get(known, name, &n)) {
		char *address = steal_ptr(n.address);

		*ret_floating_ip = steal_ptr(n.floating_ip);
		node_clear(&n);
		return address;
	}
	for (uint32_t i = first; i < a->limit && a->used != NULL; i++)
		if (!a->used[i]) {
			a->used[i] = true;
			return address_format(a->cidr.base + i);
		}
	return NULL;
}

static struct plan_node *add_node(struct plan *p, char *name, enum node_role role, const char *pool)
{
	struct plan_node *n;

	p->nodes = xrealloc(p->nodes, p->n_nodes + 1, sizeof(*p->nodes));
	n = &p->nodes[p->n_nodes++];
	*n = (struct plan_node){.node = {.name = name, .role = role, .pool = xstrdup(pool)}};
	return n;
}

/* Whether a server can be reached from outside by itself; the first control plane also for the API. */
static bool has_floating_ip(const struct spec *s, enum node_role role, int number)
{
	bool first = role == NODE_CONTROL_PLANE && number == 1;

	switch (s->access.bastion) {
	case BASTION_FLOATING_IPS:
		return true;
	case BASTION_CONTROL_PLANE:
		return first;
	case BASTION_SERVER:
		return role == NODE_BASTION || (first && s->api.endpoint == API_FLOATING_IP);
	case BASTION_NONE:
	case BASTION_HOST:
		break;
	}
	return first && s->api.endpoint == API_FLOATING_IP;
}

static void add_bastion(struct plan *p)
{
	struct plan_node *n;

	if (p->spec->access.bastion != BASTION_SERVER)
		return;
	n = add_node(p, xasprintf("%s-bastion", p->spec->name), NODE_BASTION, "bastion");
	n->flavor = p->spec->access.server.flavor;
	n->image = p->spec->openstack.image;
	n->root = p->spec->access.server.volume;
	n->floating_ip = has_floating_ip(p->spec, NODE_BASTION, 1);
	strv_add(&n->groups, "bastion");
}

static struct plan_volume *add_volume(struct plan_node *n)
{
	n->volumes = xrealloc(n->volumes, n->n_volumes + 1, sizeof(*n->volumes));
	n->volumes[n->n_volumes] = (struct plan_volume){0};
	return &n->volumes[n->n_volumes++];
}

static int by_mount(const void *a, const void *b)
{
	const struct plan_volume *x = a, *y = b;

	return strcmp(x->mount, y->mount);
}

/* Names and labels follow from the folder, so that the order in the file does not matter.  suid and devices are allowed:
 * containers' layers need them where the folder is containerd's. */
static void add_data_volumes(struct plan_node *n, const struct pool_spec *pool)
{
	for (size_t i = 0; i < pool->n_volumes; i++) {
		const struct data_volume_spec *data = &pool->volumes[i];
		struct plan_volume *v = add_volume(n);
		CLEANUP_FREE char *slug = path_slug(data->mount);
		char hex[DIGEST_HEX_LEN + 1] = "";

		digest_hex(data->mount, strlen(data->mount), hex);
		*v = (struct plan_volume){.name = xasprintf("%s-%s", n->node.name, slug),
					  .spec = data->volume,
					  .file_system = file_system_name(data->file_system),
					  .label = xasprintf("davit-%.6s", hex),
					  .options = "noatime",
					  .mount = xstrdup(data->mount)};
	}
	if (n->n_volumes > 1)
		qsort(n->volumes, n->n_volumes, sizeof(*n->volumes), by_mount);
}

static void add_registry(struct plan *p)
{
	struct plan_node *n = add_node(p, xasprintf("%s-registry", p->spec->name), NODE_REGISTRY, "registry");

	n->flavor = p->spec->registry.flavor;
	n->image = p->spec->registry.image != NULL ? p->spec->registry.image : p->spec->openstack.image;
	*add_volume(n) = (struct plan_volume){.name = xasprintf("%s-data", n->node.name),
					      .spec = p->spec->registry.volume,
					      .file_system = "ext4",
					      .label = xstrdup("davit-registry"),
					      .options = "noatime,nodev,nosuid",
					      .mount = xstrdup("/var/lib/davit-registry")};
	n->floating_ip = has_floating_ip(p->spec, NODE_REGISTRY, 1);
	strv_add(&n->groups, "registry");
}

/*
 * The group of a pool's i-th server (from 1), by its number alone, so that it stays in its group when the pool grows, and by its policy,
 * which no group can change: "w", "w.2", "w.anti-affinity.2".  Names of pools hold no dot: none is another pool's.
 */
static char *server_group(const struct pool_spec *pool, int i)
{
	int group = (i - 1) / pool->server_group_size + 1;
	bool usual = pool->server_group == SERVER_GROUP_SOFT_APART;
	CLEANUP_FREE char *first = NULL;

	if (pool->server_group == SERVER_GROUP_NONE)
		return NULL;
	first = usual ? xstrdup(pool->name) : xasprintf("%s.%s", pool->name, server_group_policy(pool->server_group));
	return group == 1 ? steal_ptr(first) : xasprintf("%s.%d", first, group);
}

static void add_server_group(struct plan *p, const struct pool_spec *pool, int number)
{
	CLEANUP_FREE char *name = server_group(pool, number);

	for (size_t i = 0; i < p->n_server_groups && name != NULL; i++)
		if (strcmp(p->server_groups[i].name, name) == 0)
			return;
	if (name == NULL)
		return;
	p->server_groups = xrealloc(p->server_groups, p->n_server_groups + 1, sizeof(*p->server_groups));
	p->server_groups[p->n_server_groups++] = (struct plan_server_group){steal_ptr(name), pool->server_group};
}

static void add_member(struct plan *p, const struct pool_spec *pool, enum node_role role, const char *stem, int number)
{
	struct plan_node *n = add_node(p, xasprintf("%s-%s-%d", p->spec->name, stem, number), role, pool->name);

	n->flavor = pool->flavor;
	n->image = pool->image != NULL ? pool->image : p->spec->openstack.image;
	n->root = pool->volume;
	add_data_volumes(n, pool);
	n->zone = members_zone(pool, number);
	n->server_group = server_group(pool, number);
	n->pool = pool;
	n->floating_ip = has_floating_ip(p->spec, role, number);
	strv_add(&n->groups, "node");
	if (role == NODE_CONTROL_PLANE)
		strv_add(&n->groups, "control-plane");
	if (msr_is_on(p->spec, &n->node))
		strv_add(&n->groups, "msr");
	add_server_group(p, pool, number);
}

static void add_control_planes(struct plan *p)
{
	for (int i = 1; i <= p->spec->control_plane.count; i++)
		add_member(p, &p->spec->control_plane, NODE_CONTROL_PLANE, "cp", i);
}

static void add_pool(struct plan *p, const struct pool_spec *pool, const struct node *known, size_t n)
{
	struct members members;

	members_find(p->spec, pool, known, n, &members);
	for (size_t i = 0; i < members.n; i++) {
		if (i < (size_t)pool->count)
			add_member(p, pool, NODE_WORKER, pool->name, members.numbers[i]);
		else
			strv_addf(&p->excess, "%s-%s-%d", p->spec->name, pool->name, members.numbers[i]);
	}
	free(members.numbers);
}

/* Nodes that are known and of which the plan has not become one. */
static void add_leaving(struct plan *p, const struct node *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (node_runs_kubernetes(known[i].role) && plan_find(p, known[i].name) == NULL)
			strv_add(&p->leaving, known[i].name);
}

static void add_pools(struct plan *p, struct inventory *known)
{
	size_t n = 0;
	struct node *nodes = known != NULL ? inventory_list(known, &n) : NULL;

	for (size_t i = 0; i < p->spec->n_pools; i++)
		add_pool(p, &p->spec->pools[i], nodes, n);
	add_leaving(p, nodes, n);
	node_list_free(nodes, n);
}

/* The API's own address: of none of the nodes, and beside those that DHCP gives. */
static void give_api_address(struct plan *p, struct inventory *known)
{
	const struct spec *s = p->spec;

	if (!spec_api_has_address(s))
		return;
	p->api_floating_ip = s->api.floating_ip;
	p->api_inside = s->api.address != NULL ? xstrdup(s->api.address)
					       : cidr_nth(s->network.cidr, s->api.endpoint == API_VIP ? VIP : BALANCER);
	p->api_outside = p->api_floating_ip && known != NULL ? inventory_api(known) : NULL;
}

static int give_addresses(struct plan *p, struct addresses *a, struct inventory *known, struct error **err)
{
	static const uint32_t first[] = {
		[NODE_REGISTRY] = REGISTRY, [NODE_BASTION] = BASTION, [NODE_CONTROL_PLANE] = FIRST_CONTROL_PLANE, [NODE_WORKER] = FIRST_WORKER};

	for (size_t i = 0; i < p->n_nodes; i++) {
		struct node *n = &p->nodes[i].node;

		n->address = choose(a, known, n->name, first[n->role], &n->floating_ip);
		if (n->address == NULL && p->own_network)
			return error_set(err, ERROR_CONFIG, "%s: network.cidr %s has no address left for %s; %zu servers are wanted",
					 p->spec->path, p->spec->network.cidr, n->name, p->n_nodes);
		if (n->role == NODE_REGISTRY)
			p->registry_address = xstrdup(n->address);
		if (n->role == NODE_CONTROL_PLANE && p->api_address == NULL)
			p->api_address = xstrdup(n->address);
	}
	return 0;
}

static int fill(struct plan *p, struct addresses *a, struct inventory *known, struct error **err)
{
	const struct spec *spec = p->spec;

	p->own_network = spec->network.existing.network == NULL;
	p->own_router = p->own_network && spec->network.existing.router == NULL;
	if (p->own_network) {
		if (prepare(a, spec, known, err) < 0)
			return -1;
		p->gateway = address_format(a->cidr.base + GATEWAY);
		p->allocation_start = address_format(a->cidr.base + a->limit);
		p->allocation_end = address_format(a->cidr.base + cidr_size(a->cidr) - 2);
	}
	p->api_service_ip = cidr_nth(spec->network.service_cidr, 1);
	p->dns_service_ip = cidr_nth(spec->network.service_cidr, 10);
	give_api_address(p, known);
	rules_make(p);
	add_bastion(p);
	add_registry(p);
	add_control_planes(p);
	add_pools(p, known);
	return give_addresses(p, a, known, err);
}

int plan_make(const struct spec *spec, struct inventory *known, struct plan **ret, struct error **err)
{
	struct plan *p = xnew(struct plan);
	struct addresses a = {0};
	int r;

	p->spec = spec;
	r = fill(p, &a, known, err);
	free(a.used);
	if (r < 0) {
		plan_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

bool plan_is_balanced(const struct plan *p)
{
	return p->spec->control_plane.count > 1;
}

bool plan_is_addressed(const struct plan *p)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].node.address == NULL)
			return false;
	return true;
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_rules; i++)
		free(p->rules[i].from_cidr);
	for (size_t i = 0; i < p->n_nodes; i++) {
		node_clear(&p->nodes[i].node);
		strv_free(&p->nodes[i].groups);
		free(p->nodes[i].server_group);
		for (size_t k = 0; k < p->nodes[i].n_volumes; k++) {
			free(p->nodes[i].volumes[k].name);
			free(p->nodes[i].volumes[k].label);
			free(p->nodes[i].volumes[k].mount);
		}
		free(p->nodes[i].volumes);
	}
	for (size_t i = 0; i < p->n_server_groups; i++)
		free(p->server_groups[i].name);
	free(p->server_groups);
	free(p->rules);
	free(p->nodes);
	free(p->gateway);
	free(p->allocation_start);
	free(p->allocation_end);
	free(p->api_service_ip);
	free(p->dns_service_ip);
	free(p->api_address);
	free(p->api_inside);
	free(p->api_outside);
	free(p->registry_address);
	strv_free(&p->groups);
	strv_free(&p->leaving);
	strv_free(&p->first);
	strv_free(&p->excess);
	free(p);
}

void plan_free_ptr(struct plan **p)
{
	plan_free(*p);
	*p = NULL;
}

const struct plan_node *plan_first(const struct plan *p)
{
	size_t i = 0;

	while (p->nodes[i].node.role != NODE_CONTROL_PLANE)
		i++;
	return &p->nodes[i];
}

const struct plan_node *plan_find(const struct plan *p, const char *node_name)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (strcmp(p->nodes[i].node.name, node_name) == 0)
			return &p->nodes[i];
	return NULL;
}
