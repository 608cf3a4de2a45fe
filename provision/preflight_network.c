/* The external network's addresses, the file's CIDRs beside what is there, and how large packets may be. */
#include "core/cluster/address.h"
#include "provision/nics.h"
#include "provision/pick.h"
#include "provision/preflight.h"

enum {
	VXLAN_BYTES = 50, /* of flannel, around each packet of a pod */
	POD_MTU_MIN = 1280, /* below it IPv6 does not work, and much that assumes so */
	USUAL_MTU = 1450    /* of a tenant's network: 1500 less neutron's own VXLAN */
};

static bool is_of(struct json_object *subnet, const char *network_id)
{
	return strcmp(json_get_str(subnet, "network_id", ""), network_id) == 0;
}

/* ---- free addresses ---- */

static int64_t pool_size(struct json_object *pool)
{
	uint32_t first = 0, last = 0;

	if (address_parse(json_get_str(pool, "start", ""), &first, NULL) < 0 ||
	    address_parse(json_get_str(pool, "end", ""), &last, NULL) < 0 || last < first)
		return 0;
	return (int64_t)last - first + 1;
}

/* Addresses that the network's IPv4 subnets give out, used or not; -1 where none of them may be seen. */
static int64_t pools_of(struct json_object *subnets, const char *network_id)
{
	int64_t all = -1;

	for (size_t i = 0; i < json_len(subnets); i++) {
		struct json_object *subnet = json_object_array_get_idx(subnets, i), *pools = json_at(subnet, "allocation_pools");

		if (!is_of(subnet, network_id) || json_get_int(subnet, "ip_version", 4) != 4)
			continue;
		all = all < 0 ? 0 : all;
		for (size_t k = 0; k < json_len(pools); k++)
			all += pool_size(json_object_array_get_idx(pools, k));
	}
	return all;
}

/* What neutron tells administrators: {"total_ips": 253, "used_ips": 3}; NULL for others. */
static struct json_object *availability_of(const struct view *v, const char *network_id)
{
	struct json_object *list = json_at(v->facts[FACT_FREE_ADDRESSES].json, "network_ip_availabilities");

	for (size_t i = 0; i < json_len(list); i++)
		if (is_of(json_object_array_get_idx(list, i), network_id))
			return json_object_array_get_idx(list, i);
	return NULL;
}

void check_external_addresses(struct preflight *p)
{
	struct json_object *external = pick_external(p->view, p->plan), *known;
	const char *id = json_get_str(external, "id", NULL), *name = json_get_str(external, "name", "?");
	int64_t needed = p->needs.kinds[KIND_ROUTER] + p->needs.kinds[KIND_FLOATING_IP], total, used;

	if (id == NULL || needed <= 0)
		return;
	known = availability_of(p->view, id);
	used = preflight_amount(known, "used_ips", -1);
	total = preflight_amount(known, "total_ips", pools_of(json_at(p->view->facts[FACT_SUBNETS].json, "subnets"), id));
	if (total < 0)
		return; /* neutron shows it to administrators only */
	if (needed > total - (used > 0 ? used : 0))
		REFUSE(p, "external network", "the router and each floating IP take one of its addresses",
		       "ask the cloud's operator for more, or delete floating IPs that nobody needs",
		       "external network \"%s\": %lld addresses are needed, %lld of %lld are free", name, (long long)needed,
		       (long long)(total - (used > 0 ? used : 0)), (long long)total);
	else
		findings_pass_count(p->findings, "external network", "addresses of the external network", needed, used, total);
}

/* Ports to be made in the network. */
static int64_t nics_needed(struct preflight *p, const char *network_id)
{
	int64_t needed = 0;

	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		CLEANUP_STRV struct strv networks = STRV_INIT, ports = STRV_INIT;

		nics_of(p->view, &p->plan->nodes[i], &networks, &ports);
		for (size_t k = 0; k < networks.n; k++)
			needed += strcmp(networks.v[k], network_id) == 0 && view_find(p->view, KIND_PORT, ports.v[k]) == NULL;
	}
	return needed;
}

static void check_addresses_in(struct preflight *p, struct json_object *network)
{
	const char *id = json_get_str(network, "id", ""), *name = json_get_str(network, "name", id);
	struct json_object *known = availability_of(p->view, id);
	int64_t needed = nics_needed(p, id), used = preflight_amount(known, "used_ips", 0);
	int64_t total = preflight_amount(known, "total_ips", pools_of(p->view->nics.subnets, id));

	if (needed > 0 && total >= 0 && needed > total - used)
		REFUSE(p, "network", "each server of the pool takes one of its addresses",
		       "make the pool smaller, or have its owner add a subnet",
		       "network \"%s\": %lld addresses are needed, %lld of %lld are free", name, (long long)needed,
		       (long long)(total - used), (long long)total);
}

/* How many are taken is told to administrators only; that more are needed than there are, everybody sees. */
void check_nic_addresses(struct preflight *p)
{
	for (size_t i = 0; i < json_len(p->view->nics.networks); i++)
		check_addresses_in(p, json_object_array_get_idx(p->view->nics.networks, i));
}

/* ---- overlaps ---- */

static void check_overlap(struct preflight *p, struct json_object *subnet, const char *network)
{
	const struct {
		const char *key, *cidr, *why;
		enum severity severity;
	} ours[] = {
		{"spec.network.cidr", p->plan->spec->network.cidr, "neutron lets no router stand between networks that overlap", SEVERITY_ERROR},
		{"spec.network.podCIDR", p->plan->spec->network.pod_cidr, "the nodes send packets for such addresses to pods", SEVERITY_WARNING},
		{"spec.network.serviceCIDR", p->plan->spec->network.service_cidr, "the nodes take such addresses for services",
		 SEVERITY_WARNING},
	};
	struct cidr theirs, mine;
	const char *text = json_get_str(subnet, "cidr", "");

	if (cidr_parse(text, &theirs, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (cidr_parse(ours[i].cidr, &mine, NULL) < 0 || !cidr_overlap(theirs, mine))
			continue;
		findings_add(p->findings, ours[i].severity, "addresses",
			     xasprintf("%s %s overlaps %s, which network \"%s\" uses", ours[i].key, ours[i].cidr, text, network),
			     xstrdup(ours[i].why), xasprintf("choose another range as %s", ours[i].key));
	}
}

void check_overlaps(struct preflight *p)
{
	struct json_object *subnets = json_at(p->view->facts[FACT_SUBNETS].json, "subnets"), *external = pick_external(p->view, p->plan);
	const char *id = json_get_str(external, "id", NULL);
	size_t before = p->findings->n, seen = 0;

	/* a network that is there stands beside the external one already, or is it */
	for (size_t i = 0; id != NULL && p->plan->own_network && i < json_len(subnets); i++) {
		struct json_object *subnet = json_object_array_get_idx(subnets, i);

		if (!is_of(subnet, id))
			continue;
		seen++;
		check_overlap(p, subnet, json_get_str(external, "name", "?"));
	}
	if (seen > 0 && p->findings->n == before)
		PASS(p, "addresses", "the file's ranges and %zu subnets of the external network do not overlap", seen);
}

/* ---- the cluster's subnet ---- */

/* Ports are made in it at addresses of the file's range: neutron would refuse them one by one. */
void check_subnet(struct preflight *p)
{
	const struct item *it = view_find(p->view, KIND_SUBNET, p->plan->spec->name);
	const char *had = it != NULL ? json_get_str(it->json, "cidr", NULL) : NULL, *wanted = p->plan->spec->network.cidr;

	if (had != NULL && strcmp(had, wanted) != 0)
		REFUSE(p, "addresses", "a subnet's range cannot be changed while servers are in it",
		       "write the old range back as spec.network.cidr, or \"davit delete\" and make the cluster anew",
		       "spec.network.cidr is %s, the cluster's subnet is %s", wanted, had);
}

/* ---- packets ---- */

static void check_tenant_mtu(struct preflight *p, long long mtu)
{
	if (mtu - VXLAN_BYTES < POD_MTU_MIN)
		WARN(p, "mtu", "the pods' network (VXLAN) takes 50 bytes of each packet, and much assumes 1280 to pass",
		     "ask the cloud's operator for a network with an MTU of 1330 or more",
		     "the cluster's network takes packets of %lld bytes: pods have %lld", mtu, mtu - VXLAN_BYTES);
	else
		PASS(p, "mtu", "packets of %lld bytes in the cluster's network, %lld between pods", mtu, mtu - VXLAN_BYTES);
}

void check_mtu(struct preflight *p)
{
	const struct item *network = view_find(p->view, KIND_NETWORK, p->plan->spec->name);
	struct json_object *external = pick_external(p->view, p->plan);
	long long inside = network != NULL ? preflight_amount(network->json, "mtu", 0) : 0, outside = preflight_amount(external, "mtu", 0);

	if (inside > 0)
		check_tenant_mtu(p, inside);
	if (outside > 0 && outside < (inside > 0 ? inside : USUAL_MTU))
		WARN(p, "mtu", "larger packets get through only where ICMP tells the sender so; where it is filtered, connections hang",
		     "ask the cloud's operator whether the router fragments, or lower the interfaces' MTU in the image",
		     "external network \"%s\" takes packets of %lld bytes, fewer than the cluster's network", json_get_str(external, "name", "?"),
		     outside);
}
