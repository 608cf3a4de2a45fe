#include "core/cluster/platform.h"
#include "core/base/alloc.h"
#include "core/base/yaml.h"
#include "core/cluster/address.h"
#include "core/cluster/mke.h"
#include "core/cluster/msr.h"
#include "core/cluster/spec_fields.h"
#include "core/cluster/stacks.h"

#define ON(platform) (1u << (platform))
#define KUBERNETES ON(PLATFORM_KUBERNETES)
#define SWARM ON(PLATFORM_SWARM)
#define MKE ON(PLATFORM_MKE)

static const char *const titles[] = {[PLATFORM_KUBERNETES] = "Kubernetes", [PLATFORM_SWARM] = "Docker Swarm", [PLATFORM_MKE] = "Mirantis Kubernetes Engine"};

/* Keys that not every platform takes; those of a pool stand in each of them, "*". */
static const struct {
	const char *map, *key;
	unsigned platforms;
} keys[] = {
	{NULL, "api", KUBERNETES | MKE},
	{NULL, "etcd", KUBERNETES},
	{NULL, "podSecurity", KUBERNETES},
	{NULL, "kubelet", KUBERNETES},
	{NULL, "kubeProxy", KUBERNETES},
	{NULL, "containerd", KUBERNETES},
	{"network", "podCIDR", KUBERNETES | MKE},
	{"network", "serviceCIDR", KUBERNETES | MKE},
	{"network", "domain", KUBERNETES},
	{"network", "plugin", KUBERNETES},
	{"openstack", "applicationCredential", KUBERNETES},
	{"pki", "ca", KUBERNETES},
	{"pki", "renewedOnNodes", KUBERNETES},
	{"*", "annotations", KUBERNETES},
	{"*", "taints", KUBERNETES},
	{"*", "kubelet", KUBERNETES},
	{NULL, "swarm", SWARM | MKE},
	{"swarm", "certExpiry", SWARM}, /* MKE has settings of its own for these */
	{"swarm", "autolock", SWARM},
	{"swarm", "api", SWARM},
	{"swarm", "portainer", SWARM}, /* MKE has a page */
	{NULL, "stacks", SWARM},
	{NULL, "daemon", SWARM | MKE},
	{NULL, "mke", MKE},
};

static int check_key(const struct yaml *y, const struct yaml_node *map, size_t i, const struct spec *s, struct error **err)
{
	const struct yaml_node *at = yaml_get(map, keys[i].key);

	enum platform_type owner = PLATFORM_KUBERNETES;

	if (at == NULL || (keys[i].platforms & ON(s->platform)) != 0)
		return 0;
	while ((keys[i].platforms & ON(owner)) == 0)
		owner++;
	return yaml_error(y, at, err, "%s: this is of \"platform: {type: %s}\"; %s has no such thing: leave it out", keys[i].key, platform_name(owner),
			  platform_title(s->platform));
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
		{"hosts", "whoever reaches it is root of the node; \"davit docker-context\" goes by SSH, and swarm.api opens a port with certificates"},
		{"tls", "swarm.api has certificates of davit's"},
		{"tlsverify", "swarm.api always verifies clients"},
		{"tlscacert", "swarm.api has certificates of davit's"},
		{"tlscert", "swarm.api has certificates of davit's"},
		{"tlskey", "swarm.api has certificates of davit's"},
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

static int check_stacks(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *list = yaml_get(file, "stacks");

	for (size_t i = 0; i < s->n_stacks; i++) {
		if (s->swarm.portainer.version != NULL && strcmp(s->stacks[i].name, PORTAINER_STACK) == 0)
			return yaml_error(y, yaml_get(list->values[i], "name"), err, "name: the stack \"" PORTAINER_STACK "\" is davit's own, by swarm.portainer");
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->stacks[i].name, s->stacks[k].name) == 0)
				return yaml_error(y, yaml_get(list->values[i], "name"), err, "name: there are two stacks \"%s\"", s->stacks[i].name);
	}
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
	return check_stacks(y, file, s, err) < 0 ? -1 : check_daemon(y, file, err);
}

int platform_check(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err)
{
	if (check_keys(y, file, s, err) < 0)
		return -1;
	if (!platform_is_swarm(s->platform))
		return 0;
	if (s->platform == PLATFORM_MKE && mke_check(y, file, s, err) < 0)
		return -1;
	if (s->platform == PLATFORM_SWARM)
		s->api.endpoint = API_INTERNAL; /* engines are reached through SSH */
	return check_swarm(y, file, s, err);
}

bool platform_is_swarm(enum platform_type p)
{
	return p == PLATFORM_SWARM || p == PLATFORM_MKE;
}

unsigned platform_place(enum platform_type p, enum node_role role)
{
	return role == NODE_REGISTRY ? (unsigned)PLACE_REGISTRY : PLACE(p, role);
}

unsigned place_of(const struct spec *s, const struct node *n)
{
	unsigned place = platform_place(s->platform, n->role);

	if (place == PLACE_MANAGER && s->swarm.api_cidrs.n > 0)
		place |= PLACE_ENGINE_API;
	if ((place & PLACE_MANAGER) && s->swarm.portainer.version != NULL)
		place |= PLACE_PORTAINER;
	if (msr_is_on(s, n))
		place |= PLACE_MSR;
	return place;
}

const char *platform_node_version(const struct spec *s)
{
	return s->platform == PLATFORM_MKE ? s->mke.engine.version : s->version;
}

char *platform_release(enum platform_type p, const char *version, const char *engine)
{
	return p == PLATFORM_MKE && engine != NULL ? xasprintf("%s with engine %s", version, engine) : xstrdup(version);
}

const char *platform_name(enum platform_type p)
{
	return platform_names[p];
}

const char *platform_title(enum platform_type p)
{
	return titles[p];
}
