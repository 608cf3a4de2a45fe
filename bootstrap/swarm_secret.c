#include "bootstrap/docker.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"

/* The filter takes a name's beginning for the name. */
static int find(struct ssh *s, const char *name, int64_t deadline, char **ret_id, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/secrets?filters={\"name\":[\"%s\"]}", name);
	CLEANUP_JSON struct json_object *list = NULL;

	*ret_id = NULL;
	if (docker_call(s, "GET", path, NULL, deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list) && *ret_id == NULL; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "Spec.Name", ""), name) == 0)
			*ret_id = xstrdup(json_get_str(o, "ID", ""));
	}
	return 0;
}

int swarm_secret_remove(struct ssh *s, const char *name, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *id = NULL, *path = NULL;

	if (find(s, name, deadline, &id, err) < 0)
		return -1;
	if (id == NULL)
		return 0;
	path = xasprintf("/secrets/%s", id);
	return docker_call(s, "DELETE", path, NULL, deadline, NULL, err);
}

/* Of swarmkit, which has no status of its own for it. */
static bool is_in_use(const struct error *e)
{
	return error_is(e, ERROR_REMOTE) && strstr(error_message(e), "in use") != NULL;
}

int swarm_secret_put(struct ssh *s, const char *name, const char *text, int64_t deadline, struct error **err)
{
	CLEANUP_SECRET char *data = base64_encode(text, strlen(text));
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	struct error *why = NULL;

	if (swarm_secret_remove(s, name, deadline, &why) < 0) {
		if (!is_in_use(why))
			return error_move(err, why);
		error_free(why);
		return 0;
	}
	json_add_str(body, "Name", name);
	json_add_str(body, "Data", data);
	return docker_call(s, "POST", "/secrets/create", body, deadline, NULL, err);
}
