#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "provision/removal.h"

enum { WORKLOAD_PAUSE_MS = 1000, WORKLOAD_PAUSE_MAX_MS = 5000, GROUP_MS = 60 * 1000 };

/* Calls of the items of one kind; each may wait. */
struct sweep {
	struct removal *removal;
	struct workload_item **items;
	size_t n;
	int (*one)(struct removal *r, struct workload_item *it, struct error **err);
};

static int sweep_job(size_t i, void *context, struct error **err)
{
	struct sweep *s = context;
	struct error *failure = NULL;

	if (s->one(s->removal, s->items[i], &failure) == 0) {
		s->items[i]->gone = true;
		return 0;
	}
	return removal_note(s->removal, failure, err);
}

static int sweep(struct removal *r, enum workload_kind kind, int (*one)(struct removal *, struct workload_item *, struct error **),
		 struct error **err)
{
	CLEANUP_FREE struct workload_item **items = xnew_n(struct workload_item *, r->workload.n + 1);
	struct sweep s = {r, items, 0, one};

	for (size_t i = 0; i < r->workload.n; i++)
		if (r->workload.items[i].kind == kind && r->workload.items[i].kept == NULL)
			items[s.n++] = &r->workload.items[i];
	return parallel_for(s.n, REMOVAL_WIDTH, sweep_job, &s, NULL, err);
}

/* Once more: what was made between the first look and the end of the servers. */
int remove_workload_look(void *context, struct error **err)
{
	struct removal *r = context;

	workload_free(&r->workload);
	return workload_find(r->cloud, &r->scope, r->job->uuid, &r->workload, err);
}

/* As it is now, asked again and again until settled (NULL: until it is gone) or nothing has come of it for long. */
static int wait_for(struct removal *r, const struct workload_item *it, bool (*settled)(struct json_object *),
		    struct json_object **ret, struct error **err)
{
	int64_t deadline = clock_deadline(REMOVAL_STALL_MS), pause = WORKLOAD_PAUSE_MS;

	for (;;) {
		CLEANUP_JSON struct json_object *now = NULL;

		if (workload_get(r->cloud, it, &now, err) < 0)
			return -1;
		if (now == NULL || (settled != NULL && settled(now))) {
			*ret = steal_ptr(now);
			return 0;
		}
		if (clock_ms() > deadline)
			return error_set(err, ERROR_TIMEOUT, "%s \"%s\": still %s after %d s", workload_kind_name(it->kind), it->name,
					 json_get_str(now, "provisioning_status", json_get_str(now, "status", "there")),
					 REMOVAL_STALL_MS / 1000);
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < WORKLOAD_PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

static bool is_mutable(struct json_object *balancer)
{
	return strncmp(json_get_str(balancer, "provisioning_status", ""), "PENDING_", 8) != 0;
}

static bool is_deleted_or_broken(struct json_object *balancer)
{
	const char *status = json_get_str(balancer, "provisioning_status", "");

	return strcmp(status, "DELETED") == 0 || strcmp(status, "ERROR") == 0;
}

/* Octavia refuses every change while one is under way, and deletes in the background; in ERROR it takes a deletion again. */
static int delete_balancer(struct removal *r, struct workload_item *it, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *now = NULL, *left = NULL;
		CLEANUP_ERROR struct error *failure = NULL;

		if (wait_for(r, it, is_mutable, &now, err) < 0)
			return -1;
		if (now == NULL)
			return 0;
		if (workload_delete(r->cloud, it, &failure) < 0) {
			if (!error_is(failure, ERROR_CONFLICT) || attempt == 3)
				return error_move(err, steal_ptr(failure));
			continue;
		}
		if (wait_for(r, it, is_deleted_or_broken, &left, err) < 0)
			return -1;
		if (left == NULL || strcmp(json_get_str(left, "provisioning_status", ""), "DELETED") == 0)
			return 0;
		if (attempt == 3)
			return error_set(err, ERROR_REMOTE, "delete load balancer \"%s\": octavia failed: it is in ERROR", it->name);
	}
}

static int delete_plain(struct removal *r, struct workload_item *it, struct error **err)
{
	return workload_delete(r->cloud, it, err);
}

int remove_workload_balancers(void *context, struct error **err)
{
	return sweep(context, WORKLOAD_FLOATING_IP, delete_plain, err) < 0 ||
			       sweep(context, WORKLOAD_BALANCER, delete_balancer, err) < 0
		       ? -1
		       : 0;
}

static int delete_snapshot(struct removal *r, struct workload_item *it, struct error **err)
{
	CLEANUP_JSON struct json_object *left = NULL;

	if (workload_delete(r->cloud, it, err) < 0)
		return -1;
	return wait_for(r, it, NULL, &left, err);
}

static int check_holders(struct removal *r, const struct workload_item *it, struct error **err)
{
	const char *id = NULL;

	if (removal_holder(r, it->json, &id, err) < 0)
		return -1;
	if (id == NULL)
		return 0;
	return error_set(err, ERROR_CONFLICT, "delete volume \"%s\": server %s%s still holds it", it->name, id,
			 strv_has(&r->scope.servers, id) ? "" : ", which is not the cluster's,");
}

static bool is_free(struct json_object *volume)
{
	const char *status = json_get_str(volume, "status", "");

	return strcmp(status, "available") == 0 || strncmp(status, "error", 5) == 0;
}

static int delete_claim(struct removal *r, struct workload_item *it, struct error **err)
{
	CLEANUP_JSON struct json_object *now = NULL, *left = NULL;

	if (check_holders(r, it, err) < 0)
		return -1;
	if (wait_for(r, it, is_free, &now, err) < 0)
		return error_wrap(err, "wait until volume \"%s\" is detached", it->name);
	if (now == NULL)
		return 0;
	if (workload_delete(r->cloud, it, err) < 0)
		return -1;
	return wait_for(r, it, NULL, &left, err);
}

int remove_workload_volumes(void *context, struct error **err)
{
	return sweep(context, WORKLOAD_SNAPSHOT, delete_snapshot, err) < 0 ||
			       sweep(context, WORKLOAD_VOLUME, delete_claim, err) < 0
		       ? -1
		       : 0;
}

/* Ports that were just deleted may still count for a moment. */
static int delete_group(struct removal *r, struct workload_item *it, struct error **err)
{
	int64_t deadline = clock_deadline(GROUP_MS);

	for (;;) {
		CLEANUP_ERROR struct error *failure = NULL;

		if (workload_delete(r->cloud, it, &failure) == 0)
			return 0;
		if (!error_is(failure, ERROR_CONFLICT) || clock_ms() > deadline)
			return error_move(err, steal_ptr(failure));
		if (cancel_sleep(WORKLOAD_PAUSE_MS, err) < 0)
			return -1;
	}
}

int remove_workload_groups(void *context, struct error **err)
{
	return sweep(context, WORKLOAD_GROUP, delete_group, err);
}
