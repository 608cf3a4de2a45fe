#include "core/cluster/rules.h"
#include "core/base/alloc.h"

#define WAY(choice) (1u << BASTION_##choice)
#define KUBERNETES (1u << PLATFORM_KUBERNETES)
#define MKE (1u << PLATFORM_MKE)
#define ENGINES (1u << PLATFORM_SWARM | MKE)
#define DIRECT (WAY(FLOATING_IPS) | WAY(NONE) | WAY(HOST)) /* the servers see the operator's addresses, or the jump host's */

/* Who may talk to whom.  NULL sources of the operator's CIDRs are filled in from the file: see rules_make(). */
enum source { FROM_GROUP, FROM_ACCESS, FROM_API, FROM_BALANCER, FROM_ENGINE_API, FROM_PORTAINER, FROM_MSR };
static const struct {
	const char *group, *protocol;
	int port_min, port_max;
	enum source source;
	const char *from_group, *why;
	unsigned ways; /* with these values of access.bastion; 0: all */
	unsigned platforms; /* likewise */
} rule_table[] = {
	{"control-plane", "tcp", 22, 22, FROM_ACCESS, NULL, "SSH of the operator; the way in for all other servers", WAY(CONTROL_PLANE)},
	{"bastion", "tcp", 22, 22, FROM_ACCESS, NULL, "SSH of the operator; the way in for all other servers", WAY(SERVER)},
	{"control-plane", "tcp", 6443, 6443, FROM_API, NULL, "the API from outside", .platforms = KUBERNETES | MKE},
	{"control-plane", "tcp", 6443, 6443, FROM_GROUP, "node", "the API from the nodes", .platforms = KUBERNETES | MKE},
	{"control-plane", "tcp", 6443, 6443, FROM_BALANCER, NULL, "the API from its load balancer", .platforms = KUBERNETES},
	{"control-plane", "tcp", 2379, 2380, FROM_GROUP, "control-plane", "etcd's clients and peers", .platforms = KUBERNETES},
	{"node", "tcp", 22, 22, FROM_GROUP, "control-plane", "SSH through the control plane", WAY(CONTROL_PLANE)},
	{"node", "tcp", 22, 22, FROM_GROUP, "bastion", "SSH through the bastion", WAY(SERVER)},
	{"node", "tcp", 22, 22, FROM_ACCESS, NULL, "SSH of the operator", DIRECT},
	{"node", "tcp", 10250, 10250, FROM_GROUP, "node", "kubelet: logs, exec, metrics", .platforms = KUBERNETES},
	{"node", "udp", 8472, 8472, FROM_GROUP, "node", "the pods' network (VXLAN)", .platforms = KUBERNETES},
	{"node", "tcp", 30000, 32767, FROM_GROUP, "node", "NodePort services between nodes", .platforms = KUBERNETES},
	{"control-plane", "tcp", 2377, 2377, FROM_GROUP, "node", "swarm: managers, who joins and who is told what to run", .platforms = ENGINES},
	{"control-plane", "tcp", 2376, 2376, FROM_ENGINE_API, NULL, "swarm: the engine's API from outside, with a certificate", .platforms = 1u << PLATFORM_SWARM},
	{"control-plane", "tcp", PORTAINER_PORT, PORTAINER_PORT, FROM_PORTAINER, NULL, "swarm: Portainer's page", .platforms = 1u << PLATFORM_SWARM},
	{"node", "tcp", 7946, 7946, FROM_GROUP, "node", "swarm: gossip of the overlay networks", .platforms = ENGINES},
	{"node", "udp", 7946, 7946, FROM_GROUP, "node", "swarm: gossip of the overlay networks", .platforms = ENGINES},
	{"node", "udp", 4789, 4789, FROM_GROUP, "node", "swarm: overlay networks (VXLAN)", .platforms = ENGINES},
	{"node", "esp", 0, 0, FROM_GROUP, "node", "swarm: encrypted overlay networks", .platforms = ENGINES},
	{"control-plane", "tcp", 443, 443, FROM_API, NULL, "mke: its page and API from outside", .platforms = MKE},
	{"control-plane", "tcp", 443, 443, FROM_GROUP, "node", "mke: its API from the nodes", .platforms = MKE},
	{"control-plane", "tcp", 2376, 2376, FROM_GROUP, "node", "mke: the swarm's API", .platforms = MKE},
	{"control-plane", "tcp", 12379, 12388, FROM_GROUP, "node", "mke: its stores, authorities and authentication", .platforms = MKE},
	{"control-plane", "tcp", 12390, 12390, FROM_GROUP, "node", "mke: metrics", .platforms = MKE},
	{"node", "tcp", 179, 179, FROM_GROUP, "node", "mke: BGP of the pods' network (Calico)", .platforms = MKE},
	{"node", "tcp", 10250, 10250, FROM_GROUP, "node", "mke: kubelet", .platforms = MKE},
	{"node", "tcp", 12376, 12376, FROM_GROUP, "node", "mke: proxy of the engine, with a certificate", .platforms = MKE},
	{"node", "tcp", 32768, 35535, FROM_GROUP, "node", "mke: NodePort services between nodes", .platforms = MKE},
	{"node", "ipip", 0, 0, FROM_GROUP, "node", "mke: the pods' network (IP in IP)", .platforms = MKE},
	{"msr", "tcp", 443, 443, FROM_MSR, NULL, "msr: its page and API from outside", .platforms = MKE},
	{"msr", "tcp", 80, 80, FROM_MSR, NULL, "msr: who asks there is sent to 443, balancers whether it is well", .platforms = MKE},
	{"msr", "tcp", 443, 443, FROM_GROUP, "node", "msr: images for the nodes, and whether it is well", .platforms = MKE},
	{"node", "icmp", 0, 0, FROM_GROUP, "node", "path MTU and ping between nodes"},
	{"registry", "tcp", 22, 22, FROM_GROUP, "control-plane", "SSH through the control plane", WAY(CONTROL_PLANE)},
	{"registry", "tcp", 22, 22, FROM_GROUP, "bastion", "SSH through the bastion", WAY(SERVER)},
	{"registry", "tcp", 22, 22, FROM_ACCESS, NULL, "SSH of the operator", DIRECT},
	{"registry", "tcp", REGISTRY_PORT, REGISTRY_PORT, FROM_GROUP, "node", "programs and images for the nodes"},
};

static void add_rule(struct plan *p, size_t i, const char *from_cidr)
{
	p->rules = xrealloc(p->rules, p->n_rules + 1, sizeof(*p->rules));
	p->rules[p->n_rules++] = (struct plan_rule){.group = rule_table[i].group,
						    .protocol = rule_table[i].protocol,
						    .port_min = rule_table[i].port_min,
						    .port_max = rule_table[i].port_max,
						    .from_group = rule_table[i].from_group,
						    .from_cidr = xstrdup(from_cidr),
						    .why = rule_table[i].why};
}

/*
 * Octavia's amphorae have addresses in the servers' network, from which they connect, and hold allowedCIDRs themselves.  Its OVN provider keeps
 * the clients' addresses and filters nothing: there the control planes do.
 */
static void sources(const struct spec *s, enum source source, struct strv *ret)
{
	bool amphora = s->api.endpoint == API_OCTAVIA && !spec_is_ovn(s);

	if (source == FROM_ACCESS)
		strv_copy(ret, &s->access.allowed_cidrs);
	else if (source == FROM_API && !amphora)
		strv_copy(ret, &s->api.allowed_cidrs);
	else if (source == FROM_ENGINE_API)
		strv_copy(ret, &s->swarm.api_cidrs);
	else if (source == FROM_PORTAINER)
		strv_copy(ret, &s->swarm.portainer.cidrs);
	else if (source == FROM_MSR)
		strv_copy(ret, &s->mke.msr.cidrs);
	else if (source == FROM_BALANCER && s->api.endpoint == API_OCTAVIA)
		strv_add(ret, s->network.cidr);
}

void rules_make(struct plan *p)
{
	strv_add(&p->groups, "control-plane");
	strv_add(&p->groups, "node");
	strv_add(&p->groups, "registry");
	if (p->spec->mke.msr.version != NULL)
		strv_add(&p->groups, "msr");
	if (p->spec->access.bastion == BASTION_SERVER)
		strv_add(&p->groups, "bastion");
	for (size_t i = 0; i < ARRAY_SIZE(rule_table); i++) {
		CLEANUP_STRV struct strv cidrs = STRV_INIT;

		if (rule_table[i].ways != 0 && (rule_table[i].ways & 1u << p->spec->access.bastion) == 0)
			continue;
		if (rule_table[i].platforms != 0 && (rule_table[i].platforms & 1u << p->spec->platform) == 0)
			continue;
		if (!strv_has(&p->groups, rule_table[i].group))
			continue;
		sources(p->spec, rule_table[i].source, &cidrs);
		if (rule_table[i].source == FROM_GROUP)
			add_rule(p, i, NULL);
		else
			for (size_t k = 0; k < cidrs.n; k++)
				add_rule(p, i, cidrs.v[k]);
	}
}
