#include "core/cluster/msr.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/yaml.h"
#include "core/cluster/version.h"
#include <ctype.h>

#define REPLICA "msr:replica:"
#define BEGUN "msr:begun:"
#define INSTALLED "msr:installed" /* what it was made of: "VERSION POOL STORAGE" */

/* ---- the file */

static const struct {
	const char *minor, *image;
} versions[] = {
	{"2.10", "registry.mirantis.com/msr/dtr"},
	{"2.9", "mirantis/dtr"},
};

const char *msr_image(const char *version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		size_t n = strlen(versions[i].minor);

		if (strncmp(version, versions[i].minor, n) == 0 && version[n] == '.' && version[n + 1] != '\0' &&
		    strspn(version + n + 1, "0123456789") == strlen(version + n + 1))
			return versions[i].image;
	}
	return NULL;
}

static int check_version(const struct yaml *y, const struct yaml_node *msr, const struct spec *s, struct error **err)
{
	const char *digits = s->mke.msr.images.sha256;

	if (msr_image(s->mke.msr.version) == NULL)
		return yaml_error(y, yaml_get(msr, "version"), err, "version: Mirantis Secure Registry \"%s\" is not supported; supported are 2.10.x and 2.9.x, by the documentation, untested",
				  s->mke.msr.version);
	if (strlen(digits) != DIGEST_HEX_LEN || strspn(digits, "0123456789abcdef") != DIGEST_HEX_LEN)
		return yaml_error(y, yaml_get(yaml_get(msr, "images"), "sha256"), err, "sha256: \"%s\" is none: 64 hexadecimal digits, as \"sha256sum %s\" prints them", digits,
				  s->mke.msr.images.path);
	return 0;
}

static const struct pool_spec *pool_of(const struct spec *s, size_t *ret_index)
{
	for (*ret_index = 0; *ret_index < s->n_pools; (*ret_index)++)
		if (strcmp(s->pools[*ret_index].name, s->mke.msr.pool) == 0)
			return &s->pools[*ret_index];
	return NULL;
}

/* https://docs.mirantis.com/msr/2.9/cli-ref/join.html */
static int check_pool(const struct yaml *y, const struct yaml_node *file, const struct yaml_node *msr, const struct spec *s, struct error **err)
{
	const struct yaml_node *pools = yaml_get(file, "workerPools"), *at;
	size_t i = 0;
	const struct pool_spec *pool = pool_of(s, &i);

	if (pool == NULL)
		return yaml_error(y, yaml_get(msr, "pool"), err, "pool: \"%s\" is none of workerPools: each node of that pool has a replica", s->mke.msr.pool);
	at = yaml_get(pools->values[i], "count");
	if (pool->count > 7 || pool->count % 2 == 0)
		return yaml_error(y, at != NULL ? at : yaml_get(msr, "pool"), err, "count: pool \"%s\" has MSR's replicas, of which there are 1, 3, 5 or 7", pool->name);
	if (pool->count > 1 && s->mke.msr.nfs == NULL)
		return yaml_error(y, at, err, "count: %d replicas of MSR need images where all of them find them: name \"nfs\" in mke.msr", pool->count);
	return 0;
}

static bool is_host(const char *host)
{
	return isalnum((unsigned char)*host) && strlen(host) <= 253 && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(host);
}

static bool is_nfs(const char *url)
{
	static const char *const scheme = "nfs://";
	const char *path = strncmp(url, scheme, strlen(scheme)) == 0 ? strchr(url + strlen(scheme), '/') : NULL;

	return path != NULL && path > url + strlen(scheme) && strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/") == strlen(url);
}

static bool is_volume(const char *name)
{
	return (*name == '/' || isalnum((unsigned char)*name)) && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == strlen(name);
}

static int check_storage(const struct yaml *y, const struct yaml_node *msr, const struct spec *s, struct error **err)
{
	const char *nfs = s->mke.msr.nfs, *volume = s->mke.msr.volume;

	if (nfs != NULL && !is_nfs(nfs))
		return yaml_error(y, yaml_get(msr, "nfs"), err, "nfs: \"%s\" is none: nfs://HOST/PATH", nfs);
	if (volume != NULL && !is_volume(volume))
		return yaml_error(y, yaml_get(msr, "volume"), err, "volume: \"%s\" is none: the name of a volume of the engine's, or the path of a folder", volume);
	if (nfs != NULL && volume != NULL)
		return yaml_error(y, yaml_get(msr, "volume"), err, "volume: images lie in one place: leave this or \"nfs\" out");
	return 0;
}

int msr_check(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *msr = yaml_get(yaml_get(file, "mke"), "msr");

	if (s->mke.msr.version == NULL)
		return 0;
	if (check_version(y, msr, s, err) < 0 || check_storage(y, msr, s, err) < 0)
		return -1;
	if (!is_host(s->mke.msr.host))
		return yaml_error(y, yaml_get(msr, "host"), err, "host: \"%s\" is no name: small letters, digits, dots and -, without https:// and port", s->mke.msr.host);
	return check_pool(y, file, msr, s, err);
}

bool msr_is_on(const struct spec *s, const struct node *n)
{
	return s->mke.msr.version != NULL && n->role == NODE_WORKER && n->pool != NULL && strcmp(n->pool, s->mke.msr.pool) == 0;
}

/* ---- the state */

static char *get(struct state *s, const char *prefix, const char *node)
{
	CLEANUP_FREE char *key = xasprintf("%s%s", prefix, node);

	return s != NULL ? state_get(s, key) : NULL;
}

static int set(struct state *s, const char *prefix, const char *node, const char *value, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("%s%s", prefix, node);

	return state_set(s, key, value, err);
}

static char *storage(const struct spec *s)
{
	const char *text = s->mke.msr.nfs != NULL ? s->mke.msr.nfs : s->mke.msr.volume;

	return xasprintf("%s %s", s->mke.msr.pool, text != NULL ? text : "local");
}

char *msr_replica(struct state *s, const char *node)
{
	return get(s, REPLICA, node);
}

char *msr_begun(struct state *s, const char *node)
{
	return get(s, BEGUN, node);
}

int msr_note_begun(struct state *s, const char *node, const char *id, struct error **err)
{
	return set(s, BEGUN, node, id, err);
}

int msr_note_version(struct state *s, const struct spec *spec, const char *version, struct error **err)
{
	CLEANUP_FREE char *rest = storage(spec), *what = xasprintf("%s %s", version, rest);

	return state_set(s, INSTALLED, what, err);
}

int msr_note_replica(struct state *s, const struct spec *spec, const char *node, const char *id, struct error **err)
{
	if (!msr_is_installed(s) && msr_note_version(s, spec, spec->mke.msr.version, err) < 0)
		return -1;
	return set(s, REPLICA, node, id, err) < 0 ? -1 : set(s, BEGUN, node, NULL, err);
}

int msr_note_gone(struct state *s, const char *node, struct error **err)
{
	return set(s, REPLICA, node, NULL, err) < 0 ? -1 : set(s, BEGUN, node, NULL, err);
}

bool msr_is_installed(struct state *s)
{
	CLEANUP_FREE char *what = s != NULL ? state_get(s, INSTALLED) : NULL;

	return what != NULL;
}

char *msr_version(struct state *s)
{
	CLEANUP_FREE char *what = s != NULL ? state_get(s, INSTALLED) : NULL;

	return what != NULL ? xstrndup(what, strcspn(what, " ")) : NULL;
}

static bool goes_back(const char *had, const char *wanted)
{
	struct version old, new;

	(void)!version_parse(had, &old);
	(void)!version_parse(wanted, &new);
	return version_compare(&new, &old) < 0;
}

static bool stays(const struct spec *spec, const char *had)
{
	CLEANUP_FREE char *version = xstrndup(had, strcspn(had, " ")), *rest = storage(spec);

	return strcmp(had + strcspn(had, " ") + 1, rest) == 0 && !goes_back(version, spec->mke.msr.version);
}

int msr_check_kept(const struct spec *spec, struct state *s, struct error **err)
{
	CLEANUP_FREE char *had = s != NULL ? state_get(s, INSTALLED) : NULL, *place = spec_place(spec, "mke.msr"), *rest = NULL;

	if (had == NULL || (spec->mke.msr.version != NULL && stays(spec, had)))
		return 0;
	if (spec->mke.msr.version == NULL)
		return error_set(err, ERROR_CONFIG,
				 "%s: mke.msr: the cluster has MSR (%s), which the file no longer names: davit does not take it away with its images; put it back into the file, or delete the cluster",
				 place, had);
	rest = storage(spec);
	return error_set(err, ERROR_CONFIG,
			 "%s: mke.msr: the cluster has version, pool and storage \"%s\", the file says \"%s %s\": MSR does not go back to an older version, and davit moves neither it nor its images; put back what it has",
			 place, had, spec->mke.msr.version, rest);
}
