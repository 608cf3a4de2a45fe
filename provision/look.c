#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "provision/balancer.h"
#include "provision/existing.h"
#include "provision/nics.h"
#include "provision/optional.h"
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
	if (r->view->uuid == NULL || (r->plan != NULL && !r->view->services[kind_info((enum kind)kind)->service]))
		return 0; /* the checks tell what the catalog lacks */
	return kind_list(r->cloud, (enum kind)kind, r->view->uuid, NULL, &r->lists[kind], err);
}

/* Two entries of the file may name the same one, by name and by id. */
static void add_images(struct view *v, struct json_object *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		size_t n = 0;

		free(pick_named(v->images, json_get_str(o, "id", ""), &n));
		if (n == 0)
			json_object_array_add(v->images, json_object_get(o));
	}
}

static int look_image(struct round *r, const char *name, size_t *ret_found, struct error **err)
{
	CLEANUP_FREE char *escaped = http_escape(name);
	CLEANUP_FREE char *path = xasprintf(pick_is_uuid(name) ? "/images?id=in:%s" : "/images?name=%s", escaped);
	CLEANUP_JSON struct json_object *list = NULL;

	if (cloud_list(r->cloud, CLOUD_IMAGE, path, "images", NULL, &list, err) < 0)
		return -1;
	add_images(r->view, list);
	free(pick_named(r->view->images, name, ret_found));
	return 0;
}

/* Those of the file's names or ids; where there is none of one, all of them, so that the message can say what there is. */
static int look_images(struct round *r, struct error **err)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;
	bool missing = false;

	r->view->images = json_object_new_array();
	for (size_t i = 0; i < r->plan->n_nodes; i++) {
		const char *name = r->plan->nodes[i].image;
		size_t found = 0;

		if (strv_has(&seen, name))
			continue;
		strv_add(&seen, name);
		if (look_image(r, name, &found, err) < 0)
			return -1;
		missing = missing || found == 0;
	}
	if (!missing)
		return 0;
	return cloud_list(r->cloud, CLOUD_IMAGE, "/images", "images", NULL, &r->view->all_images, err);
}

static bool has_zones(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct plan_node *node = &plan->nodes[i];

		if (node->root.zone != NULL || (node->zone != NULL && (node->root.size_gib > 0 || node->n_volumes > 0)))
			return true;
		for (size_t k = 0; k < node->n_volumes; k++)
			if (node->volumes[k].spec.zone != NULL)
				return true;
	}
	return false;
}

static int look_volume_zones(struct round *r, struct error **err)
{
	if (!has_zones(r->plan))
		return 0;
	return optional_list(r->cloud, CLOUD_VOLUME, "/os-availability-zone", "availabilityZoneInfo", &r->view->volume_zones, err);
}

static int look_flavors(struct round *r, struct error **err)
{
	return cloud_list(r->cloud, CLOUD_COMPUTE, "/flavors/detail", "flavors", NULL, &r->view->flavors, err);
}

static int look_externals(struct round *r, struct error **err)
{
	return cloud_list(r->cloud, CLOUD_NETWORK, "/networks?router:external=true", "networks", NULL, &r->view->externals, err);
}

static int look_network(struct round *r, struct error **err)
{
	return existing_look_network(r->cloud, r->plan, r->view, err);
}

static int look_router(struct round *r, struct error **err)
{
	return existing_look_router(r->cloud, r->plan, r->view, err);
}

static int look_groups(struct round *r, struct error **err)
{
	return existing_look_groups(r->cloud, r->plan, r->view, err);
}

static int look_nics(struct round *r, struct error **err)
{
	return nics_look(r->cloud, r->plan, r->view, err);
}

/* What the file names, behind the kinds in the numbering of the round's jobs; the facts come last. */
static const struct {
	enum cloud_service service;
	int (*look)(struct round *r, struct error **err);
} named[] = {
	{CLOUD_IMAGE, look_images},
	{CLOUD_COMPUTE, look_flavors},
	{CLOUD_NETWORK, look_externals},
	{CLOUD_VOLUME, look_volume_zones},
	{CLOUD_NETWORK, look_network},
	{CLOUD_NETWORK, look_router},
	{CLOUD_NETWORK, look_groups},
	{CLOUD_NETWORK, look_nics},
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
	r->view->by_credential = cloud_application_credential(r->cloud) != NULL;
	r->view->restricted = cloud_is_restricted(r->cloud);
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
	if (plan != NULL && balancer_look(c, plan, r.view, err) < 0) {
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
