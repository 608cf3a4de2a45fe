/* Network, subnet and router that the file names, and that davit neither makes nor changes. */
#include "provision/existing.h"
#include "provision/nics.h"
#include "provision/pick.h"
#include "provision/preflight.h"

#define NETWORK "spec.network.existing.network"
#define SUBNET "spec.network.existing.subnet"
#define ROUTER "spec.network.existing.router"
#define NETWORKS "one of the pool's networks"
#define GROUPS "one of the pool's securityGroups"

/* None of that name, or several: tells it, and returns false. */
static bool find_one(struct preflight *p, const char *what, const char *key, const char *name, struct json_object *list)
{
	CLEANUP_STRV struct strv names = STRV_INIT, ids = STRV_INIT;
	CLEANUP_FREE char *all = NULL;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(list, name, &n);

	for (size_t i = 0; i < json_len(list); i++)
		strv_add(&names, json_get_str(json_object_array_get_idx(list, i), "name", ""));
	for (size_t i = 0; i < n; i++)
		strv_add(&ids, json_get_str(found[i], "id", ""));
	strv_sort(&names);
	all = strv_join(&ids, ", ");
	if (n == 0)
		preflight_missing(p, what, key, name, &names, NULL);
	else if (n > 1)
		REFUSE(p, what, NULL, "write the id of the one that is meant", "%s \"%s\": the cloud has %zu of that name: %s", what, name,
		       n, all);
	return n == 1;
}

static void check_subnet_fits(struct preflight *p, struct json_object *subnet)
{
	const char *cidr = json_get_str(subnet, "cidr", ""), *name = json_get_str(subnet, "name", "");
	const char *wanted = p->plan->spec->network.cidr;
	CLEANUP_FREE char *fix = xasprintf("write network.cidr: %s", cidr);

	if (strcmp(cidr, wanted) != 0)
		REFUSE(p, "existing network", NULL, fix, "subnet \"%s\": its CIDR is %s, that of the file %s", name, cidr, wanted);
	else if (!json_get_bool(subnet, "enable_dhcp", true) && !p->plan->spec->openstack.config_drive)
		REFUSE(p, "existing network", "servers learn their address from a drive only then", "write openstack.configDrive: true",
		       "subnet \"%s\": has no DHCP", name);
	else
		PASS(p, "existing network", "subnet \"%s\" (%s)", name, cidr);
}

static void check_existing_network(struct preflight *p)
{
	const char *name = p->plan->spec->network.existing.network, *subnet_name = p->plan->spec->network.existing.subnet;
	struct json_object *subnet = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;
	size_t n;

	if (!find_one(p, "network", NETWORK, name, p->view->existing.networks))
		return;
	if (!json_get_bool(existing_network(p->plan, p->view), "port_security_enabled", true)) {
		REFUSE(p, "existing network", "security groups would protect nothing there", "have it switched on, or name another network",
		       "network \"%s\": port security is off in it", name);
		return;
	}
	n = existing_subnets(p->plan, p->view, &subnet, &names);
	all = strv_join(&names, ", ");
	if (n == 1)
		check_subnet_fits(p, subnet);
	else if (names.n == 0)
		REFUSE(p, "existing network", NULL,
		       "have its owner share the subnet with this project, make one, or name another network",
		       "network \"%s\": has no IPv4 subnet that the project may see", name);
	else if (n == 0)
		REFUSE(p, "existing network", NULL, "write the name or id of one as " SUBNET,
		       "subnet \"%s\": network \"%s\" has no such subnet; it has %s", subnet_name, name, all);
	else
		REFUSE(p, "existing network", NULL, "write the id of the one that is meant as " SUBNET,
		       "network \"%s\": the file can mean %zu of its subnets: %s", name, n, all);
}

/* Whether one of the router's ports is in the subnet. */
static bool joins(struct preflight *p)
{
	const char *subnet = subnet_id_of(p->plan, p->view);

	for (size_t i = 0; subnet != NULL && i < json_len(p->view->existing.router_ports); i++) {
		struct json_object *ips = json_at(json_object_array_get_idx(p->view->existing.router_ports, i), "fixed_ips");

		for (size_t k = 0; k < json_len(ips); k++)
			if (strcmp(json_get_str(json_object_array_get_idx(ips, k), "subnet_id", ""), subnet) == 0)
				return true;
	}
	return false;
}

static void check_existing_router(struct preflight *p)
{
	const char *name = p->plan->spec->network.existing.router;
	struct json_object *router = existing_router(p->plan, p->view), *external = pick_external(p->view, p->plan);
	const char *gateway = json_get_str(router, "external_gateway_info.network_id", NULL);
	const char *wanted = json_get_str(external, "id", NULL);

	if (!find_one(p, "router", ROUTER, name, p->view->existing.routers))
		return;
	if (!p->plan->own_network && subnet_id_of(p->plan, p->view) != NULL && !joins(p))
		REFUSE(p, "existing network", "davit changes neither of them", "add one, or leave router out",
		       "router \"%s\": has no interface in the existing subnet", name);
	else if (has_floating_ips(p->plan) && gateway == NULL)
		REFUSE(p, "existing network", "no floating IP would reach the servers",
		       "give it one, or write api.endpoint: internal and access.bastion: none",
		       "router \"%s\": has no external gateway", name);
	else if (has_floating_ips(p->plan) && wanted != NULL && strcmp(gateway, wanted) != 0)
		REFUSE(p, "existing network", "a floating IP has to be in the network of the router's gateway",
		       "write that network as spec.openstack.externalNetwork",
		       "router \"%s\": its gateway is in network %s, and floating IPs are to come from \"%s\"", name, gateway,
		       json_get_str(external, "name", wanted));
	else
		PASS(p, "existing network", "router \"%s\"", name);
}

/* Servers stay where they are: their ports cannot move, nor can certificates for their addresses. */
static void check_same_network(struct preflight *p)
{
	const char *wanted = network_id_of(p->plan, p->view);

	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct item *port = view_find(p->view, KIND_PORT, p->plan->nodes[i].node.name);
		const char *had = port != NULL ? json_get_str(port->json, "network_id", NULL) : NULL;

		if (had == NULL || (wanted != NULL && strcmp(had, wanted) == 0))
			continue;
		REFUSE(p, "existing network", "their ports cannot be moved to another one",
		       "write back what network.existing said, or delete the cluster first",
		       "the cluster's servers are in network %s, which is not what the file names", had);
		return;
	}
}

static void check_existing_groups(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct pool_spec *pool = p->plan->nodes[i].pool;

		for (size_t k = 0; pool != NULL && k < pool->security_groups.n; k++) {
			const char *name = pool->security_groups.v[k];

			if (strv_has(&seen, name))
				continue;
			strv_add(&seen, name);
			if (find_one(p, "security group", GROUPS, name, p->view->existing.groups))
				PASS(p, "security group", "security group \"%s\"", name);
		}
	}
}

void check_existing(struct preflight *p)
{
	if (!p->view->services[CLOUD_NETWORK])
		return;
	if (!p->plan->own_network)
		check_existing_network(p);
	if (p->plan->spec->network.existing.router != NULL)
		check_existing_router(p);
	if (p->plan->own_network || existing_network(p->plan, p->view) != NULL)
		check_same_network(p);
	check_existing_groups(p);
}

/* A server that learns of two default routes takes one of them, and answers who came by the other through the wrong network. */
static void check_default_route(struct preflight *p, const char *word, struct json_object *subnet)
{
	if (json_get_str(subnet, "gateway_ip", NULL) == NULL)
		return;
	WARN(p, "network", "davit asks DHCP to keep the gateway from these ports, which not every cloud's does (neutron's with dnsmasq does not)",
	     "have its owner take the gateway off the subnet (openstack subnet set --gateway none), unless the image sees to it",
	     "network \"%s\": servers may take a second default route, by the gateway of subnet \"%s\"", word, json_get_str(subnet, "name", ""));
}

static size_t check_nic_subnets(struct preflight *p, const char *word, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(p->view->nics.subnets); i++) {
		struct json_object *subnet = json_object_array_get_idx(p->view->nics.subnets, i);

		if (strcmp(json_get_str(subnet, "network_id", ""), id) != 0 || json_get_int(subnet, "ip_version", 4) != 4)
			continue;
		check_default_route(p, word, subnet);
		n++;
	}
	return n;
}

static void check_nic(struct preflight *p, const char *word)
{
	const char *own = network_id_of(p->plan, p->view), *id;

	if (!find_one(p, "network", NETWORKS, word, p->view->nics.networks))
		return;
	id = json_get_str(nics_network(p->view, word), "id", "");
	if (own != NULL && strcmp(own, id) == 0)
		REFUSE(p, "network", "the servers are in it already", "leave it out",
		       "network \"%s\": is the cluster's own, and one of the pool's networks besides", word);
	else if (check_nic_subnets(p, word, id) == 0)
		REFUSE(p, "network", "the servers would have no address there",
		       "have its owner share the subnet with this project, make one, or name another network",
		       "network \"%s\": has no IPv4 subnet that the project may see", word);
	else
		PASS(p, "network", "network \"%s\" (%s)", word, id);
}

static void check_nic_twins(struct preflight *p, const struct pool_spec *pool)
{
	for (size_t i = 0; i < pool->networks.n; i++)
		for (size_t k = 0; k < i; k++)
			if (nics_network(p->view, pool->networks.v[i]) != NULL &&
			    nics_network(p->view, pool->networks.v[i]) == nics_network(p->view, pool->networks.v[k]))
				REFUSE(p, "network", "a server has one port in each", "leave one of them out",
				       "networks \"%s\" and \"%s\" of pool \"%s\" are the same", pool->networks.v[k], pool->networks.v[i],
				       pool->name);
}

/* One finding a network, and a pool where two of its are one. */
void check_nics(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT, pools = STRV_INIT;

	for (size_t i = 0; i < p->plan->n_nodes && p->view->services[CLOUD_NETWORK]; i++) {
		const struct pool_spec *pool = p->plan->nodes[i].pool;

		if (pool == NULL || strv_has(&pools, pool->name))
			continue;
		strv_add(&pools, pool->name);
		check_nic_twins(p, pool);
		for (size_t k = 0; k < pool->networks.n; k++) {
			if (!strv_has(&seen, pool->networks.v[k]))
				check_nic(p, pool->networks.v[k]);
			strv_add(&seen, pool->networks.v[k]);
		}
	}
}
