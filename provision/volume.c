#include "core/base/alloc.h"
#include "core/base/log.h"
#include "provision/fixed.h"
#include "provision/pick.h"
#include "provision/steps.h"

/* in use: by a server that is on its way out, or for ever where nova has lost the server; that is told sooner */
enum { VOLUME_STALL_MS = 10 * 60 * 1000, VOLUME_IN_USE_MS = 2 * 60 * 1000 };

static bool settled(struct json_object *o)
{
	const char *status = json_get_str(o, "status", "");

	return strcmp(status, "available") == 0 || strncmp(status, "error", 5) == 0;
}

struct volume_want {
	char *name;
	const struct volume_spec *spec;
	const char *image_id, *zone;
};

static struct json_object *body_of(struct maker *m, const struct volume_want *w)
{
	struct body_volume v = {
		.name = w->name, .uuid = m->view->uuid, .spec = w->spec, .image_id = w->image_id, .zone = w->zone};

	return body_volume(m->plan, &v);
}

/* ret has room for the node's root and volumes. */
static size_t list_wants(struct maker *m, const struct plan_node *node, struct volume_want *ret)
{
	size_t n = 0;

	if (root_wanted(node, view_find(m->view, KIND_SERVER, node->node.name)))
		ret[n++] = (struct volume_want){name_root(node), &node->root,
						json_get_str(pick_image(m->view, node->image), "id", NULL),
						pick_volume_zone(m->view, node, &node->root)};
	for (size_t i = 0; i < node->n_volumes; i++)
		ret[n++] = (struct volume_want){xstrdup(node->volumes[i].name), &node->volumes[i].spec, NULL,
						pick_volume_zone(m->view, node, &node->volumes[i].spec)};
	return n;
}

static void free_wants(struct volume_want *wants, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(wants[i].name);
	free(wants);
}

bool volume_attached_to(struct json_object *volume, const char *server_id)
{
	struct json_object *list = json_at(volume, "attachments");

	for (size_t i = 0; i < json_len(list); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(list, i), "server_id", ""), server_id) == 0)
			return true;
	return false;
}

/* Only asks for them: each server waits for its own, see volumes_ready(). */
int make_volumes(void *context, struct error **err)
{
	struct maker *m = context;
	struct volume_want *volumes = NULL;
	CLEANUP_FREE struct want *wants = NULL;
	size_t n = 0, most = 0;
	int r;

	for (size_t i = 0; i < m->plan->n_nodes; i++)
		most += 1 + m->plan->nodes[i].n_volumes;
	volumes = xnew_n(struct volume_want, most);
	for (size_t i = 0; i < m->plan->n_nodes; i++)
		n += list_wants(m, &m->plan->nodes[i], volumes + n);
	wants = xnew_n(struct want, n);
	for (size_t i = 0; i < n; i++)
		wants[i] = (struct want){volumes[i].name, body_of(m, &volumes[i])};
	r = make_all(m, KIND_VOLUME, wants, n, err);
	free_wants(volumes, n);
	return r;
}

/* Waits for the volume; *ret_failed when cinder could not make it, which loses nothing: it never held anything. */
static int wait_settled(struct maker *m, const char *name, bool *ret_failed, struct error **err)
{
	const struct item *it = view_find(m->view, KIND_VOLUME, name);
	CLEANUP_JSON struct json_object *now = NULL;
	const char *status;
	int64_t stall_ms = VOLUME_STALL_MS;

	if (it == NULL)
		return error_set(err, ERROR_INTERNAL, "volume \"%s\": was not made", name);
	if (strcmp(json_get_str(it->json, "status", ""), "in-use") == 0)
		stall_ms = VOLUME_IN_USE_MS;
	if (!settled(it->json)) {
		if (watch_wait(m->volumes, it->id, settled, stall_ms, &now, err) < 0)
			return error_wrap(err, "wait for volume \"%s\"", name);
		if (now == NULL)
			return error_set(err, ERROR_CONFLICT, "volume \"%s\": disappeared while it was made; run again", name);
		*ret_failed = strcmp(json_get_str(now, "status", ""), "error") == 0;
		it = view_put(m->view, KIND_VOLUME, name, it->id, now);
	}
	status = json_get_str(it->json, "status", "");
	if (strncmp(status, "error", 5) != 0)
		return 0;
	return error_set(err, ERROR_REMOTE, "volume \"%s\" (%s): cinder gave it status \"%s\"; the cloud's operator can say why",
			 name, it->id, status);
}

static bool never(struct json_object *o UNUSED)
{
	return false;
}

static int remake(struct maker *m, const struct volume_want *want, struct error **err)
{
	const struct item *it = view_find(m->view, KIND_VOLUME, want->name);
	CLEANUP_JSON struct json_object *now = NULL;

	log_verbose("volume \"%s\": cinder failed to make it; it is made again", want->name);
	if (kind_delete(m->cloud, KIND_VOLUME, it->id, it->name, err) < 0 ||
	    watch_wait(m->volumes, it->id, never, VOLUME_STALL_MS, &now, err) < 0)
		return -1;
	view_drop(m->view, it);
	return make_one(m, KIND_VOLUME, want->name, body_of(m, want), err);
}

static int ready(struct maker *m, const struct volume_want *want, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		CLEANUP_ERROR struct error *failure = NULL;
		bool failed = false;

		if (wait_settled(m, want->name, &failed, &failure) == 0)
			return 0;
		if (!failed || attempt == MAKE_ATTEMPTS)
			return error_move(err, steal_ptr(failure));
		if (remake(m, want, err) < 0)
			return -1;
	}
}

int volumes_ready(struct maker *m, const struct plan_node *node, const char *server_id, struct error **err)
{
	struct volume_want *wants = xnew_n(struct volume_want, 1 + node->n_volumes);
	size_t n = list_wants(m, node, wants);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct item *it = view_find(m->view, KIND_VOLUME, wants[i].name);

		if (server_id == NULL || it == NULL || !volume_attached_to(it->json, server_id))
			r = ready(m, &wants[i], err);
	}
	free_wants(wants, n);
	return r;
}

static int reread(struct maker *m, const char *name, struct error **err)
{
	const struct item *it = view_find(m->view, KIND_VOLUME, name);
	CLEANUP_JSON struct json_object *now = NULL;

	if (it == NULL)
		return 0;
	if (kind_get(m->cloud, KIND_VOLUME, it->id, &now, err) < 0)
		return -1;
	if (now == NULL)
		return error_set(err, ERROR_CONFLICT, "volume \"%s\": went away with its server; run again", name);
	view_put(m->view, KIND_VOLUME, name, it->id, now);
	return 0;
}

int volumes_reread(struct maker *m, const struct plan_node *node, struct error **err)
{
	CLEANUP_FREE char *root = name_root(node);

	if (reread(m, root, err) < 0)
		return -1;
	for (size_t i = 0; i < node->n_volumes; i++)
		if (reread(m, node->volumes[i].name, err) < 0)
			return -1;
	return 0;
}
