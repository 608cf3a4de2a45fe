#include "provision/removal.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "provision/balancer.h"
#include "provision/credential.h"

enum { ATTEMPTS = 3, IN_USE_MS = 60 * 1000, PAUSE_MS = 500, PAUSE_MAX_MS = 5000 };

int removal_note(struct removal *r, struct error *failure, struct error **err)
{
	if (failure == NULL)
		return 0;
	if (error_is(failure, ERROR_CANCELLED))
		return error_move(err, failure);
	pthread_mutex_lock(&r->lock);
	strv_add(&r->problems, error_message(failure));
	pthread_mutex_unlock(&r->lock);
	error_free(failure);
	return 0;
}

int removal_gone(struct removal *r, const struct item *it, struct error **err)
{
	struct state *state = r->job->state;

	view_drop(r->view, it);
	return state != NULL ? state_gone(state, kind_info(it->kind)->name, it->name, err) : 0;
}

int removal_delete(struct removal *r, const struct item *it, struct error **err)
{
	return kind_delete(r->cloud, it->kind, it->id, it->name, err) < 0 ? -1 : removal_gone(r, it, err);
}

int removal_settle(struct removal *r, const struct item *it, removal_one *once, removal_one *why, struct error **err)
{
	int64_t deadline = clock_deadline(IN_USE_MS), pause = PAUSE_MS;

	for (;;) {
		CLEANUP_ERROR struct error *failure = NULL;

		if (once(r, it, &failure) == 0)
			return 0;
		if (!error_is(failure, ERROR_CONFLICT) || clock_ms() > deadline)
			return error_move(err, steal_ptr(failure));
		if ((why != NULL && why(r, it, err) < 0) || cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

/* The jobs of one step: one for each item that was taken. */
struct deletion {
	struct removal *removal;
	const struct item **items;
	size_t n;
	removal_one *one;
};

static int delete_job(size_t i, void *context, struct error **err)
{
	struct deletion *d = context;
	struct error *failure = NULL;

	if (d->one(d->removal, d->items[i], &failure) == 0)
		return 0;
	return removal_note(d->removal, failure, err);
}

int removal_each(struct removal *r, enum kind kind, removal_take *take, unsigned width, removal_one *one, struct error **err)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **items = view_all(r->view, kind, &n);
	struct deletion d = {r, items, 0, one};

	for (size_t i = 0; i < n; i++)
		if (take == NULL || take(r, items[i]))
			items[d.n++] = items[i];
	return parallel_for(d.n, width, delete_job, &d, NULL, err);
}

/* Names that end in the mark are another's unless they begin with the cluster's. */
static bool has_our_name(const struct removal *r, const struct item *it)
{
	size_t n = strlen(r->job->cluster);

	return strncmp(it->name, r->job->cluster, n) == 0 && it->name[n] == '-';
}

/* Gone, or its deletion failed: nova leaves it in ERROR with no task. */
static bool server_settled(struct json_object *o)
{
	return strcmp(json_get_str(o, "status", ""), "ERROR") == 0 && json_get_str(o, "OS-EXT-STS:task_state", NULL) == NULL;
}

int removal_server_alone(struct removal *r, const struct item *it, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *left = NULL;

		if (kind_delete(r->cloud, KIND_SERVER, it->id, it->name, err) < 0 ||
		    watch_wait(r->servers, it->id, server_settled, REMOVAL_STALL_MS, &left, err) < 0)
			return -1;
		if (left == NULL)
			return removal_gone(r, it, err);
		if (attempt == ATTEMPTS)
			return error_set(err, ERROR_REMOTE, "delete server \"%s\" (%s): nova failed: %s", it->name, it->id,
					 json_get_str(left, "fault.message", "it is in ERROR"));
	}
}

int removal_server(struct removal *r, const struct item *it, struct error **err)
{
	const struct item *port;
	int failed;

	event_begin(r->job->events, it->name, "delete");
	failed = removal_server_alone(r, it, err);
	port = view_find(r->view, KIND_PORT, it->name);
	if (failed == 0 && port != NULL)
		failed = removal_delete(r, port, err);
	if (failed < 0)
		event_fail(r->job->events, it->name, "delete", err != NULL ? error_message(*err) : "");
	else
		event_end(r->job->events, it->name, "delete");
	return failed;
}

int remove_servers(void *context, struct error **err)
{
	return removal_each(context, KIND_SERVER, NULL, 0, removal_server, err);
}

int remove_keypairs(void *context, struct error **err)
{
	return removal_each(context, KIND_KEYPAIR, has_our_name, REMOVAL_WIDTH, removal_delete, err);
}

int remove_server_groups(void *context, struct error **err)
{
	return removal_each(context, KIND_SERVER_GROUP, has_our_name, REMOVAL_WIDTH, removal_delete, err);
}

static bool volume_free(struct json_object *o)
{
	const char *status = json_get_str(o, "status", "");

	return strcmp(status, "available") == 0 || strncmp(status, "error", 5) == 0;
}

int removal_holder(struct removal *r, struct json_object *volume, const char **ret_id, struct error **err)
{
	struct json_object *list = json_at(volume, "attachments");

	*ret_id = NULL;
	for (size_t i = 0; i < json_len(list) && *ret_id == NULL; i++) {
		const char *id = json_get_str(json_object_array_get_idx(list, i), "server_id", "");
		CLEANUP_JSON struct json_object *server = NULL;

		if (view_dropped(r->view, KIND_SERVER, id))
			continue;
		if (kind_get(r->cloud, KIND_SERVER, id, &server, err) < 0)
			return -1;
		if (server != NULL)
			*ret_id = id;
	}
	return 0;
}

int removal_volume(struct removal *r, const struct item *it, struct error **err)
{
	CLEANUP_JSON struct json_object *now = NULL;
	const char *server_id = NULL;

	if (removal_holder(r, it->json, &server_id, err) < 0)
		return -1;
	if (server_id != NULL)
		return error_set(err, ERROR_CONFLICT, "delete volume \"%s\": server %s still holds it", it->name, server_id);
	if (!volume_free(it->json) && watch_wait(r->volumes, it->id, volume_free, REMOVAL_STALL_MS, &now, err) < 0)
		return error_wrap(err, "wait until volume \"%s\" is detached", it->name);
	return removal_delete(r, it, err);
}

int removal_balancer(struct removal *r, const struct item *it, struct error **err)
{
	return balancer_delete(r->cloud, it->id, it->name, err) < 0 ? -1 : removal_gone(r, it, err);
}

int remove_balancers(void *context, struct error **err)
{
	return removal_each(context, KIND_BALANCER, NULL, REMOVAL_WIDTH, removal_balancer, err);
}

int remove_volumes(void *context, struct error **err)
{
	return removal_each(context, KIND_VOLUME, NULL, 0, removal_volume, err);
}

/* Once no server runs any more that would use it. */
int remove_credential(void *context, struct error **err)
{
	struct removal *r = context;
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_FREE char *denied = NULL;
	struct error *failure = NULL;

	if (credential_look(r->cloud, r->job->uuid, &list, &denied, &failure) < 0)
		return removal_note(r, failure, err);
	if (json_len(list) == 0) /* or nobody may say: told in the end */
		return 0;
	return credential_revoke(r->cloud, r->job->uuid, &failure) == 0 ? 0 : removal_note(r, failure, err);
}
