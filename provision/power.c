#include "provision/power.h"
#include "core/base/alloc.h"
#include "provision/drift.h"
#include "provision/provision.h"
#include "provision/watch.h"

enum { STALL_MS = 10 * 60 * 1000 };

int server_act(struct cloud *c, const char *id, const char *name, const char *action, struct json_object *argument, struct error **err)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	CLEANUP_FREE char *path = xasprintf("/servers/%s/action", id);
	CLEANUP_FREE char *what = xasprintf("%s server \"%s\"", action, name);
	struct cloud_call call = {.service = CLOUD_COMPUTE,
				  .method = "POST",
				  .path = path,
				  .body = body,
				  .retry = RETRY_B,
				  .what = what,
				  .conflict_ok = true}; /* a conflict: it is on its way already */

	json_add(body, action, argument);
	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

static bool settled(struct json_object *o)
{
	return server_judge(o, NULL) != SERVER_WAIT;
}

static int wait_active(struct cloud *c, const char *uuid, const char *cluster, const struct node *n, struct error **err)
{
	struct watch *w = watch_new(c, KIND_SERVER, uuid, cluster);
	CLEANUP_JSON struct json_object *now = NULL;
	CLEANUP_FREE char *fault = NULL;
	int r = watch_wait(w, n->server_id, settled, STALL_MS, &now, err);

	watch_free(w);
	if (r < 0)
		return error_wrap(err, "reboot of server \"%s\"", n->name);
	if (now == NULL)
		return error_set(err, ERROR_NOT_FOUND, "reboot of server \"%s\": it is gone", n->name);
	fault = server_fault(now);
	return server_judge(now, NULL) == SERVER_FINE ? 0 : error_set(err, ERROR_REMOTE, "reboot of server \"%s\": it is %s now", n->name, fault);
}

int provision_reboot(struct cloud *c, const char *uuid, const char *cluster, const struct node *n, struct error **err)
{
	struct json_object *how = json_object_new_object();

	json_add_str(how, "type", "HARD");
	if (server_act(c, n->server_id, n->name, "reboot", how, err) < 0)
		return -1;
	return wait_active(c, uuid, cluster, n, err);
}
