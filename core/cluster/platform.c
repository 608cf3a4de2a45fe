#include "core/cluster/platform.h"
#include "core/base/yaml.h"
#include "core/cluster/address.h"
#include "core/cluster/spec_fields.h"

#define ON(platform) (1u << (platform))

static const char *const titles[] = {[PLATFORM_KUBERNETES] = "Kubernetes", [PLATFORM_SWARM] = "Docker Swarm"};

/* Keys that not every platform takes; those of a pool stand in each of them, "*". */
static const struct {
	const char *map, *key;
	enum platform_type platform;
} keys[] = {
	{NULL, "api", PLATFORM_KUBERNETES},
	{NULL, "etcd", PLATFORM_KUBERNETES},
	{NULL, "podSecurity", PLATFORM_KUBERNETES},
	{NULL, "kubelet", PLATFORM_KUBERNETES},
	{NULL, "kubeProxy", PLATFORM_KUBERNETES},
	{NULL, "containerd", PLATFORM_KUBERNETES},
	{"network", "podCIDR", PLATFORM_KUBERNETES},
	{"network", "serviceCIDR", PLATFORM_KUBERNETES},
	{"network", "domain", PLATFORM_KUBERNETES},
	{"network", "plugin", PLATFORM_KUBERNETES},
	{"openstack", "applicationCredential", PLATFORM_KUBERNETES},
	{"pki", "ca", PLATFORM_KUBERNETES},
	{"*", "annotations", PLATFORM_KUBERNETES},
	{"*", "taints", PLATFORM_KUBERNETES},
	{"*", "kubelet", PLATFORM_KUBERNETES},
	{NULL, "swarm", PLATFORM_SWARM},
	{NULL, "daemon", PLATFORM_SWARM},
};

static int check_key(const struct yaml *y, const struct yaml_node *map, size_t i, const struct spec *s, struct error **err)
{
	const struct yaml_node *at = yaml_get(map, keys[i].key);

	if (at == NULL || s->platform == keys[i].platform)
		return 0;
	return yaml_error(y, at, err, "%s: this is of \"platform: {type: %s}\"; %s has no such thing: leave it out", keys[i].key,
			  platform_name(keys[i].platform), platform_title(s->platform));
}

static int check_pools(const struct yaml *y, const struct yaml_node *file, size_t i, const struct spec *s, struct error **err)
{
	const struct yaml_node *pools = yaml_get(file, "workerPools");

	for (size_t p = 0; p < s->n_pools; p++)
		if (check_key(y, pools->values[p], i, s, err) < 0)
			return -1;
	return check_key(y, yaml_get(file, "controlPlane"), i, s, err);
}

static int check_keys(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *map = keys[i].map;
		int r = map != NULL && *map == '*' ? check_pools(y, file, i, s, err)
						   : check_key(y, map != NULL ? yaml_get(file, map) : file, i, s, err);

		if (r < 0)
			return -1;
	}
	return 0;
}

/* What of daemon.json the rest of the cluster goes by. */
static int check_daemon(const struct yaml *y, const struct yaml_node *file, struct error **err)
{
	static const struct {
		const char *key, *why;
	} owned[] = {
		{"hosts", "whoever reaches it is root of the node; \"davit docker-context\" goes by SSH"},
		{"live-restore", "a swarm does not take it"},
		{"data-root", "mount a volume at /var/lib/docker instead"},
		{"containerd", "the engine starts its own"},
	};
	const struct yaml_node *daemon = yaml_get(file, "daemon");

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		if (yaml_get(daemon, owned[i].key) != NULL)
			return yaml_error(y, yaml_get(daemon, owned[i].key), err, "daemon: \"%s\" cannot be set: %s", owned[i].key, owned[i].why);
	return 0;
}

static int check_pool(const struct yaml *y, const struct yaml_node *at, const struct spec *s, size_t i, struct error **err)
{
	const char *text = s->swarm.address_pools.v[i];
	struct cidr pool = {0}, other = {0};

	if (cidr_parse(text, &pool, err) < 0 || cidr_parse(s->network.cidr, &other, err) < 0)
		return -1;
	if (cidr_overlap(pool, other))
		return yaml_error(y, at, err, "addressPools: %s overlaps network.cidr %s: nodes could not reach each other; they must be apart", text,
				  s->network.cidr);
	if (pool.prefix > (unsigned)s->swarm.mask_length)
		return yaml_error(y, at, err, "addressPools: %s is smaller than one network of maskLength %d", text, s->swarm.mask_length);
	for (size_t k = 0; k < i; k++)
		if (cidr_parse(s->swarm.address_pools.v[k], &other, err) < 0)
			return -1;
		else if (cidr_overlap(pool, other))
			return yaml_error(y, at, err, "addressPools: %s overlaps %s", text, s->swarm.address_pools.v[k]);
	return 0;
}

static int check_swarm(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	enum { HOUR_MS = 3600 * 1000 }; /* the least that swarm takes */
	const struct yaml_node *swarm = yaml_get(file, "swarm"), *pools = yaml_get(swarm, "addressPools"), *expiry = yaml_get(swarm, "certExpiry");

	if (s->swarm.address_pools.n == 0)
		return yaml_error(y, pools, err, "addressPools: name at least one network");
	for (size_t i = 0; i < s->swarm.address_pools.n; i++) /* where it is the default, the other one stands in the file */
		if (check_pool(y, pools != NULL ? pools->values[i] : yaml_get(file, "network"), s, i, err) < 0)
			return -1;
	if (s->swarm.cert_expiry < HOUR_MS || s->swarm.cert_expiry > (int64_t)HOUR_MS * 24 * 365)
		return yaml_error(y, expiry, err, "certExpiry: an hour (1h) at least, and a year (8760h) at most");
	return check_daemon(y, file, err);
}

int platform_check(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err)
{
	if (check_keys(y, file, s, err) < 0)
		return -1;
	if (s->platform != PLATFORM_SWARM)
		return 0;
	s->api.endpoint = API_INTERNAL; /* engines are reached through SSH */
	return check_swarm(y, file, s, err);
}

unsigned platform_place(enum platform_type p, enum node_role role)
{
	return role == NODE_REGISTRY ? (unsigned)PLACE_REGISTRY : PLACE(p, role);
}

const char *platform_name(enum platform_type p)
{
	return platform_names[p];
}

const char *platform_title(enum platform_type p)
{
	return titles[p];
}
