#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/log.h"
#include "provision/census.h"

enum { EXIT_FOUND = 7 };

/* Those whose state is not here; with --uuid that one only. */
static bool is_orphan(const struct options *o, const struct strv *known, const struct census_cluster *c)
{
	return !strv_has(known, c->uuid) && (o->uuid == NULL || strcmp(o->uuid, c->uuid) == 0);
}

static struct json_object *describe(const struct census_cluster *c)
{
	struct json_object *o = json_object_new_object(), *counts = json_object_new_object(), *names = json_object_new_array();

	for (size_t i = 0; i < c->names.n; i++)
		json_object_array_add(names, json_object_new_string(c->names.v[i]));
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (c->counts[kind] > 0)
			json_add_int(counts, kind_info((enum kind)kind)->name, (int64_t)c->counts[kind]);
	json_add_str(o, "uuid", c->uuid);
	json_add(o, "names", names);
	json_add_str(o, "created", c->created);
	json_add(o, "resources", counts);
	return o;
}

static void print_json(const struct options *o, const struct strv *known, const struct census *census)
{
	struct json_object *whole = json_object_new_object(), *list = json_object_new_array(), *unsure = json_object_new_array();

	for (size_t i = 0; i < census->n; i++)
		if (is_orphan(o, known, &census->clusters[i]))
			json_object_array_add(list, describe(&census->clusters[i]));
	for (size_t i = 0; i < census->unsure.n; i++)
		json_object_array_add(unsure, json_object_new_string(census->unsure.v[i]));
	json_add(whole, "clusters", list);
	json_add(whole, "unsure", unsure);
	output_json(whole);
}

static void print_table(const struct options *o, const struct strv *known, const struct census *census)
{
	static const char *const headings[] = {"NAME", "UUID", "CREATED", "RESOURCES"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < census->n; i++) {
		const struct census_cluster *c = &census->clusters[i];
		CLEANUP_FREE char *names = strv_join(&c->names, ", "), *kinds = census_kinds(c);

		if (is_orphan(o, known, c))
			table_row(table, (const char *[]){names, c->uuid, c->created, kinds});
	}
	table_print(table);
	for (size_t i = 0; i < census->unsure.n; i++)
		log_warning("unsure, and never deleted: %s looks like one of davit's, and no cluster that it may be of shows",
			    census->unsure.v[i]);
}

static int remove_one(const struct options *o, struct cloud *cloud, const struct census_cluster *c, struct error **err)
{
	CLEANUP_FREE char *kinds = census_kinds(c);
	CLEANUP_FREE char *question = xasprintf("Delete cluster %s, %s (%s)", census_name(c), c->uuid, kinds);
	struct removal_job job = {.cloud = cloud, .cluster = census_name(c), .uuid = c->uuid};
	struct live *live;
	int r;

	if (output_confirm(o->yes, question, err) < 0)
		return -1;
	job.events = events_new();
	live = live_new(job.events, NULL, o);
	r = provision_remove(&job, err);
	live_free(live);
	events_free(job.events);
	if (r == 0)
		log_info("cluster %s, %s, is gone", census_name(c), c->uuid);
	return r;
}

/* A "no" is for one of them; the others are asked for all the same.  *left: how many are still there. */
static int remove_all(const struct options *o, struct cloud *cloud, const struct strv *known, const struct census *census, size_t *left,
		      struct error **err)
{
	*left = 0;
	for (size_t i = 0; i < census->n; i++) {
		struct error *why = NULL;

		if (!is_orphan(o, known, &census->clusters[i]) || remove_one(o, cloud, &census->clusters[i], &why) == 0)
			continue;
		if (!error_is(why, ERROR_CANCELLED) || cancel_requested())
			return error_move(err, why);
		error_free(why);
		(*left)++;
	}
	return 0;
}

int verb_orphans(const struct options *o, struct error **err)
{
	CLEANUP_STRV struct strv known = STRV_INIT;
	CLEANUP_CENSUS struct census census = {0};
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	size_t n = 0;

	if (o->remove && o->yes && o->uuid == NULL)
		return error_set(err, ERROR_USAGE, "orphans --delete --yes takes one cluster that is named: give --uuid UUID");
	if (state_known(&known, err) < 0 || cloud_open(o->cloud, &cloud, err) < 0 || census_take(cloud, &census, err) < 0)
		return -1;
	if (o->uuid != NULL && strv_has(&known, o->uuid))
		return error_set(err, ERROR_USAGE, "%s is no orphan: its state is here; \"davit delete\" takes it away", o->uuid);
	for (size_t i = 0; i < census.n; i++)
		n += is_orphan(o, &known, &census.clusters[i]);
	if (o->format == OUTPUT_JSON)
		print_json(o, &known, &census);
	else if (n + census.unsure.n > 0)
		print_table(o, &known, &census);
	else
		log_info("nothing in this project bears the mark of a cluster that is not known here");
	if (o->remove && remove_all(o, cloud, &known, &census, &n, err) < 0)
		return -1;
	return n + (o->remove ? 0 : census.unsure.n) > 0 ? EXIT_FOUND : 0;
}
