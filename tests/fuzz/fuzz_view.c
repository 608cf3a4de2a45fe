/* What nova, neutron, cinder, glance and octavia list, as preflight and comparison, census and deletion take it apart. */
#include "core/base/alloc.h"
#include "provision/census.h"
#include "provision/pick.h"
#include "provision/rules.h"
#include "provision/view.h"
#include "provision/workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian, externalNetwork: public, applicationCredential: {roles: [member]}}\n"
			   "  api: {endpoint: octavia, provider: ovn}\n"
			   "  controlPlane: {flavor: small, volume: {size: 20}}\n"
			   "  workerPools: [{name: w, count: 1, flavor: small, zones: [az1], volume: {size: 9, type: ssd}}]\n";
static const char uuid[] = "1a2b3c4d-0000-4000-8000-000000000000";
static struct plan *plan;

static void make_plan(void)
{
	static struct spec *spec;

	if (plan == NULL && (spec_parse("f", file, strlen(file), &spec, NULL) < 0 || plan_make(spec, NULL, &plan, NULL) < 0))
		abort();
}

static struct json_object *list(struct json_object *o, const char *key)
{
	struct json_object *l = json_at(o, key);

	return json_object_is_type(l, json_type_array) ? json_object_get(l) : json_object_new_array();
}

static void describe(struct view *v, const char *group, enum rule_use use)
{
	CLEANUP_JSON struct json_object *extra = rules_extra(plan, v, group, use);

	for (size_t k = 0; k < json_len(extra); k++) {
		CLEANUP_FREE char *text = rule_describe_had(v, json_object_array_get_idx(extra, k));

		if (text == NULL)
			abort();
	}
}

static void compare(struct view *v)
{
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_ERROR struct error *err = NULL;

	if (provision_compare(plan, v, &changes, &err) < 0 && err == NULL)
		abort();
	for (size_t i = 0; i < plan->groups.n; i++) {
		describe(v, plan->groups.v[i], RULE_OTHER);
		describe(v, plan->groups.v[i], RULE_SSH);
	}
}

/* Every cluster that is counted has a name, or "?"; nothing is counted twice. */
static void count(struct json_object *o)
{
	CLEANUP_CENSUS struct census census = {0};
	struct json_object *lists[KIND_COUNT];
	size_t all = 0, counted = 0;

	for (size_t kind = 0; kind < KIND_COUNT; kind++) {
		lists[kind] = json_at(o, kind_info((enum kind)kind)->keys);
		all += json_len(lists[kind]);
	}
	census_count(lists, &census);
	for (size_t i = 0; i < census.n; i++) {
		CLEANUP_FREE char *kinds = census_kinds(&census.clusters[i]);

		if (*census_name(&census.clusters[i]) == '\0' || kinds == NULL)
			abort();
		counted += census.clusters[i].all;
	}
	if (counted + census.unsure.n > all)
		abort();
}

/* What is Kubernetes' own, and goes with the cluster: nothing without an id. */
static void choose(struct json_object *o, struct view *v)
{
	static const char *const keys[WORKLOAD_KINDS] = {"floatingips", "loadbalancers", "snapshots", "volumes", "security_groups"};
	struct workload_scope scope = {.cluster = "demo"};
	CLEANUP(workload_free) struct workload w = {0};
	struct json_object *lists[WORKLOAD_KINDS];

	for (size_t kind = 0; kind < WORKLOAD_KINDS; kind++)
		lists[kind] = json_at(o, keys[kind]);
	workload_scope_fill(&scope, v);
	workload_choose(&scope, lists, &w);
	for (size_t i = 0; i < w.n; i++)
		if (w.items[i].id == NULL || w.items[i].name == NULL)
			abort();
	workload_scope_clear(&scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_FINDINGS struct findings findings = {0};
	struct json_object *facts;
	struct view *v;

	make_plan();
	if (size == 0 || json_parse((const char *)data, size, "lists", &o, NULL) < 0 || !json_object_is_type(o, json_type_object))
		return 0;
	v = view_new(uuid);
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		v->services[i] = true;
	v->images = list(o, "images");
	v->flavors = list(o, "flavors");
	v->externals = list(o, "externals");
	facts = list(o, "facts"); /* in the order of enum fact */
	for (size_t kind = 0; kind < KIND_COUNT; kind++) {
		CLEANUP_JSON struct json_object *members = list(o, kind_info((enum kind)kind)->keys);

		view_add_list(v, (enum kind)kind, members);
	}
	for (size_t i = 0; i < FACT_COUNT; i++)
		v->facts[i].json = json_object_get(json_object_array_get_idx(facts, i));
	v->surveyed = true;
	if (provision_preflight(NULL, plan, v, &findings, &err) < 0 && err == NULL)
		abort();
	if (findings_refuse(&findings, NULL) == 0 && findings_count(&findings, SEVERITY_ERROR) > 0)
		abort();
	compare(v);
	count(o);
	choose(o, v);
	json_object_put(facts);
	view_free(v);
	return 0;
}
