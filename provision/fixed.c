#include "provision/fixed.h"
#include "core/base/alloc.h"
#include "provision/body.h"
#include "provision/pick.h"

void fixed_subnet(const struct plan *plan, struct json_object *subnet, struct strv *ret)
{
	const char *had = json_get_str(subnet, "cidr", NULL), *wanted = plan->spec->network.cidr;

	if (had != NULL && strcmp(had, wanted) != 0)
		strv_addf(ret, "its range is %s, the file wants %s: write the old one back, or make the cluster anew", had, wanted);
}

void fixed_clear(struct fixed *f)
{
	strv_free(&f->left);
	strv_free(&f->replaced);
}

/* How a node that is no worker comes to be as the file says, by what it holds. */
static const char *way_out(const struct plan_node *node)
{
	return node->node.role == NODE_CONTROL_PLANE ? "it holds the cluster's data: write the old value back, or make the cluster anew"
						      : "delete the server in the cloud, and apply makes it anew";
}

/* "m1.small" for an id that the cloud still has, else the id. */
static const char *name_of(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "id", ""), id) == 0)
			return json_get_str(o, "name", id);
	}
	return id;
}

static void differ(const struct plan_node *node, const char *what, const char *had, const char *wanted, struct fixed *ret)
{
	if (node->node.role == NODE_WORKER)
		strv_addf(&ret->replaced, "%s %s, the file wants %s", what, had, wanted);
	else
		strv_addf(&ret->left, "%s %s, the file wants %s: %s", what, had, wanted, way_out(node));
}

/* Images are often replaced by newer ones of the same name, and then told apart by their ids: a file that has not changed replaces no
 * nodes, somebody has to say so. */
static void compare_image(struct view *view, const struct plan_node *node, struct json_object *server, const char *had,
			  struct fixed *ret)
{
	struct json_object *image = pick_image(view, node->image);
	const char *id = json_get_str(image, "id", had), *called = json_get_str(server, "metadata." IMAGE_METADATA, node->image);
	CLEANUP_FREE char *wanted = xasprintf("\"%s\" (%s)", json_get_str(image, "name", "?"), id);

	if (had == NULL || strcmp(had, id) == 0)
		return;
	if (node->node.role == NODE_WORKER && strcmp(called, node->image) == 0)
		strv_addf(&ret->left, "was made of image %s, %s is another one: \"davit node replace %s\" takes that up", had, wanted,
			  node->node.name);
	else
		differ(node, "was made of image", had, wanted, ret);
}

static bool has_own_disk(struct json_object *server)
{
	return json_get_str(server, "image.id", NULL) != NULL; /* nova gives "" for those that boot from a volume */
}

bool root_wanted(const struct plan_node *node, const struct item *server)
{
	return node->root.size_gib > 0 && (server == NULL || !has_own_disk(server->json));
}

static bool boots_from_volume(struct json_object *server)
{
	return json_object_is_type(json_at(server, "image"), json_type_string);
}

static void compare_disk(struct view *view, const struct plan_node *node, struct json_object *server, struct fixed *ret)
{
	CLEANUP_FREE char *size = xasprintf("a root volume of %lld GiB", (long long)node->root.size_gib);

	if (has_own_disk(server) && node->root.size_gib > 0)
		differ(node, "boots from", "its flavor's disk", size, ret);
	else if (boots_from_volume(server) && node->root.size_gib == 0)
		differ(node, "boots from", "a volume", "its flavor's disk", ret);
	compare_image(view, node, server, json_get_str(server, "image.id", NULL), ret);
}

/* Of the server's group; "none" where it is in none of ours; NULL: nova does not tell. */
static const char *policy_of(struct view *view, struct json_object *server)
{
	const char *id = json_get_str(server, "id", "");
	size_t n = 0;
	CLEANUP_FREE const struct item **groups = view_all(view, KIND_SERVER_GROUP, &n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *members = json_at(groups[i]->json, "members");

		for (size_t k = 0; k < json_len(members); k++)
			if (strcmp(json_object_get_string(json_object_array_get_idx(members, k)), id) == 0)
				return pick_policy(groups[i]->json);
	}
	return server_group_policy(SERVER_GROUP_NONE);
}

/* A server stays in the group that it was made in. */
static void compare_server_group(struct view *view, const struct plan_node *node, struct json_object *server, struct fixed *ret)
{
	const char *had = policy_of(view, server), *wanted = node->pool != NULL ? server_group_policy(node->pool->server_group) : had;

	if (had != NULL && strcmp(had, wanted) != 0)
		differ(node, "has the server group policy", had, wanted, ret);
}

void fixed_server(struct view *view, const struct plan_node *node, struct json_object *server, struct fixed *ret)
{
	const char *flavor = json_get_str(server, "flavor.id", NULL), *zone = json_get_str(server, "OS-EXT-AZ:availability_zone", "");
	const char *wanted = json_get_str(pick_flavor(view, node->flavor), "id", NULL);

	if (flavor != NULL && wanted != NULL && strcmp(flavor, wanted) != 0)
		differ(node, "is of flavor", name_of(view->flavors, flavor), node->flavor, ret);
	compare_disk(view, node, server, ret);
	if (node->zone != NULL && *zone != '\0' && strcmp(zone, node->zone) != 0)
		differ(node, "is in availability zone", zone, node->zone, ret);
	compare_server_group(view, node, server, ret);
}

enum { VOLUME_LARGER, VOLUME_SMALLER, VOLUME_TYPE, VOLUME_DIFFERENCES };

/* What differs, each NULL where it does not; the caller frees. */
static void volume_differences(const struct volume_spec *wanted, struct json_object *volume, char **ret)
{
	long long size = json_get_int(volume, "size", 0), want = wanted->size_gib;
	const char *type = json_get_str(volume, "volume_type", NULL);

	if (size > 0 && size != want)
		ret[size < want ? VOLUME_LARGER : VOLUME_SMALLER] = xasprintf("has %lld GiB, the file wants %lld", size, want);
	if (type != NULL && wanted->type != NULL && strcmp(type, wanted->type) != 0)
		ret[VOLUME_TYPE] = xasprintf("is of type %s, the file wants %s", type, wanted->type);
}

void fixed_volume(const struct volume_spec *wanted, struct json_object *volume, struct strv *ret)
{
	static const char *const ways_out[] = {
		[VOLUME_LARGER] = "extend it in the cloud, then the file system on the node",
		[VOLUME_SMALLER] = "no volume can shrink; write the old size back",
		[VOLUME_TYPE] = "change it in the cloud (cinder retype), or write the old type back",
	};
	char *what[VOLUME_DIFFERENCES] = {NULL};

	volume_differences(wanted, volume, what);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		if (what[i] != NULL)
			strv_addf(ret, "%s: %s", what[i], ways_out[i]);
		free(what[i]);
	}
}

static void compare_root(const struct plan_node *node, struct json_object *volume, struct fixed *ret)
{
	char *what[VOLUME_DIFFERENCES] = {NULL};

	if (node->node.role != NODE_WORKER) {
		fixed_volume(&node->root, volume, &ret->left);
		return;
	}
	volume_differences(&node->root, volume, what);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		if (what[i] != NULL)
			strv_take(&ret->replaced, what[i]);
}

void fixed_root(struct view *view, const struct plan_node *node, struct json_object *server, struct json_object *volume,
		struct fixed *ret)
{
	compare_root(node, volume, ret);
	compare_image(view, node, server, json_get_str(volume, "volume_image_metadata.image_id", NULL), ret);
}
