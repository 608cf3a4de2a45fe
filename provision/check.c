#include "core/base/alloc.h"
#include "provision/check_modes.h"
#include "provision/pick.h"

/* Every check adds its findings, one line each; all are told at once. */
struct findings {
	const struct plan *plan;
	struct view *view;
	struct strv lines;
	bool refused; /* more than a wrong name: the cloud cannot do it */
};

#define GIB (1024 * 1024 * 1024LL)

static char *join_names(const struct strv *names, const char *none)
{
	return names->n == 0 ? xstrdup(none) : strv_join(names, ", ");
}

static void add_similar(struct buf *b, const char *name, const struct strv *names)
{
	const char *near = str_nearest(name, (const char *const *)names->v, names->n);

	if (near != NULL)
		buf_addf(b, "; did you mean \"%s\"?", near);
}

/* "image "x": the cloud has none of that name (…), or several (…)". */
static void find_missing(struct findings *f, const char *what, const char *name, const struct strv *names, const char *have)
{
	CLEANUP_BUF struct buf line = BUF_INIT;
	CLEANUP_FREE char *all = join_names(names, "none");

	buf_addf(&line, "%s \"%s\": the cloud has no such %s; it has %s", what, name, what, have != NULL ? have : all);
	add_similar(&line, name, names);
	strv_add(&f->lines, buf_str(&line));
}

static void find_several(struct findings *f, const char *what, const char *name, struct json_object **found, size_t n)
{
	CLEANUP_STRV struct strv ids = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (size_t i = 0; i < n; i++)
		strv_add(&ids, json_get_str(found[i], "id", "?"));
	all = strv_join(&ids, ", ");
	strv_addf(&f->lines, "%s \"%s\": the cloud has %zu of that name; write the id of the one that is meant: %s", what, name,
		  n, all);
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

static void check_services(struct findings *f)
{
	static const struct {
		enum cloud_service service;
		const char *name;
	} wanted[] = {{CLOUD_COMPUTE, "compute (nova)"}, {CLOUD_NETWORK, "network (neutron)"}, {CLOUD_IMAGE, "image (glance)"}};
	bool volumes = false;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (f->view->services[wanted[i].service])
			continue;
		strv_addf(&f->lines, "the cloud's catalog has no %s service, which davit needs", wanted[i].name);
		f->refused = true;
	}
	for (size_t i = 0; i < f->plan->n_nodes; i++)
		volumes |= f->plan->nodes[i].root.size_gib > 0 || f->plan->nodes[i].n_volumes > 0;
	if (volumes && !f->view->services[CLOUD_VOLUME]) {
		strv_add(&f->lines, "the cloud's catalog has no volume (cinder) service, and the file wants volumes");
		f->refused = true;
	}
}

static void check_image(struct findings *f)
{
	const char *name = f->plan->spec->openstack.image;
	CLEANUP_STRV struct strv names = STRV_INIT;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(f->view->images, name, &n);
	const char *status = n == 1 ? json_get_str(found[0], "status", "active") : "active";

	if (!f->view->services[CLOUD_IMAGE])
		return;
	list_names(f->view->all_images, pick_is_bootable, &names);
	if (n == 0)
		find_missing(f, "image", name, &names, NULL);
	else if (n > 1)
		find_several(f, "image", name, found, n);
	else if (strcmp(status, "active") != 0)
		strv_addf(&f->lines, "image \"%s\": is %s, not active; wait for its upload, or name another one", name, status);
}

static void check_external(struct findings *f)
{
	const char *name = pick_external_name(f->view, f->plan);
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = name != NULL ? pick_named(f->view->externals, name, &n) : NULL;

	if (!f->view->services[CLOUD_NETWORK] || pick_external(f->view, f->plan) != NULL)
		return;
	list_names(f->view->externals, NULL, &names);
	all = join_names(&names, "none");
	if (name != NULL && n > 1)
		find_several(f, "external network", name, found, n);
	else if (name != NULL)
		find_missing(f, "external network", name, &names, NULL);
	else if (names.n == 0)
		strv_add(&f->lines,
			 "the cloud has no external network: floating IPs and the way out need one (ask its operator)");
	else
		strv_addf(&f->lines, "the cloud has several external networks: name one as spec.openstack.externalNetwork: %s",
			  all);
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

static void check_disk(struct findings *f, const struct plan_node *node, struct json_object *flavor, struct json_object *image)
{
	const char *name = f->plan->spec->openstack.image;
	int64_t disk = json_get_int(flavor, "disk", 0),
		size = json_get_int(image, "virtual_size", json_get_int(image, "size", 0));
	int64_t least = json_get_int(image, "min_disk", 0), size_gib = (size + GIB - 1) / GIB;
	int64_t have = node->root.size_gib > 0 ? node->root.size_gib : disk;

	if (size_gib > least)
		least = size_gib;
	f->refused |= have == 0 || have < least;
	if (have == 0)
		strv_addf(&f->lines, "flavor \"%s\": has no disk; give pool \"%s\" a root volume (volume: {size: …})",
			  node->flavor, node->node.pool);
	else if (have < least && node->root.size_gib > 0)
		strv_addf(&f->lines, "pool \"%s\": a root volume of %lld GiB is too small for image \"%s\", which needs %lld GiB",
			  node->node.pool, (long long)have, name, (long long)least);
	else if (have < least)
		strv_addf(&f->lines, "flavor \"%s\": its disk of %lld GiB is too small for image \"%s\", which needs %lld GiB",
			  node->flavor, (long long)have, name, (long long)least);
}

static void check_image_fits(struct findings *f, const struct plan_node *node, struct json_object *flavor)
{
	struct json_object *image = pick_image(f->view, f->plan);
	int64_t ram = json_get_int(flavor, "ram", 0), min_ram = json_get_int(image, "min_ram", 0);

	if (image == NULL)
		return;
	if (ram < min_ram) {
		CLEANUP_FREE char *line =
			xasprintf("flavor \"%s\": %lld MiB of memory are too little for image \"%s\", which needs %lld MiB",
				  node->flavor, (long long)ram, f->plan->spec->openstack.image, (long long)min_ram);

		if (!strv_has(&f->lines, line)) /* pools that differ in their volumes share flavors */
			strv_add(&f->lines, line);
		f->refused = true;
	}
	check_disk(f, node, flavor, image);
}

static void check_flavor(struct findings *f, const struct plan_node *node)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(f->view->flavors, node->flavor, &n);

	if (n == 1) {
		check_image_fits(f, node, found[0]);
	} else if (n == 0) {
		CLEANUP_FREE char *offer = flavor_offer(f->view->flavors);

		list_names(f->view->flavors, NULL, &names);
		find_missing(f, "flavor", node->flavor, &names, offer);
	} else {
		find_several(f, "flavor", node->flavor, found, n);
	}
}

/* One finding a flavor and pool, not one a node. */
static void check_flavors(struct findings *f)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	if (!f->view->services[CLOUD_COMPUTE])
		return;
	for (size_t i = 0; i < f->plan->n_nodes; i++) {
		const struct plan_node *node = &f->plan->nodes[i];
		bool missing = pick_flavor(f->view, node->flavor) == NULL;
		CLEANUP_FREE char *key = xasprintf("%s/%lld", node->flavor, missing ? 0LL : (long long)node->root.size_gib);

		if (strv_has(&seen, key))
			continue;
		strv_add(&seen, key);
		check_flavor(f, node);
	}
}

int provision_check(const struct plan *plan, struct view *view, struct error **err)
{
	struct findings f = {.plan = plan, .view = view, .lines = STRV_INIT};
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_FREE char *text = NULL;
	enum error_kind kind = ERROR_CONFIG;

	check_services(&f);
	check_image(&f);
	check_external(&f);
	check_flavors(&f);
	check_server_groups(plan, view, &f.lines);
	lines = f.lines; /* from here on freed at the end */
	if (lines.n == 0)
		return 0;
	kind = f.refused ? ERROR_PREFLIGHT : ERROR_CONFIG;
	text = strv_join(&lines, "\n");
	return error_set(err, kind, "%s", text);
}
