#include "pki/table.h"
#include "core/base/alloc.h"
#include "core/cluster/msr.h"
#include "core/cluster/platform.h"
#include "pki/certificate.h"

#define PKI "/etc/kubernetes/pki/"
#define KUBELET "/var/lib/kubelet/pki/"

enum {
	CONTROL = PLACE_CONTROL_PLANE,
	KUBERNETES = PLACE_KUBERNETES,
	REGISTRY = PLACE_REGISTRY,
	ON_KUBERNETES = 1u << PLATFORM_KUBERNETES,
	ON_SWARM = 1u << PLATFORM_SWARM,
	ON_MKE = 1u << PLATFORM_MKE,
	MKE_MANAGER = PLACE_MKE_MANAGER,
	ENGINE_API = PLACE_ENGINE_API,
	PORTAINER = PLACE_PORTAINER,
	MSR = PLACE_MSR,
	CLIENT = CERTIFICATE_CLIENT,
	SERVER = CERTIFICATE_SERVER,
};

/* The controller-manager alone signs with a key of ours, the cluster's; no other authority's key is ever on a node. */
const struct table_authority table_authorities[PKI_SIGNERS] = {
	[PKI_CA] = {"ca", "kubernetes", KUBERNETES, CONTROL, ON_KUBERNETES},
	[PKI_ETCD_CA] = {"etcd/ca", "etcd-ca", CONTROL, 0, ON_KUBERNETES},
	[PKI_FRONT_PROXY_CA] = {"front-proxy-ca", "front-proxy-ca", CONTROL, 0, ON_KUBERNETES},
	[PKI_REGISTRY_CA] = {"registry-ca", "registry-ca", 0, 0, ON_KUBERNETES | ON_SWARM | ON_MKE}, /* nodes get it with the registry's configuration */
	/* the managers get it by the engine's API, and keep it in the swarm's own, encrypted data */
	[PKI_SWARM_CA] = {"swarm-ca", "swarm-ca", 0, 0, ON_SWARM},
	/* Of the page and the API, and of MSR's, to which people come by the same login and which sends them there; MKE has authorities of its own for all that
	 * its nodes say to one another.  MSR's installer knows MKE by it. */
	[PKI_MKE_CA] = {"mke-ca", "mke-ca", MKE_MANAGER | MSR, 0, ON_MKE},
	/* says who may command the engines: it alone, for each client's certificate of it is root of all nodes */
	[PKI_ENGINE_CA] = {"engine-ca", "engine-ca", ENGINE_API, 0, ON_SWARM},
	[PKI_PORTAINER_CA] = {"portainer-ca", "portainer-ca", 0, 0, ON_SWARM}, /* browsers trust it, and nothing else */
};

static void add(struct strv *l, const char *s)
{
	if (s != NULL && !strv_has(l, s))
		strv_add(l, s);
}

static void add_loopback(struct strv *l)
{
	add(l, "127.0.0.1");
	add(l, "::1");
}

static void api_sans(const struct plan *plan, const struct node *node, struct strv *ret)
{
	const struct plan_node *planned = plan_find(plan, node->name);

	add(ret, node->name);
	add(ret, "kubernetes");
	add(ret, "kubernetes.default");
	add(ret, "kubernetes.default.svc");
	strv_addf(ret, "kubernetes.default.svc.%s", plan->spec->network.domain);
	add(ret, "localhost");
	add(ret, plan->api_service_ip);
	add(ret, node->address);
	add(ret, plan->api_address);
	add(ret, plan->api_inside);
	add(ret, plan->api_outside);
	add_loopback(ret);
	if (planned == NULL || planned->floating_ip) /* else it is of an earlier file, and goes */
		add(ret, node->floating_ip);
	for (size_t i = 0; i < plan->spec->api.extra_sans.n; i++)
		add(ret, plan->spec->api.extra_sans.v[i]);
}

static void etcd_sans(const struct plan *plan UNUSED, const struct node *node, struct strv *ret)
{
	add(ret, node->name);
	add(ret, "localhost");
	add(ret, node->address);
	add_loopback(ret);
}

static void kubelet_sans(const struct plan *plan UNUSED, const struct node *node, struct strv *ret)
{
	add(ret, node->name);
	add(ret, node->address);
}

static void registry_sans(const struct plan *plan UNUSED, const struct node *node, struct strv *ret)
{
	add(ret, REGISTRY_NAME);
	add(ret, node->address);
	add(ret, "127.0.0.1");
}

static void manager_sans(const struct plan *plan, const struct node *node, const struct strv *extra, struct strv *ret)
{
	const struct plan_node *planned = plan_find(plan, node->name);

	add(ret, node->name);
	add(ret, "localhost");
	add(ret, node->address);
	add(ret, "127.0.0.1");
	if (planned == NULL || planned->floating_ip)
		add(ret, node->floating_ip);
	for (size_t i = 0; i < extra->n; i++)
		add(ret, extra->v[i]);
}

static void mke_sans(const struct plan *plan, const struct node *node, struct strv *ret)
{
	manager_sans(plan, node, &plan->spec->api.extra_sans, ret);
}

/* All replicas serve the one of one of them, whichever node that is. */
static void msr_sans(const struct plan *plan, const struct node *node UNUSED, struct strv *ret)
{
	add(ret, plan->spec->mke.msr.host);
	for (size_t i = 0; i < plan->spec->mke.msr.sans.n; i++)
		add(ret, plan->spec->mke.msr.sans.v[i]);
}

static void engine_sans(const struct plan *plan, const struct node *node, struct strv *ret)
{
	manager_sans(plan, node, &plan->spec->swarm.api_sans, ret);
}

static void portainer_sans(const struct plan *plan, const struct node *node, struct strv *ret)
{
	manager_sans(plan, node, &plan->spec->swarm.portainer.sans, ret);
}

/* etcd's own certificates serve and call: with serverAuth alone its REST gateway, a client of itself, is refused. */
static const struct table_leaf leaves[] = {
	{"apiserver", PKI "apiserver", PKI_CA, SERVER, "kube-apiserver", NULL, api_sans, CONTROL, NULL, false},
	{"apiserver-kubelet-client", PKI "apiserver-kubelet-client", PKI_CA, CLIENT, "kube-apiserver-kubelet-client", NULL, NULL,
	 CONTROL, NULL, false},
	{"apiserver-etcd-client", PKI "apiserver-etcd-client", PKI_ETCD_CA, CLIENT, "kube-apiserver-etcd-client", NULL, NULL,
	 CONTROL, NULL, false},
	{"etcd-server", PKI "etcd/server", PKI_ETCD_CA, SERVER | CLIENT, "{node}", NULL, etcd_sans, CONTROL, NULL, false},
	{"etcd-peer", PKI "etcd/peer", PKI_ETCD_CA, SERVER | CLIENT, "{node}", NULL, etcd_sans, CONTROL, NULL, false},
	{"etcd-healthcheck-client", PKI "etcd/healthcheck-client", PKI_ETCD_CA, CLIENT, "kube-etcd-healthcheck-client", NULL,
	 NULL, CONTROL, NULL, false},
	{"front-proxy-client", PKI "front-proxy-client", PKI_FRONT_PROXY_CA, CLIENT, "front-proxy-client", NULL, NULL, CONTROL,
	 NULL, false},
	{"admin", PKI "admin", PKI_CA, CLIENT, "kubernetes-admin", "kubeadm:cluster-admins", NULL, CONTROL,
	 "/etc/kubernetes/admin.conf", false},
	{"controller-manager", PKI "controller-manager", PKI_CA, CLIENT, "system:kube-controller-manager", NULL, NULL, CONTROL,
	 "/etc/kubernetes/controller-manager.conf", false},
	{"scheduler", PKI "scheduler", PKI_CA, CLIENT, "system:kube-scheduler", NULL, NULL, CONTROL,
	 "/etc/kubernetes/scheduler.conf", false},
	{"kubelet", KUBELET "kubelet", PKI_CA, SERVER, "system:node:{node}", "system:nodes", kubelet_sans, KUBERNETES, NULL,
	 false},
	{"kubelet-client", KUBELET "kubelet-client", PKI_CA, CLIENT, "system:node:{node}", "system:nodes", NULL, KUBERNETES,
	 "/etc/kubernetes/kubelet.conf", false},
	{"kube-proxy", PKI "kube-proxy", PKI_CA, CLIENT, "system:kube-proxy", NULL, NULL, KUBERNETES,
	 "/etc/kubernetes/kube-proxy.conf", false},
	{"flannel", PKI "flannel", PKI_CA, CLIENT, "davit:flannel", NULL, NULL, KUBERNETES, "/etc/kubernetes/flannel.conf", true},
	{"mke", "/etc/davit/mke/controller", PKI_MKE_CA, SERVER, "{node}", NULL, mke_sans, MKE_MANAGER, NULL, false},
	{"msr", MSR_CERTIFICATE, PKI_MKE_CA, SERVER, "{node}", NULL, msr_sans, MSR, NULL, false},
	{"engine", "/etc/docker/engine", PKI_ENGINE_CA, SERVER, "{node}", NULL, engine_sans, ENGINE_API, NULL, false},
	{"portainer", PORTAINER_FOLDER "/tls", PKI_PORTAINER_CA, SERVER, "{node}", NULL, portainer_sans, PORTAINER, NULL, false},
	{"registry", "/etc/davit/registry/registry", PKI_REGISTRY_CA, SERVER, "{registry}", NULL, registry_sans, REGISTRY, NULL,
	 false},
};

const struct table_leaf *table_leaf(const struct plan *plan, const struct node *node, size_t *i)
{
	bool flannel = strcmp(plan->spec->network.plugin, "flannel") == 0;

	while (*i < ARRAY_SIZE(leaves)) {
		const struct table_leaf *leaf = &leaves[(*i)++];

		if ((leaf->places & place_of(plan->spec, node)) && (flannel || !leaf->flannel))
			return leaf;
	}
	return NULL;
}

bool table_is_renewed_on_nodes(const struct plan *plan, const struct table_leaf *leaf)
{
	return leaf->signer == PKI_CA && strv_has(&plan->spec->pki.renewed_on_nodes, "cluster");
}

char *table_cn(const struct table_leaf *leaf, const struct node *node)
{
	const char *brace = strchr(leaf->cn, '{');

	if (brace == NULL)
		return xstrdup(leaf->cn);
	return xasprintf("%.*s%s", (int)(brace - leaf->cn), leaf->cn,
			 strcmp(brace, "{registry}") == 0 ? REGISTRY_NAME : node->name);
}

char *table_server(const struct plan *plan, const struct node *node)
{
	bool local = node->role == NODE_CONTROL_PLANE || plan_is_balanced(plan);

	return xasprintf("https://%s:6443", local ? "127.0.0.1" : plan->api_address);
}
