#include "provision/existing.h"
#include "provision/pick.h"
#include "provision/preflight.h"

#define GIB (1024 * 1024 * 1024LL)

static char *join_names(const struct strv *names, const char *none)
{
	return names->n == 0 ? xstrdup(none) : strv_join(names, ", ");
}

void preflight_missing(struct preflight *p, const char *what, const char *key, const char *name, const struct strv *names,
		       const char *have)
{
	CLEANUP_FREE char *all = join_names(names, "none"), *meant = str_meant(name, names);
	CLEANUP_FREE char *fix = xasprintf("write the name or id of one that is there as %s", key);

	REFUSE(p, what, NULL, fix, "%s \"%s\": the cloud has no such %s; it has %s%s", what, name, what, have != NULL ? have : all,
	       meant);
}

static void find_several(struct preflight *p, const char *what, const char *key, const char *name, struct json_object **found,
			 size_t n)
{
	CLEANUP_STRV struct strv ids = STRV_INIT;
	CLEANUP_FREE char *all = NULL, *fix = xasprintf("write the id of the one that is meant as %s", key);

	for (size_t i = 0; i < n; i++)
		strv_add(&ids, json_get_str(found[i], "id", "?"));
	all = strv_join(&ids, ", ");
	REFUSE(p, what, NULL, fix, "%s \"%s\": the cloud has %zu of that name: %s", what, name, n, all);
}

static void list_names(struct json_object *list, bool (*take)(struct json_object *), struct strv *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_get_str(o, "name", "");

		if (*name != '\0' && (take == NULL || take(o)) && !strv_has(ret, name))
			strv_add(ret, name);
	}
	strv_sort(ret);
}

void check_services(struct preflight *p)
{
	static const struct {
		enum cloud_service service;
		const char *name;
	} wanted[] = {{CLOUD_COMPUTE, "compute (nova)"}, {CLOUD_NETWORK, "network (neutron)"}, {CLOUD_IMAGE, "image (glance)"}};
	const char *fix = "ask the cloud's operator, or set region_name and interface in clouds.yaml to where it is";
	bool volumes = false;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!p->view->services[wanted[i].service])
			REFUSE(p, "service", NULL, fix, "the cloud's catalog has no %s service, which davit needs", wanted[i].name);
	for (size_t i = 0; i < p->plan->n_nodes; i++)
		volumes |= p->plan->nodes[i].root.size_gib > 0 || p->plan->nodes[i].n_volumes > 0;
	if (p->plan->spec->api.endpoint == API_OCTAVIA && !p->view->services[CLOUD_LOAD_BALANCER])
		REFUSE(p, "service", NULL, "write api.endpoint: vip, which needs none, or ask the cloud's operator",
		       "the cloud's catalog has no load-balancer (octavia) service, and the file has api.endpoint: octavia");
	if (volumes && !p->view->services[CLOUD_VOLUME])
		REFUSE(p, "service", NULL, fix, "the cloud's catalog has no volume (cinder) service, and the file wants volumes");
}

/* What to do about an image that no server can be made of now. */
static const char *advice_of_status(const char *status)
{
	static const struct {
		const char *status, *fix;
	} advice[] = {{"queued", "upload its data, or name another one"},
		      {"saving", "wait for its upload"},
		      {"importing", "wait for its import"},
		      {"deactivated", "ask the cloud's operator why it was deactivated, or name another one"}};

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
		if (strcmp(status, advice[i].status) == 0)
			return advice[i].fix;
	return "name another one as spec.openstack.image";
}

static void check_one_image(struct preflight *p, const char *name, struct json_object *image)
{
	const char *status = json_get_str(image, "status", "active"), *format = json_get_str(image, "disk_format", "");
	const char *architecture = json_get_str(image, "hw_architecture", json_get_str(image, "architecture", "x86_64"));

	if (strcmp(status, "active") != 0)
		REFUSE(p, "image", "nova makes servers of active images only", advice_of_status(status), "image \"%s\": is %s, not active",
		       name, status);
	else if (!pick_is_bootable(image) || strcmp(format, "iso") == 0)
		REFUSE(p, "image", "a server needs a disk with a system on it", "name a disk image with cloud-init as spec.openstack.image",
		       "image \"%s\": is of format %s", name, format);
	else if (strcmp(architecture, "x86_64") != 0 && strcmp(architecture, "amd64") != 0)
		REFUSE(p, "image", "davit installs programs for amd64", "name an image for x86_64 as spec.openstack.image",
		       "image \"%s\": is for %s", name, architecture);
	else
		PASS(p, "image", "image \"%s\" (%s, %s)", name, json_get_str(image, "id", "?"), json_get_str(image, "visibility", "visible"));
}

static void check_image_named(struct preflight *p, const char *name)
{
	bool general = strcmp(name, p->plan->spec->openstack.image) == 0;
	const char *key = general ? "spec.openstack.image" : "the image of the pool, or of the registry";
	CLEANUP_STRV struct strv names = STRV_INIT;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(p->view->images, name, &n);

	list_names(p->view->all_images, pick_is_bootable, &names);
	if (n == 0)
		preflight_missing(p, "image", key, name, &names, NULL);
	else if (n > 1)
		find_several(p, "image", key, name, found, n);
	else
		check_one_image(p, name, found[0]);
}

void check_image(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	for (size_t i = 0; i < p->plan->n_nodes && p->view->services[CLOUD_IMAGE]; i++) {
		const char *name = p->plan->nodes[i].image;

		if (!strv_has(&seen, name))
			check_image_named(p, name);
		strv_add(&seen, name);
	}
}

void check_external(struct preflight *p)
{
	const char *name = pick_external_name(p->view, p->plan), *key = "spec.openstack.externalNetwork";
	struct json_object *picked = pick_external(p->view, p->plan);
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = name != NULL ? pick_named(p->view->externals, name, &n) : NULL;

	if (!p->view->services[CLOUD_NETWORK] || !wants_external(p->plan))
		return;
	list_names(p->view->externals, NULL, &names);
	all = join_names(&names, "none");
	if (picked != NULL)
		PASS(p, "external network", "external network \"%s\" (%s)", json_get_str(picked, "name", "?"), json_get_str(picked, "id", "?"));
	else if (name != NULL && n > 1)
		find_several(p, "external network", key, name, found, n);
	else if (name != NULL)
		preflight_missing(p, "external network", key, name, &names, NULL);
	else if (names.n == 0)
		REFUSE(p, "external network", "floating IPs and the way out need one", "ask the cloud's operator for one",
		       "the cloud has no external network");
	else
		REFUSE(p, "external network", NULL, "write the one that is meant as spec.openstack.externalNetwork",
		       "the cloud has several external networks: %s", all);
}

/* "m1.small (1 vCPU, 1024 MiB, 4 GiB disk)" for each. */
static char *flavor_offer(struct json_object *flavors)
{
	CLEANUP_STRV struct strv all = STRV_INIT;

	for (size_t i = 0; i < json_len(flavors); i++) {
		struct json_object *o = json_object_array_get_idx(flavors, i);

		strv_addf(&all, "%s (%lld vCPU, %lld MiB, %lld GiB disk)", json_get_str(o, "name", "?"),
			  (long long)json_get_int(o, "vcpus", 0), (long long)json_get_int(o, "ram", 0),
			  (long long)json_get_int(o, "disk", 0));
	}
	return join_names(&all, "none");
}

static int64_t disk_needed(struct json_object *image)
{
	int64_t size = preflight_amount(image, "virtual_size", preflight_amount(image, "size", 0));
	int64_t least = json_get_int(image, "min_disk", 0), size_gib = (size + GIB - 1) / GIB;

	return size_gib > least ? size_gib : least;
}

static bool check_disk(struct preflight *p, const struct plan_node *node, struct json_object *flavor, struct json_object *image)
{
	const char *name = node->image, *pool = node->node.pool;
	int64_t disk = json_get_int(flavor, "disk", 0), root = node->root.size_gib;
	long long least = disk_needed(image), have = root > 0 ? root : disk;

	if (have == 0)
		REFUSE(p, "flavor", "the image has to lie somewhere", "give the pool a root volume (volume: {size: …}), or another flavor",
		       "flavor \"%s\" of pool \"%s\": has no disk", node->flavor, pool);
	else if (have < least && root > 0)
		REFUSE(p, "flavor", "the image has to fit on it", "make the volume's size larger",
		       "pool \"%s\": a root volume of %lld GiB is too small for image \"%s\", which needs %lld GiB", pool, have, name, least);
	else if (have < least)
		REFUSE(p, "flavor", "the image has to fit on it", "name a larger flavor, or give the pool a root volume",
		       "flavor \"%s\": its disk of %lld GiB is too small for image \"%s\", which needs %lld GiB", node->flavor, have, name,
		       least);
	return have > 0 && have >= least;
}

static bool told(const struct preflight *p, const char *what)
{
	for (size_t i = 0; i < p->findings->n; i++)
		if (strcmp(p->findings->items[i].what, what) == 0)
			return true;
	return false;
}

static bool check_memory(struct preflight *p, const struct plan_node *node, struct json_object *flavor, struct json_object *image)
{
	int64_t ram = json_get_int(flavor, "ram", 0), min_ram = json_get_int(image, "min_ram", 0);
	CLEANUP_FREE char *what =
		xasprintf("flavor \"%s\": %lld MiB of memory are too little for image \"%s\", which needs %lld MiB", node->flavor,
			  (long long)ram, node->image, (long long)min_ram);

	if (ram >= min_ram)
		return true;
	if (!told(p, what)) /* pools that differ in their volumes share flavors */
		REFUSE(p, "flavor", "nova refuses such servers", "name a larger flavor", "%s", what);
	return false;
}

static void check_image_fits(struct preflight *p, const struct plan_node *node, struct json_object *flavor)
{
	struct json_object *image = pick_image(p->view, node->image);
	bool fits = true;

	if (image != NULL) {
		fits = check_memory(p, node, flavor, image);
		fits = check_disk(p, node, flavor, image) && fits; /* both are told */
	}
	if (fits)
		PASS(p, "flavor", "flavor \"%s\" of pool \"%s\" (%lld vCPU, %lld MiB)", node->flavor, node->node.pool,
		     (long long)json_get_int(flavor, "vcpus", 0), (long long)json_get_int(flavor, "ram", 0));
}

static void check_flavor(struct preflight *p, const struct plan_node *node)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *key = xasprintf("the flavor of pool \"%s\"", node->node.pool);
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(p->view->flavors, node->flavor, &n);

	if (n == 1) {
		check_image_fits(p, node, found[0]);
	} else if (n == 0) {
		CLEANUP_FREE char *offer = flavor_offer(p->view->flavors);

		list_names(p->view->flavors, NULL, &names);
		preflight_missing(p, "flavor", key, node->flavor, &names, offer);
	} else {
		find_several(p, "flavor", key, node->flavor, found, n);
	}
}

/* One finding a flavor and pool, not one a node. */
void check_flavors(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	if (!p->view->services[CLOUD_COMPUTE])
		return;
	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct plan_node *node = &p->plan->nodes[i];
		bool missing = pick_flavor(p->view, node->flavor) == NULL;
		CLEANUP_FREE char *key = xasprintf("%s/%s/%lld", node->flavor, missing ? "" : node->image,
						   missing ? 0LL : (long long)node->root.size_gib);

		if (strv_has(&seen, key))
			continue;
		strv_add(&seen, key);
		check_flavor(p, node);
	}
}
