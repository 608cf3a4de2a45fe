#include "core/cluster/frozen.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/cluster/msr.h"
#include "core/cluster/platform.h"
#include "core/cluster/version.h"
#include <stdlib.h>

#define ETCD "/var/lib/etcd"
#define DOCKER "/var/lib/docker"
#define ON(platform) (1u << (platform))
#define KUBERNETES ON(PLATFORM_KUBERNETES)
#define SWARM ON(PLATFORM_SWARM)
#define MKE ON(PLATFORM_MKE)
#define FROZEN "frozen:"
#define FROZEN_VERSION "platform.version"
#define FROZEN_ENGINE "mke.engine.version"
#define FROZEN_PACKAGES "mke.engine.packages"

static char *cidr(const struct spec *s)
{
	return xstrdup(s->network.cidr);
}

static char *pod_cidr(const struct spec *s)
{
	return xstrdup(s->network.pod_cidr);
}

static char *service_cidr(const struct spec *s)
{
	return xstrdup(s->network.service_cidr);
}

static char *domain(const struct spec *s)
{
	return xstrdup(s->network.domain);
}

static char *plugin(const struct spec *s)
{
	return xstrdup(s->network.plugin);
}

static char *platform(const struct spec *s)
{
	return xstrdup(platform_name(s->platform));
}

static char *address_pools(const struct spec *s)
{
	return strv_join(&s->swarm.address_pools, " ");
}

static char *mask_length(const struct spec *s)
{
	return xasprintf("%d", s->swarm.mask_length);
}

static char *engine_version(const struct spec *s)
{
	return xstrdup(s->mke.engine.version);
}

/* By the beginnings of their digests. */
static char *engine_packages(const struct spec *s)
{
	CLEANUP_STRV struct strv list = STRV_INIT;

	for (size_t i = 0; i < s->mke.engine.n_packages; i++)
		strv_addf(&list, "%.12s", s->mke.engine.packages[i].sha256);
	strv_sort(&list);
	return strv_join(&list, " ");
}

static char *version(const struct spec *s)
{
	return xstrdup(s->version);
}

/* Whether the volume at that folder holds the data, or a part of it. */
static bool holds(const char *data, const char *mount)
{
	size_t n = strlen(data);

	return strncmp(mount, data, n) == 0 && (mount[n] == '\0' || mount[n] == '/');
}

/* Where the control planes' own data is: etcd's, above which no volume may be, or the swarm's, which is the engine's. */
static char *data_disk(const struct spec *s)
{
	CLEANUP_STRV struct strv at = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	for (size_t i = 0; i < s->control_plane.n_volumes; i++)
		if (holds(platform_is_swarm(s->platform) ? DOCKER : ETCD, s->control_plane.volumes[i].mount))
			strv_add(&at, s->control_plane.volumes[i].mount);
	if (at.n == 0)
		return xstrdup("the root disk");
	strv_sort(&at);
	joined = strv_join(&at, " and ");
	return xasprintf("a volume at %s", joined);
}

static const char *anew(const char *had UNUSED, const char *wanted UNUSED)
{
	return "write the old one back, or make the cluster anew (davit delete, davit apply)";
}

static bool is_newer(const char *wanted, const char *had)
{
	struct version from, to;

	version_parse(had, &from);
	version_parse(wanted, &to);
	return version_compare(&to, &from) > 0;
}

#define UPGRADE "\"davit upgrade\" goes there, node by node; write the old one back for anything else"

/* Forward it is another command's, node by node. */
static const char *upgrade_or_back(const char *had, const char *wanted)
{
	return is_newer(wanted, had) ? UPGRADE : "Kubernetes does not go back; write the old one back, or make the cluster anew (davit delete, davit apply)";
}

static const char *engines_or_back(const char *had, const char *wanted)
{
	return is_newer(wanted, had) ? UPGRADE : "engines do not go back; write the old one back, or make the cluster anew (davit delete, davit apply)";
}

static const char *mke_or_back(const char *had, const char *wanted)
{
	return is_newer(wanted, had) ? UPGRADE : "MKE does not go back; write the old one back, or make the cluster anew (davit delete, davit apply)";
}

static const char *only_upgrade(const char *had UNUSED, const char *wanted UNUSED)
{
	return UPGRADE;
}

/* What an upgrade may do with it. */
enum movable { NEVER, FORWARD, FREELY };

static const struct {
	const char *key; /* below spec */
	char *(*value)(const struct spec *s);
	const char *why;
	const char *(*advice)(const char *had, const char *wanted);
	unsigned platforms;
	enum movable movable;
} frozen[] = {
	{"platform.type", platform, "the servers are made for one", anew, KUBERNETES | SWARM | MKE},
	{FROZEN_VERSION, version, "all nodes would change at once", upgrade_or_back, KUBERNETES, FORWARD},
	{FROZEN_VERSION, version, "all nodes would change at once", engines_or_back, SWARM, FORWARD},
	{FROZEN_VERSION, version, "all nodes would change at once", mke_or_back, MKE, FORWARD},
	{FROZEN_ENGINE, engine_version, "all engines would restart at once", engines_or_back, MKE, FORWARD},
	{FROZEN_PACKAGES, engine_packages, "all engines would restart at once", only_upgrade, MKE, FREELY},
	{"network.cidr", cidr, "the servers' subnet has it", anew, KUBERNETES | SWARM | MKE},
	{"network.podCIDR", pod_cidr, "the pods have addresses of it", anew, KUBERNETES | MKE},
	{"network.serviceCIDR", service_cidr, "the services have addresses of it, and the API's certificate too", anew, KUBERNETES | MKE},
	{"network.domain", domain, "it is in certificates, in tokens of service accounts, and in what pods look up", anew, KUBERNETES},
	{"network.plugin", plugin, "the pods are in its network", anew, KUBERNETES},
	{"controlPlane.volumes", data_disk, "etcd's data is there, and would begin anew elsewhere", anew, KUBERNETES},
	{"controlPlane.volumes", data_disk, "the swarm's data is there, and would begin anew elsewhere", anew, SWARM | MKE},
	{"swarm.addressPools", address_pools, "the overlay networks have addresses of it", anew, SWARM | MKE},
	{"swarm.maskLength", mask_length, "the overlay networks are as large as that", anew, SWARM | MKE},
};

static char *key_of(size_t i)
{
	return xasprintf(FROZEN "%s", frozen[i].key);
}

/* What belongs to another platform is told by its type alone. */
static bool is_of(const struct spec *spec, size_t i)
{
	return (frozen[i].platforms & ON(spec->platform)) != 0;
}

int frozen_keep(const struct spec *spec, struct state *state, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(frozen); i++) {
		CLEANUP_FREE char *key = key_of(i), *value = frozen[i].value(spec);

		if (is_of(spec, i) && state_set(state, key, value, err) < 0)
			return -1;
	}
	return 0;
}

char *frozen_version(struct state *state)
{
	return state != NULL ? state_get(state, FROZEN FROZEN_VERSION) : NULL;
}

char *frozen_release(const struct spec *spec, struct state *state)
{
	CLEANUP_FREE char *has = frozen_version(state), *engine = state != NULL ? state_get(state, FROZEN FROZEN_ENGINE) : NULL;

	return has != NULL ? platform_release(spec->platform, has, engine) : NULL;
}

static bool differs(const struct spec *spec, struct state *state, size_t i)
{
	CLEANUP_FREE char *key = key_of(i), *had = state_get(state, key), *wanted = frozen[i].value(spec);

	return is_of(spec, i) && had != NULL && strcmp(had, wanted) != 0;
}

static bool is_part(size_t i, enum frozen_part part)
{
	bool whole = strcmp(frozen[i].key, FROZEN_VERSION) == 0 && frozen[i].platforms == MKE;

	switch (part) {
	case FROZEN_WHOLE:
		return whole;
	case FROZEN_NODES:
		return !whole;
	case FROZEN_TOLD:
		return !whole && frozen[i].movable == FORWARD;
	case FROZEN_ANY:
		break;
	}
	return true;
}

bool frozen_moves(const struct spec *spec, struct state *state, enum frozen_part part)
{
	for (size_t i = 0; state != NULL && i < ARRAY_SIZE(frozen); i++)
		if (frozen[i].movable != NEVER && is_part(i, part) && differs(spec, state, i))
			return true;
	return false;
}

/* Whether that difference is one that `allowed` refuses. */
static bool refuses(size_t i, const char *had, const char *wanted, enum frozen_allowed allowed)
{
	if (had == NULL || strcmp(had, wanted) == 0)
		return false;
	if (allowed == FROZEN_ALLOW_NOTHING || frozen[i].movable == NEVER)
		return true;
	return frozen[i].movable == FORWARD && !is_newer(wanted, had);
}

int frozen_check(const struct spec *spec, struct state *state, enum frozen_allowed allowed, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	for (size_t i = 0; state != NULL && i < ARRAY_SIZE(frozen); i++) {
		CLEANUP_FREE char *key = key_of(i), *had = state_get(state, key), *wanted = frozen[i].value(spec), *place = NULL;

		if (!is_of(spec, i) || !refuses(i, had, wanted, allowed))
			continue;
		place = spec_place(spec, frozen[i].key);
		buf_addf(&text, "%s%s: %s: the cluster has %s, the file says %s: %s; %s", text.len > 0 ? "\n" : "", place, frozen[i].key, had,
			 wanted, frozen[i].why, frozen[i].advice(had, wanted));
	}
	return text.len > 0 ? error_set(err, ERROR_CONFIG, "%s", buf_str(&text)) : msr_check_kept(spec, state, err);
}
