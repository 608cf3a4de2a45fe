#include "registry/catalogue.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/path.h"
#include "core/cluster/mke.h"
#include "core/cluster/platform.h"
#include "registry/reference.h"
#include <ctype.h>

/* A set of versions that were proven together. */
struct component_set {
	const char *etcd, *containerd, *runc, *cni_plugins, *crictl, *flannel, *registry;
	const char *images[4], *haproxy;
};

static const struct component_set set_2026_11 = {
	.etcd = "3.6.16",
	.containerd = "2.3.7",
	.runc = "1.4.3",
	.cni_plugins = "1.9.1",
	.crictl = "1.36.0",
	.flannel = "0.28.10",
	.registry = "3.1.2",
	.images = {"registry.k8s.io/pause:3.10.2", "registry.k8s.io/coredns/coredns:v1.14.7",
		   "registry.k8s.io/metrics-server/metrics-server:v0.9.0"},
	.haproxy = "docker.io/library/haproxy:3.2.23-alpine",
};

static const struct component_set set_engines = {.registry = "3.1.2"}; /* their archive, or packages, hold containerd and runc */

/* Newest first; the patch is the one that was tried. */
static const struct {
	enum platform_type platform;
	const char *minor, *proven; /* proven NULL: by the documentation alone */
	const struct component_set *set;
} minors[] = {
	{PLATFORM_KUBERNETES, "1.36", "1.36.3", &set_2026_11},
	{PLATFORM_KUBERNETES, "1.35", "1.35.4", &set_2026_11},
	{PLATFORM_SWARM, "29.9", "29.9.3", &set_engines},
	{PLATFORM_MKE, "3.9", NULL, &set_engines},
	{PLATFORM_MKE, "3.8", NULL, &set_engines},
};

enum {
	CONTROL_PLANE = ARTIFACT_ROLES(NODE_CONTROL_PLANE),
	WORKER = ARTIFACT_ROLES(NODE_WORKER),
	ALL_NODES = ARTIFACT_ROLES(NODE_CONTROL_PLANE) | ARTIFACT_ROLES(NODE_WORKER),
	REGISTRY = ARTIFACT_ROLES(NODE_REGISTRY),
};
enum { OWN = -1, MSR = -2 }; /* the file's own versions */
#define OF(member) ((int)offsetof(struct component_set, member))
#define KUBE_URL "https://dl.k8s.io/release/v{v}/bin/linux/amd64/"

/*
 * {v} is the version.  A checksum that begins with "." is appended to the address, another stands beside the file.
 * In the order in which nodes need them: what containerd and kubelet need first, the registry's own (which goes to
 * its server over SSH) last.
 */
static const struct {
	const char *name;
	int version; /* offset in struct component_set, or one of the file's own */
	const char *url, *checksum; /* url NULL: a file of the operator's */
	enum artifact_format format;
	unsigned strip;
	const char *programs; /* blanks between them */
	unsigned roles;
	enum platform_type platform; /* of the registry server: on all */
} components[] = {
	{"containerd", OF(containerd),
	 "https://github.com/containerd/containerd/releases/download/v{v}/containerd-{v}-linux-amd64.tar.gz", ".sha256sum",
	 ARTIFACT_TAR_GZ, 1, "containerd containerd-shim-runc-v2 ctr", ALL_NODES},
	{"runc", OF(runc), "https://github.com/opencontainers/runc/releases/download/v{v}/runc.amd64", "runc.sha256sum",
	 ARTIFACT_FILE, 0, "runc", ALL_NODES},
	{"cni-plugins", OF(cni_plugins),
	 "https://github.com/containernetworking/plugins/releases/download/v{v}/cni-plugins-linux-amd64-v{v}.tgz", ".sha256",
	 ARTIFACT_TAR_GZ, 0, "", ALL_NODES},
	{"kubelet", OWN, KUBE_URL "kubelet", ".sha256", ARTIFACT_FILE, 0, "kubelet", ALL_NODES},
	{"etcd", OF(etcd), "https://github.com/etcd-io/etcd/releases/download/v{v}/etcd-v{v}-linux-amd64.tar.gz", "SHA256SUMS",
	 ARTIFACT_TAR_GZ, 1, "etcd etcdctl etcdutl", CONTROL_PLANE},
	{"kube-apiserver", OWN, KUBE_URL "kube-apiserver", ".sha256", ARTIFACT_FILE, 0, "kube-apiserver", CONTROL_PLANE},
	{"kubectl", OWN, KUBE_URL "kubectl", ".sha256", ARTIFACT_FILE, 0, "kubectl", CONTROL_PLANE},
	{"kube-controller-manager", OWN, KUBE_URL "kube-controller-manager", ".sha256", ARTIFACT_FILE, 0,
	 "kube-controller-manager", CONTROL_PLANE},
	{"kube-scheduler", OWN, KUBE_URL "kube-scheduler", ".sha256", ARTIFACT_FILE, 0, "kube-scheduler", CONTROL_PLANE},
	{"kube-proxy", OWN, KUBE_URL "kube-proxy", ".sha256", ARTIFACT_FILE, 0, "kube-proxy", ALL_NODES},
	{"flannel", OF(flannel), "https://github.com/flannel-io/flannel/releases/download/v{v}/flannel-v{v}-linux-amd64.tar.gz",
	 NULL, ARTIFACT_TAR_GZ, 0, "flanneld", ALL_NODES},
	{"crictl", OF(crictl),
	 "https://github.com/kubernetes-sigs/cri-tools/releases/download/v{v}/crictl-v{v}-linux-amd64.tar.gz", ".sha256",
	 ARTIFACT_TAR_GZ, 0, "crictl", ALL_NODES},
	{"docker", OWN, "https://download.docker.com/linux/static/stable/x86_64/docker-{v}.tgz", NULL, ARTIFACT_TAR_GZ, 1,
	 "docker dockerd docker-proxy containerd containerd-shim-runc-v2 ctr runc", ALL_NODES, PLATFORM_SWARM},
	{"mke-images", OWN, NULL, NULL, ARTIFACT_IMAGES, 0, "", ALL_NODES, PLATFORM_MKE},
	{MSR_IMAGES, MSR, NULL, NULL, ARTIFACT_IMAGES, 0, "", WORKER, PLATFORM_MKE}, /* of the pool alone that has it (bootstrap/artifacts.c) */
	{"registry", OF(registry),
	 "https://github.com/distribution/distribution/releases/download/v{v}/registry_{v}_linux_amd64.tar.gz", ".sha256",
	 ARTIFACT_TAR_GZ, 0, "registry", REGISTRY},
};

/* Where images stand among the artifacts: before the one that is named. */
static const struct {
	const char *repository, *before;
} image_ranks[] = {
	{"pause:", "kubelet"},
	{"library/haproxy:", "kubelet"},
	{"coredns/coredns:", "crictl"},
	{"metrics-server/metrics-server:", "crictl"},
};

static size_t component_rank(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(components); i++)
		if (strcmp(components[i].name, name) == 0)
			return 2 * i + 1;
	return 2 * ARRAY_SIZE(components); /* the file's own images */
}

size_t catalogue_rank(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(image_ranks); i++)
		if (strncmp(name, image_ranks[i].repository, strlen(image_ranks[i].repository)) == 0)
			return component_rank(image_ranks[i].before) - 1;
	return component_rank(name);
}

const char *catalogue_version(const struct artifacts *a)
{
	const struct artifact *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(components) && found == NULL; i++)
		if (components[i].version == OWN)
			found = artifacts_find(a, components[i].name);
	return found != NULL ? found->version : NULL;
}

/* "1.36.3" is of minor "1.36": the minor, a dot, digits. */
static bool of_minor(const char *version, const char *minor)
{
	size_t n = strlen(minor);

	return strncmp(version, minor, n) == 0 && version[n] == '.' && version[n + 1] != '\0' &&
	       strspn(version + n + 1, "0123456789") == strlen(version + n + 1);
}

static const struct component_set *find_set(const struct spec *spec, struct error **err)
{
	CLEANUP_BUF struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(minors); i++)
		if (minors[i].platform == spec->platform && of_minor(spec->version, minors[i].minor))
			return minors[i].set;
	for (size_t i = 0; i < ARRAY_SIZE(minors); i++)
		if (minors[i].platform == spec->platform)
			buf_addf(&known, "%s%s.x (%s%s)", known.len == 0 ? "" : ", ", minors[i].minor, minors[i].proven != NULL ? "proven with " : "by the documentation, untested",
				 minors[i].proven != NULL ? minors[i].proven : "");
	error_set(err, ERROR_CONFIG, "platform.version: %s \"%s\" is not supported; supported are %s", platform_title(spec->platform), spec->version,
		  buf_str(&known));
	return NULL;
}

static char *expand(const char *text, const char *version)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	const char *mark;

	while ((mark = strstr(text, "{v}")) != NULL) {
		buf_add_mem(&b, text, (size_t)(mark - text));
		buf_add(&b, version);
		text = mark + 3;
	}
	buf_add(&b, text);
	return buf_steal(&b);
}

static char *checksum_url(const char *url, const char *checksum)
{
	if (checksum == NULL)
		return NULL;
	if (*checksum == '.')
		return xasprintf("%s%s", url, checksum);
	return xasprintf("%.*s%s", (int)(strrchr(url, '/') + 1 - url), url, checksum);
}

static void add_own(struct catalogue_item *item, const struct spec *spec, const struct own_file *f, const char *key)
{
	CLEANUP_FREE char *path = path_absolute(f->path);

	item->url = xasprintf("file://%s", path);
	item->digest = xasprintf("sha256:%s", f->sha256);
	item->place = spec_place(spec, key);
}

/* Their own digests tell them apart: what the vendor calls a version holds characters that no path should. */
static void add_packages(struct catalogue *c, const struct spec *spec)
{
	for (size_t i = 0; spec->platform == PLATFORM_MKE && i < spec->mke.engine.n_packages; i++) {
		const struct own_file *f = &spec->mke.engine.packages[i];
		struct catalogue_item *item = &c->items[c->n++];

		item->own_name = mke_package_name(f->path);
		item->name = item->own_name;
		item->version = xasprintf("%.12s", f->sha256);
		item->format = ARTIFACT_DEB;
		item->roles = ALL_NODES;
		add_own(item, spec, f, "mke.engine.packages");
	}
}

static void add_item(struct catalogue *c, size_t i, const char *version, const struct spec *spec)
{
	struct catalogue_item *item = &c->items[c->n++];

	item->name = components[i].name;
	item->version = xstrdup(version);
	if (components[i].version == MSR) {
		add_own(item, spec, &spec->mke.msr.images, "mke.msr.images");
	} else if (components[i].url == NULL) {
		add_own(item, spec, &spec->mke.images, "mke.images");
	} else {
		item->url = expand(components[i].url, version);
		item->checksum_url = checksum_url(item->url, components[i].checksum);
	}
	item->format = components[i].format;
	item->strip = components[i].strip;
	item->roles = components[i].roles;
	strv_split(&item->programs, components[i].programs, " ");
}

static const char *version_of(size_t i, const struct component_set *set, const struct spec *spec)
{
	const char *version = NULL;

	if (components[i].version == OWN)
		return spec->version;
	if (components[i].version == MSR)
		return spec->mke.msr.version;
	memcpy(&version, (const char *)set + components[i].version, sizeof(version));
	return version;
}

/* Two images that the private registry would have to serve under one name cannot both be there. */
static int add_image(struct catalogue *c, struct strv *locals, const char *name, struct error **err)
{
	CLEANUP_REFERENCE struct reference r = {0};
	CLEANUP_FREE char *local = NULL, *full = NULL;

	if (reference_parse(name, &r, err) < 0)
		return error_wrap(err, "artifacts.images");
	local = reference_local(&r);
	full = xasprintf("%s/%s%s%s", r.host, local, r.digest == NULL ? "" : "@", r.digest == NULL ? "" : r.digest);
	for (size_t i = 0; i < locals->n; i++) {
		if (strcmp(locals->v[i], local) != 0)
			continue;
		if (strcmp(c->images.v[i], full) == 0)
			return 0;
		return error_set(
			err, ERROR_CONFIG,
			"artifacts.images: \"%s\" and \"%s\" would both be \"%s\" in the cluster's registry: leave one out",
			c->images.v[i], full, local);
	}
	strv_add(locals, local);
	strv_add(&c->images, full);
	return 0;
}

static int add_images(struct catalogue *c, const struct component_set *set, const struct spec *spec, struct error **err)
{
	CLEANUP_STRV struct strv locals = STRV_INIT;
	CLEANUP_FREE char *portainer =
		spec->swarm.portainer.version != NULL ? xasprintf("docker.io/portainer/portainer-ce:%s", spec->swarm.portainer.version) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(set->images) && set->images[i] != NULL; i++)
		if (add_image(c, &locals, set->images[i], err) < 0)
			return -1;
	if (set->haproxy != NULL && spec->control_plane.count > 1 && add_image(c, &locals, set->haproxy, err) < 0)
		return -1;
	if (portainer != NULL && add_image(c, &locals, portainer, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->artifacts.images.n; i++)
		if (add_image(c, &locals, spec->artifacts.images.v[i], err) < 0)
			return -1;
	return 0;
}

static bool is_needed(size_t i, const struct spec *spec)
{
	if (components[i].platform != spec->platform && components[i].roles != REGISTRY)
		return false;
	if (components[i].version == MSR)
		return spec->mke.msr.version != NULL;
	return strcmp(components[i].name, "flannel") != 0 || strcmp(spec->network.plugin, "flannel") == 0;
}

int catalogue_make(const struct spec *spec, struct catalogue *ret, struct error **err)
{
	const struct component_set *set = find_set(spec, err);
	CLEANUP_CATALOGUE struct catalogue c = {0};

	if (set == NULL)
		return -1;
	c.items = xnew_n(struct catalogue_item, ARRAY_SIZE(components) + spec->mke.engine.n_packages);
	add_packages(&c, spec);
	for (size_t i = 0; i < ARRAY_SIZE(components); i++)
		if (is_needed(i, spec))
			add_item(&c, i, version_of(i, set, spec), spec);
	if (add_images(&c, set, spec, err) < 0)
		return -1;
	*ret = c;
	c = (struct catalogue){0};
	return 0;
}

void catalogue_free(struct catalogue *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].version);
		free(c->items[i].url);
		free(c->items[i].checksum_url);
		free(c->items[i].own_name);
		free(c->items[i].digest);
		free(c->items[i].place);
		strv_free(&c->items[i].programs);
	}
	free(c->items);
	strv_free(&c->images);
	*c = (struct catalogue){0};
}

char *catalogue_url(const char *upstream, const char *mirror)
{
	const char *path = strstr(upstream, "://");
	size_t n;

	if (mirror == NULL || path == NULL)
		return xstrdup(upstream);
	for (n = strlen(mirror); n > 0 && mirror[n - 1] == '/'; n--)
		;
	return xasprintf("%.*s/%s", (int)n, mirror, path + 3);
}
