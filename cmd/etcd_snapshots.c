#include "cmd/etcd.h"
#include "cmd/backup_away.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/verbs.h"
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"

enum { CONNECT_MS = 30 * 1000 };

/* What the control planes have kept; each job has a slot. */
struct asking {
	const struct context *c;
	struct reach *reach;
	const size_t *planes;
	struct etcd_kept **kept;
	size_t *n;
};

static const char *name_of(const struct asking *a, size_t i)
{
	return a->c->plan->nodes[a->planes[i]].node.name;
}

static int list(struct ssh *s, void *context, struct error **err)
{
	struct asking *a = ((void **)context)[0];
	size_t i = *(size_t *)((void **)context)[1];

	return etcd_list_kept(s, &a->kept[i], &a->n[i], err);
}

static int ask(size_t i, void *context, struct error **err)
{
	struct asking *a = context;
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(a->reach, name_of(a, i), clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	return reach_run(a->reach, name_of(a, i), &s, list, (void *[]){a, &i}, err);
}

static struct json_object *kept_json(const char *node, const struct etcd_kept *k)
{
	struct json_object *o = json_object_new_object();
	CLEANUP_FREE char *name = xasprintf("%s/%s", node, k->name), *taken = clock_rfc3339(k->taken_ms);

	json_add_str(o, "name", name);
	json_add_str(o, "node", node);
	json_add_str(o, "taken", taken);
	json_add_int(o, "size", k->size);
	return o;
}

static void print(const struct options *o, struct json_object *found)
{
	static const char *const headings[] = {"SNAPSHOT", "TAKEN", "SIZE"};
	struct table *table;

	if (o->format == OUTPUT_JSON) {
		struct json_object *whole = json_object_new_object();

		json_add(whole, "snapshots", found);
		output_json(whole);
		return;
	}
	table = table_new(headings, ARRAY_SIZE(headings));
	for (size_t i = 0; i < json_len(found); i++) {
		struct json_object *k = json_object_array_get_idx(found, i);
		CLEANUP_FREE char *size = xasprintf("%.1f MiB", (double)json_get_int(k, "size", 0) / (1 << 20));

		table_row(table, (const char *[]){json_get_str(k, "name", ""), json_get_str(k, "taken", ""), size});
	}
	table_print(table);
	json_object_put(found);
}

static int by_time(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;

	return strcmp(json_get_str(y, "taken", ""), json_get_str(x, "taken", ""));
}

/* Those of the control planes that answer; what the others say is told, and fails where none does. */
static int gather(struct asking *a, size_t n, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n + 1);
	struct json_object *found = json_object_new_array();
	size_t failed;
	int r = 0;

	(void)!parallel_for(n, 0, ask, a, errors, NULL);
	failed = verb_failed(errors, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < a->n[i]; k++)
			json_object_array_add(found, kept_json(name_of(a, i), &a->kept[i][k]));
	json_object_array_sort(found, by_time);
	if (failed == n)
		r = verb_sum_up(errors, n, "no control plane could be asked:\n", "", err);
	for (size_t i = 0; i < n; i++) {
		if (errors[i] != NULL && failed < n)
			log_warning("%s: %s", name_of(a, i), error_message(errors[i]));
		error_free(errors[i]);
		free(a->kept[i]);
	}
	if (r < 0)
		json_object_put(found);
	else
		*ret = found;
	return r;
}

int etcd_find_kept(const struct context *c, struct reach *reach, struct json_object **ret, struct error **err)
{
	size_t n;
	CLEANUP_FREE size_t *planes = planes_list(c, &n);
	CLEANUP_FREE struct etcd_kept **kept = xnew_n(struct etcd_kept *, n + 1);
	CLEANUP_FREE size_t *counts = xnew_n(size_t, n + 1);
	struct asking a = {c, reach, planes, kept, counts};

	return gather(&a, n, ret, err);
}

static int find_away(const struct context *c, const char *url, struct json_object **ret, struct error **err)
{
	CLEANUP_OBJECTS struct objects *away = NULL;

	if (!objects_is_url(url))
		return error_set(err, ERROR_USAGE, "etcd snapshots: \"%s\" is no object store: write swift://CONTAINER or s3://BUCKET", url);
	return backup_away_open(c, url, &away, err) < 0 ? -1 : backup_away_list(c, away, ret, err);
}

static int find_here(const struct context *c, struct json_object **ret, struct error **err)
{
	CLEANUP_REACH struct reach *reach = NULL;

	if (context_need_keys(c, err) < 0)
		return -1;
	reach = reach_new(c->spec, c->state, c->inventory);
	if (etcd_find_kept(c, reach, ret, err) < 0)
		return -1;
	if (json_len(*ret) == 0)
		log_info("the control planes have none; etcd.snapshots of %s is their schedule", c->spec->path);
	return 0;
}

int verb_etcd_snapshots(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	struct json_object *found = NULL;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || context_need_kubernetes(&c, ETCD_OF_SWARM, err) < 0)
		return -1;
	if ((o->args.n > 0 ? find_away(&c, o->args.v[0], &found, err) : find_here(&c, &found, err)) < 0)
		return -1;
	print(o, found);
	return 0;
}
