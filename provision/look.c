#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "provision/pick.h"
#include "provision/view.h"

/* One round: every list is asked for at the same time, each job fills its own slot. */
struct round {
	struct cloud *cloud;
	const struct plan *plan; /* NULL: marks only */
	struct view *view;
	struct json_object *lists[KIND_COUNT];
};

static int look_kind(size_t kind, struct round *r, struct error **err)
{
	if (r->view->uuid == NULL)
		return 0;
	return kind_list(r->cloud, (enum kind)kind, r->view->uuid, NULL, &r->lists[kind], err);
}

/* The image of that name or id; where there is none, all of them, so that the message can say what there is. */
static int look_images(struct round *r, struct error **err)
{
	const char *name = r->plan->spec->openstack.image;
	CLEANUP_FREE char *escaped = http_escape(name);
	CLEANUP_FREE char *path = xasprintf(pick_is_uuid(name) ? "/images?id=in:%s" : "/images?name=%s", escaped);

	if (cloud_list(r->cloud, CLOUD_IMAGE, path, "images", NULL, &r->view->images, err) < 0)
		return -1;
	if (json_len(r->view->images) > 0)
		return 0;
	return cloud_list(r->cloud, CLOUD_IMAGE, "/images", "images", NULL, &r->view->all_images, err);
}

static int look_flavors(struct round *r, struct error **err)
{
	return cloud_list(r->cloud, CLOUD_COMPUTE, "/flavors/detail", "flavors", NULL, &r->view->flavors, err);
}

static int look_externals(struct round *r, struct error **err)
{
	return cloud_list(r->cloud, CLOUD_NETWORK, "/networks?router:external=true", "networks", NULL, &r->view->externals, err);
}

/* What the file names, behind the kinds in the numbering of the round's jobs; the facts come last. */
static const struct {
	enum cloud_service service;
	int (*look)(struct round *r, struct error **err);
} named[] = {
	{CLOUD_IMAGE, look_images},
	{CLOUD_COMPUTE, look_flavors},
	{CLOUD_NETWORK, look_externals},
};

enum { FIRST_FACT = KIND_COUNT + ARRAY_SIZE(named) };

static int look_fact(enum fact fact, struct round *r, struct error **err)
{
	return fact_wanted(fact, r->plan) ? fact_ask(r->cloud, fact, &r->view->facts[fact], err) : 0;
}

static int look_job(size_t i, void *context, struct error **err)
{
	struct round *r = context;

	if (i < KIND_COUNT)
		return look_kind(i, r, err);
	if (i >= FIRST_FACT)
		return look_fact((enum fact)(i - FIRST_FACT), r, err);
	if (!cloud_has(r->cloud, named[i - KIND_COUNT].service))
		return 0;
	return named[i - KIND_COUNT].look(r, err);
}

/* What the login told. */
static void look_login(struct round *r)
{
	for (int s = 0; s < CLOUD_SERVICES; s++)
		r->view->services[s] = cloud_has(r->cloud, (enum cloud_service)s);
	r->view->external_default = xstrdup(cloud_external_network(r->cloud));
	strv_copy(&r->view->roles, cloud_roles(r->cloud));
	r->view->clock_known = cloud_clock_skew(r->cloud, &r->view->clock_skew_ms);
}

static int look(struct cloud *c, const struct plan *plan, const char *uuid, bool survey, struct view **ret, struct error **err)
{
	struct round r = {.cloud = c, .plan = plan, .view = view_new(uuid)};
	size_t n = KIND_COUNT + (plan != NULL ? ARRAY_SIZE(named) : 0) + (survey ? FACT_COUNT : 0);
	int failed;

	look_login(&r);
	r.view->surveyed = survey;
	failed = parallel_for(n, 0, look_job, &r, NULL, err);
	for (int kind = 0; kind < KIND_COUNT; kind++) { /* in the kinds' order: floating IPs are named after ports */
		view_add_list(r.view, (enum kind)kind, r.lists[kind]);
		json_object_put(r.lists[kind]);
	}
	if (failed < 0) {
		view_free(r.view);
		return -1;
	}
	*ret = r.view;
	return 0;
}

int provision_look(struct cloud *c, const struct plan *plan, const char *uuid, struct view **ret, struct error **err)
{
	return look(c, plan, uuid, false, ret, err);
}

int provision_survey(struct cloud *c, const struct plan *plan, const char *uuid, struct view **ret, struct error **err)
{
	return look(c, plan, uuid, true, ret, err);
}
