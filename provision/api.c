#include "provision/api.h"
#include "core/base/alloc.h"
#include "provision/drift.h"
#include "provision/pick.h"
#include "provision/steps.h"

const char *api_port_id(const struct plan *plan, struct view *view)
{
	CLEANUP_FREE char *name = name_api(plan);
	const struct item *balancer;

	if (plan->spec->api.endpoint != API_OCTAVIA)
		return view_id(view, KIND_PORT, name);
	balancer = view_find(view, KIND_BALANCER, name);
	return balancer != NULL ? json_get_str(balancer->json, "vip_port_id", NULL) : NULL;
}

/* Points the floating IP at the address, by which it gets its name in view and state. */
int make_api_floating_ip(struct maker *m, struct error **err)
{
	CLEANUP_FREE char *name = name_api(m->plan), *reason = NULL;
	const struct item *ip = pick_api_floating_ip(m->view, m->plan);
	struct json_object *fields;

	if (!m->plan->api_floating_ip)
		return 0;
	if (ip == NULL) /* it went since it was reserved */
		return make_one(m, KIND_FLOATING_IP, name, body_floating_ip(m->mark, m->external_id, api_port_id(m->plan, m->view)), err);
	fields = drift_floating_ip(ip->json, api_port_id(m->plan, m->view), &reason);
	return fields != NULL ? make_point_floating_ip(m, ip, fields, name, err) : 0;
}

static int keep_address(struct maker *m, const struct item *ip, struct error **err)
{
	const char *address = NULL;

	if (json_need_str(ip->json, "floating_ip_address", &address, err) < 0)
		return error_wrap(err, "the API's floating IP");
	inventory_set_api(m->job->inventory, address);
	return state_set(m->job->state, STATE_API, address, err);
}

/* One that is there is kept, also where it points to nothing yet. */
static int reserve(struct maker *m, struct error **err)
{
	CLEANUP_FREE char *name = name_api(m->plan);
	const struct item *ip = pick_api_floating_ip(m->view, m->plan);

	if (ip == NULL && make_one(m, KIND_FLOATING_IP, name, body_floating_ip(m->mark, m->external_id, NULL), err) < 0)
		return -1;
	return keep_address(m, ip != NULL ? ip : view_find(m->view, KIND_FLOATING_IP, name), err);
}

int provision_reserve_api(const struct provision_job *job, bool *ret_news, struct error **err)
{
	const struct item *ip = pick_api_floating_ip(job->view, job->plan);
	const char *known = job->plan->api_outside;
	struct maker m = {0};
	int r;

	*ret_news = job->plan->api_floating_ip &&
		    (ip == NULL || known == NULL || strcmp(json_get_str(ip->json, "floating_ip_address", ""), known) != 0);
	if (!*ret_news)
		return 0;
	if (provision_check(job->plan, job->view, err) < 0)
		return -1;
	maker_init(&m, job);
	r = reserve(&m, err);
	maker_finish(&m);
	return r;
}
