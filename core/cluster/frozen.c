#include "core/cluster/frozen.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include <stdlib.h>

#define ETCD "/var/lib/etcd"

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

static char *version(const struct spec *s)
{
	return xstrdup(s->version);
}

/* Whether the volume at that folder holds etcd's data, or a part of it; above it none may be. */
static bool holds_etcd(const char *mount)
{
	size_t n = strlen(ETCD);

	return strncmp(mount, ETCD, n) == 0 && (mount[n] == '\0' || mount[n] == '/');
}

static char *etcd_disk(const struct spec *s)
{
	CLEANUP_STRV struct strv at = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	for (size_t i = 0; i < s->control_plane.n_volumes; i++)
		if (holds_etcd(s->control_plane.volumes[i].mount))
			strv_add(&at, s->control_plane.volumes[i].mount);
	if (at.n == 0)
		return xstrdup("the root disk");
	strv_sort(&at);
	joined = strv_join(&at, " and ");
	return xasprintf("a volume at %s", joined);
}

/* "1.36.3" as 1 * 1000 + 36. */
static long minor_of(const char *version)
{
	char *end = NULL;
	long major = strtol(version, &end, 10);

	return major * 1000 + (*end == '.' ? strtol(end + 1, NULL, 10) : 0);
}

/* Its minor version must not go back: what the newer API server has stored the older one does not read. */
static bool goes_back(const char *had, const char *wanted)
{
	return minor_of(wanted) < minor_of(had);
}

static const struct {
	const char *key; /* below spec */
	char *(*value)(const struct spec *s);
	bool (*refused)(const char *had, const char *wanted); /* NULL: any change is */
	const char *why;
} frozen[] = {
	{"platform.version", version, goes_back, "Kubernetes cannot go back to an older minor version"},
	{"network.cidr", cidr, NULL, "the servers' subnet has it"},
	{"network.podCIDR", pod_cidr, NULL, "the pods have addresses of it"},
	{"network.serviceCIDR", service_cidr, NULL, "the services have addresses of it, and the API's certificate too"},
	{"network.domain", domain, NULL, "it is in certificates, in tokens of service accounts, and in what pods look up"},
	{"network.plugin", plugin, NULL, "the pods are in its network"},
	{"controlPlane.volumes", etcd_disk, NULL, "etcd's data is there, and would begin anew elsewhere"},
};

static char *key_of(size_t i)
{
	return xasprintf("frozen:%s", frozen[i].key);
}

int frozen_keep(const struct spec *spec, struct state *state, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(frozen); i++) {
		CLEANUP_FREE char *key = key_of(i), *value = frozen[i].value(spec);

		if (state_set(state, key, value, err) < 0)
			return -1;
	}
	return 0;
}

static bool differs(size_t i, const char *had, const char *wanted)
{
	if (had == NULL || strcmp(had, wanted) == 0)
		return false;
	return frozen[i].refused == NULL || frozen[i].refused(had, wanted);
}

int frozen_check(const struct spec *spec, struct state *state, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	for (size_t i = 0; state != NULL && i < ARRAY_SIZE(frozen); i++) {
		CLEANUP_FREE char *key = key_of(i), *had = state_get(state, key), *wanted = frozen[i].value(spec), *place = NULL;

		if (!differs(i, had, wanted))
			continue;
		place = spec_place(spec, frozen[i].key);
		buf_addf(&text, "%s%s: %s: the cluster has %s, the file says %s: %s; write the old one back, or make the cluster anew (davit "
			 "delete, davit apply)", text.len > 0 ? "\n" : "", place, frozen[i].key, had, wanted, frozen[i].why);
	}
	return text.len > 0 ? error_set(err, ERROR_CONFIG, "%s", buf_str(&text)) : 0;
}
