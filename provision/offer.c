#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "provision/pick.h"

struct offer {
	struct cloud *cloud;
	struct json_object *images, *flavors, *networks;
};

static int list_images(void *context, struct error **err)
{
	struct offer *o = context;

	return cloud_list(o->cloud, CLOUD_IMAGE, "/images?status=active", "images", NULL, &o->images, err);
}

static int list_flavors(void *context, struct error **err)
{
	struct offer *o = context;

	return cloud_list(o->cloud, CLOUD_COMPUTE, "/flavors/detail", "flavors", NULL, &o->flavors, err);
}

static int list_networks(void *context, struct error **err)
{
	struct offer *o = context;

	return cloud_list(o->cloud, CLOUD_NETWORK, "/networks?router:external=true", "networks", NULL, &o->networks, err);
}

/* Which numbers of the cloud's are offered under which name. */
struct field {
	const char *from, *to;
};

static int by_ram(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	int64_t left = json_get_int(x, "ram_mib", 0), right = json_get_int(y, "ram_mib", 0);

	if (left != right)
		return left < right ? -1 : 1;
	return strverscmp(json_get_str(x, "name", ""), json_get_str(y, "name", ""));
}

static struct json_object *shorten(struct json_object *list, bool (*take)(struct json_object *), const struct field *fields,
				   size_t n)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *had = json_object_array_get_idx(list, i), *o;

		if (take != NULL && !take(had))
			continue;
		o = json_object_new_object();
		json_add_str(o, "name", json_get_str(had, "name", ""));
		json_add_str(o, "id", json_get_str(had, "id", ""));
		for (size_t f = 0; f < n; f++)
			json_add_int(o, fields[f].to, json_get_int(had, fields[f].from, 0));
		json_object_array_add(all, o);
	}
	json_object_array_sort(all, by_ram);
	return all;
}

int provision_offer(struct cloud *c, struct json_object **ret, struct error **err)
{
	static const struct field flavor[] = {{"vcpus", "vcpus"}, {"ram", "ram_mib"}, {"disk", "disk_gib"}};
	static const struct field image[] = {{"min_disk", "min_disk_gib"}, {"min_ram", "min_ram_mib"}};
	struct offer o = {.cloud = c};
	const struct parallel_task tasks[] = {{list_images, &o}, {list_flavors, &o}, {list_networks, &o}};
	int r = parallel_run(tasks, ARRAY_SIZE(tasks), err);

	if (r == 0) {
		*ret = json_object_new_object();
		json_add(*ret, "images", shorten(o.images, pick_is_bootable, image, ARRAY_SIZE(image)));
		json_add(*ret, "flavors", shorten(o.flavors, NULL, flavor, ARRAY_SIZE(flavor)));
		json_add(*ret, "external_networks", shorten(o.networks, NULL, NULL, 0));
	}
	json_object_put(o.images);
	json_object_put(o.flavors);
	json_object_put(o.networks);
	return r;
}
