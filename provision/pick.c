#include "provision/pick.h"
#include "provision/body.h"
#include "provision/retire.h"
#include "core/base/alloc.h"
#include <ctype.h>

bool pick_is_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[36] == '\0';
}

struct json_object **pick_named(struct json_object *list, const char *name, size_t *ret_n)
{
	struct json_object **found = xnew_n(struct json_object *, json_len(list) + 1);
	size_t n = 0;

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "name", ""), name) == 0 || strcmp(json_get_str(o, "id", ""), name) == 0)
			found[n++] = o;
	}
	*ret_n = n;
	return found;
}

static struct json_object *only(struct json_object *list, const char *name)
{
	size_t n = 0;
	CLEANUP_FREE struct json_object **found = pick_named(list, name, &n);

	return n == 1 ? found[0] : NULL;
}

struct json_object *pick_image(const struct view *v, const char *name)
{
	return only(v->images, name);
}

struct json_object *pick_flavor(const struct view *v, const char *name)
{
	return only(v->flavors, name);
}

const char *pick_external_name(const struct view *v, const struct plan *plan)
{
	const char *name = plan->spec->openstack.external_network;

	return name != NULL ? name : v->external_default;
}

struct json_object *pick_external(const struct view *v, const struct plan *plan)
{
	const char *name = pick_external_name(v, plan);

	if (name != NULL)
		return only(v->externals, name);
	return json_len(v->externals) == 1 ? json_object_array_get_idx(v->externals, 0) : NULL;
}

const char *pick_volume_zone(const struct view *v, const struct plan_node *node, const struct volume_spec *volume)
{
	if (volume->zone != NULL || node->zone == NULL)
		return volume->zone;
	for (size_t i = 0; i < json_len(v->volume_zones); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(v->volume_zones, i), "zoneName", ""), node->zone) == 0)
			return node->zone;
	return NULL;
}

const char *pick_policy(struct json_object *server_group)
{
	return json_get_str(server_group, "policies[0]", json_get_str(server_group, "policy", NULL)); /* nova calls it policy from 2.64 on */
}

bool pick_is_bootable(struct json_object *image)
{
	static const char *const parts[] = {"aki", "ari"};
	const char *format = json_get_str(image, "disk_format", "");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcmp(format, parts[i]) == 0)
			return false;
	return true;
}

/* By its name, which it has from what it points to, or by the address that certificates have. */
static bool is_the_apis(const struct plan *plan, const struct item *it)
{
	CLEANUP_FREE char *name = name_api(plan);

	return plan->api_floating_ip && (strcmp(it->name, name) == 0 ||
					 (plan->api_outside != NULL && strcmp(json_get_str(it->json, "floating_ip_address", ""), plan->api_outside) == 0));
}

const struct item *pick_api_floating_ip(struct view *v, const struct plan *plan)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_FLOATING_IP, &n);

	for (size_t i = 0; i < n; i++)
		if (is_the_apis(plan, all[i]))
			return all[i];
	return plan->api_floating_ip ? pick_spare_floating_ip(v, plan, 0) : NULL;
}

const struct item *pick_spare_floating_ip(struct view *v, const struct plan *plan, size_t nth)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_FLOATING_IP, &n);

	for (size_t i = 0; i < n; i++) {
		const struct plan_node *node = plan_find(plan, all[i]->name);

		if ((node == NULL || !node->floating_ip) && !is_the_apis(plan, all[i]) && !retire_takes(plan, all[i]) && nth-- == 0)
			return all[i];
	}
	return NULL;
}
