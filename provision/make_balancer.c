/* The API's load balancer as a step of provision_create(). */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "provision/balancer.h"
#include "provision/existing.h"
#include "provision/steps.h"

enum { CHANGES_MAX = 30, CONFLICT_MS = 1000 };

static const struct item *find(struct maker *m)
{
	CLEANUP_FREE char *name = name_api(m->plan);

	return view_find(m->view, KIND_BALANCER, name);
}

static int remove_broken(struct maker *m, struct error **err)
{
	const struct item *it = find(m);
	const char *why = NULL;

	if (it == NULL || balancer_judge(it->json, &why) != BALANCER_REMAKE)
		return 0;
	if (balancer_delete(m->cloud, it->id, it->name, err) < 0)
		return -1;
	view_drop(m->view, it);
	return state_gone(m->job->state, kind_info(KIND_BALANCER)->name, it->name, err);
}

int make_balancer(void *context, struct error **err)
{
	struct maker *m = context;
	CLEANUP_FREE char *name = name_api(m->plan);

	if (m->plan->spec->api.endpoint != API_OCTAVIA)
		return 0;
	if (remove_broken(m, err) < 0)
		return -1;
	return make_one(m, KIND_BALANCER, name, body_balancer(m->plan, m->mark, subnet_id_of(m->plan, m->view)), err);
}

/* One change, after which it has to settle again; *ret_done: there was none to make.  A conflict passes: it was made already, or something else is under
 * way. */
static int change_next(struct maker *m, const struct item *it, bool *ret_done, struct error **err)
{
	CLEANUP(balancer_change_clear) struct balancer_change next = {0};
	CLEANUP_JSON struct json_object *answer = NULL;
	CLEANUP_FREE char *what = NULL;
	struct cloud_call call = {.service = CLOUD_LOAD_BALANCER, .retry = RETRY_B, .conflict_ok = true};
	int status = 0;

	*ret_done = !balancer_next(m->plan, it->json, subnet_id_of(m->plan, m->view), &next);
	if (*ret_done)
		return 0;
	what = xasprintf("%s %s of the API's load balancer", next.method, next.path);
	call.method = next.method;
	call.path = next.path;
	call.body = next.body;
	call.what = what;
	make_begin(m, KIND_BALANCER);
	if (cloud_call(m->cloud, &call, &answer, &status, NULL, err) < 0)
		return -1;
	return status == 409 ? cancel_sleep(CONFLICT_MS, err) : 0;
}

static int settle(struct maker *m, const struct item *it, struct error **err)
{
	CLEANUP_JSON struct json_object *now = NULL;
	const char *why = NULL;

	if (balancer_settle(m->cloud, it->id, it->name, &now, err) < 0)
		return -1;
	if (now == NULL)
		return error_set(err, ERROR_NOT_FOUND, "load balancer \"%s\" is gone; run again", it->name);
	view_put(m->view, KIND_BALANCER, it->name, it->id, now);
	if (balancer_look(m->cloud, m->plan, m->view, err) < 0)
		return -1;
	if (balancer_judge(find(m)->json, &why) == BALANCER_FINE)
		return 0;
	return error_set(err, ERROR_REMOTE, "load balancer \"%s\" is %s; the next \"davit apply\" makes it anew, other providers are named by api.provider",
			 it->name, why);
}

/* Waits until it is there, and brings its parts to what the plan wants. */
int finish_balancer(void *context, struct error **err)
{
	struct maker *m = context;
	bool done = false;

	if (m->plan->spec->api.endpoint != API_OCTAVIA)
		return 0;
	for (int i = 0; i < CHANGES_MAX && !done; i++)
		if (settle(m, find(m), err) < 0 || change_next(m, find(m), &done, err) < 0)
			return -1;
	return done ? 0 : error_set(err, ERROR_REMOTE, "the API's load balancer does not keep what it is given: see \"davit plan\"");
}
