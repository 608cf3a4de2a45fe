#include "manifests/values.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/cluster/address.h"
#include "core/cluster/encryption.h"

#define CA_PATH "/etc/kubernetes/pki/ca.crt"

enum { NODE_PREFIX = 24, POD_PREFIX_MIN = 8 }; /* --node-cidr-mask-size; at most 16 bits may lie between the two */

/* Images that the templates name; the tag is the bundle's. */
static const struct {
	const char *value, *repository;
	bool balancer; /* needed only where there are several control planes */
} images[] = {
	{"image_coredns", "coredns/coredns", false},
	{"image_haproxy", "library/haproxy", true},
	{"image_metrics_server", "metrics-server/metrics-server", false},
	{"image_pause", "pause", false},
};

static int fill_images(const struct plan *plan, const struct artifacts *artifacts, struct template_values *v, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		size_t len = strlen(images[i].repository), k = 0;

		if (images[i].balancer && !plan_is_balanced(plan))
			continue;
		while (k < artifacts->images.n &&
		       (strncmp(artifacts->images.v[k], images[i].repository, len) != 0 || artifacts->images.v[k][len] != ':'))
			k++;
		if (k == artifacts->images.n)
			return error_set(
				err, ERROR_CONFIG,
				"the bundle has no image %s, which this cluster needs; make it anew: \"davit bundle create\"",
				images[i].repository);
		template_set(v, images[i].value, artifacts->images.v[k]);
	}
	return 0;
}

static int check_pod_network(const struct plan *plan, struct error **err)
{
	size_t nodes = plan->n_nodes - 1; /* all but the registry */
	struct cidr pods = {0};

	if (cidr_parse(plan->spec->network.pod_cidr, &pods, err) < 0)
		return -1;
	if (pods.prefix > NODE_PREFIX || pods.prefix < POD_PREFIX_MIN)
		return error_set(err, ERROR_CONFIG,
				 "%s: network.podCIDR %s: each node gets a /%d of it, so that it must be a /%d to /%d",
				 plan->spec->path, plan->spec->network.pod_cidr, NODE_PREFIX, POD_PREFIX_MIN, NODE_PREFIX);
	if (nodes > (size_t)1 << (NODE_PREFIX - pods.prefix))
		return error_set(err, ERROR_CONFIG,
				 "%s: network.podCIDR %s has room for %zu nodes, a /%d each, and %zu are wanted",
				 plan->spec->path, plan->spec->network.pod_cidr, (size_t)1 << (NODE_PREFIX - pods.prefix),
				 NODE_PREFIX, nodes);
	return 0;
}

static int fill_containerd(const struct spec *spec, struct template_values *v, struct error **err)
{
	static const char *const known = "restrictOOMScoreAdj";

	template_set_flag(v, "restrict_oom_score_adj", spec->containerd != NULL && json_get_bool(spec->containerd, known, false));
	if (spec->containerd == NULL)
		return 0;
	json_object_object_foreach(spec->containerd, key, value)
	{
		if (strcmp(key, known) != 0)
			return error_set(err, ERROR_CONFIG, "%s: containerd.%s is not known; known is %s", spec->path, key,
					 known);
		if (!json_object_is_type(value, json_type_boolean))
			return error_set(err, ERROR_CONFIG, "%s: containerd.%s must be true or false", spec->path, key);
	}
	return 0;
}

static void fill_portainer(const struct plan *plan, struct template_values *v)
{
	template_set(v, "portainer", plan->spec->swarm.portainer.version);
	template_setf(v, "portainer_port", "%d", PORTAINER_PORT);
	template_set(v, "portainer_folder", PORTAINER_FOLDER);
	template_set(v, "portainer_secret", PORTAINER_SECRET);
	template_set(v, "manager", plan_first(plan)->node.name);
}

static int fill_plan(const struct plan *plan, struct template_values *v, struct error **err)
{
	const struct spec *spec = plan->spec;

	if (spec->platform == PLATFORM_KUBERNETES && (check_pod_network(plan, err) < 0 || fill_containerd(spec, v, err) < 0))
		return -1;
	template_set(v, "cluster", spec->name);
	template_set(v, "version", spec->version);
	template_set(v, "user", spec->access.user);
	template_set(v, "registry_name", REGISTRY_NAME);
	template_set(v, "registry_ip", plan->registry_address);
	template_set(v, "domain", spec->network.domain);
	template_set(v, "pod_security", pod_security_name(spec->pod_security));
	template_set(v, "pod_cidr", spec->network.pod_cidr);
	template_set(v, "service_cidr", spec->network.service_cidr);
	template_set(v, "api_vip", plan->api_inside);
	template_setf(v, "snapshot_keep", "%d", spec->etcd_snapshots.keep);
	template_set(v, "dns_service_ip", plan->dns_service_ip);
	template_setf(v, "registry", "%s:%d", REGISTRY_NAME, REGISTRY_PORT);
	template_setf(v, "registry_address", "%s:%d", plan->registry_address, REGISTRY_PORT);
	template_set_flag(v, "flannel", strcmp(spec->network.plugin, "flannel") == 0);
	/* a server's certificate decides by which of the two a client of TLS 1.2 can come; clients' own are of either */
	template_set_flag(v, "rsa", spec->pki.algorithm >= KEY_RSA_2048);
	template_set_flag(v, "ecdsa", spec->pki.algorithm < KEY_RSA_2048);
	template_set_flag(v, "proxy", spec->proxy.http != NULL || spec->proxy.https != NULL);
	/* "should not be set with a single apiserver": it makes clients connect again, in the hope of another one */
	template_set_flag(v, "balanced", plan_is_balanced(plan));
	fill_portainer(plan, v);
	return 0;
}

static void fill_node(const struct plan *plan, const struct node *node, struct template_values *v)
{
	const struct plan_node *planned = plan_find(plan, node->name);
	CLEANUP_FREE char *labels = NULL;

	if (planned != NULL && planned->pool != NULL && planned->pool->labels.n > 0)
		labels = strv_join(&planned->pool->labels, ",");
	template_set_flag(v, "on_registry", node->role == NODE_REGISTRY);
	template_set_flag(v, "on_control_plane", node->role == NODE_CONTROL_PLANE);
	template_set_flag(v, "on_kubernetes", node->role != NODE_REGISTRY);
	template_set_flag(v, "renews", spec_renews(plan->spec) && node->role != NODE_REGISTRY);
	template_set_flag(v, "signs", spec_renews(plan->spec) && node->role == NODE_CONTROL_PLANE);
	template_set(v, "root_login", strcmp(plan->spec->access.user, "root") == 0 ? "prohibit-password" : "no");
	template_set(v, "tcp_forwarding", node->role == NODE_CONTROL_PLANE ? "local" : "no");
	template_set_flag(v, "static_pods", node->role == NODE_WORKER && plan_is_balanced(plan));
	template_set(v, "node", node->name);
	template_set(v, "address", node->address);
	template_set(v, "node_labels", labels);
}

static void fill_authorities(const struct manifest_values *values, struct template_values *v)
{
	const char *pem = values->published_pem != NULL ? values->published_pem : "";
	char hex[DIGEST_HEX_LEN + 1];

	template_set(v, "signing_ca", values->signing_ca != NULL ? values->signing_ca : CA_PATH);
	template_set(v, "published_ca", values->published_ca != NULL ? values->published_ca : CA_PATH);
	digest_hex(pem, strlen(pem), hex); /* a pod of the node itself reads it once, and is made anew with another one */
	template_set(v, "ca_digest", hex);
}

static int fill_encryption(const struct manifest_values *secrets, struct template_values *v, struct error **err)
{
	CLEANUP_ENCRYPTION struct encryption_keys keys = {0};

	if (secrets->encryption_key != NULL && encryption_parse(secrets->encryption_key, &keys, err) < 0)
		return -1;
	template_set(v, "encryption_name", keys.items[0].name);
	template_set(v, "encryption_key", keys.items[0].secret);
	template_set(v, "second_name", keys.items[1].name);
	template_set(v, "second_key", keys.items[1].secret);
	return 0;
}

static void fill_secrets(const struct manifest_values *secrets, struct template_values *v)
{
	CLEANUP_SECRET char *credentials = xasprintf("%s:%s", REGISTRY_USER, secrets->registry_password);
	CLEANUP_SECRET char *basic = base64_encode(credentials, strlen(credentials));
	CLEANUP_SECRET char *seed = xasprintf("davit registry http secret %s", credentials);
	char hex[DIGEST_HEX_LEN + 1];

	digest_hex(seed, strlen(seed), hex);
	template_set(v, "etcd_token", secrets->etcd_token);
	template_set(v, "registry_basic", basic);
	template_set(v, "registry_http_secret", hex); /* signs the state of uploads; any constant of the registry will do */
	explicit_bzero(hex, sizeof(hex));
}

int values_fill(const struct plan *plan, const struct node *node, const struct manifest_values *secrets,
		struct template_values *ret, struct error **err)
{
	if (fill_plan(plan, ret, err) < 0)
		return -1;
	if (node != NULL)
		fill_node(plan, node, ret);
	if (secrets == NULL)
		return 0;
	fill_authorities(secrets, ret);
	fill_secrets(secrets, ret);
	if (plan->spec->platform != PLATFORM_KUBERNETES)
		return 0;
	if (fill_encryption(secrets, ret, err) < 0)
		return -1;
	return fill_images(plan, secrets->artifacts, ret, err);
}
