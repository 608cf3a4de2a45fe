#include "cmd/etcd_restore.h"
#include "cmd/checks.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static int take_up(struct restore *r, struct error **err)
{
	CLEANUP_FREE char *noted = state_get(r->b.c.state, ETCD_RESTORE_KEY);
	CLEANUP_STRV struct strv words = STRV_INIT;

	if (noted == NULL)
		return error_set(err, ERROR_CONFIG,
				 "no restoration of cluster %s's etcd is under way, so that there is nothing to go back from; "
				 "one that has come to its end has said where "
				 "the data of before is",
				 r->b.c.spec->name);
	strv_split(&words, noted, " ");
	r->b.id = xstrdup(words.n > 0 ? words.v[0] : "");
	r->b.stamp = xstrdup(words.n > 1 ? words.v[1] : "");
	r->r = (struct etcd_restoration){.id = r->b.id, .stamp = r->b.stamp};
	r->b.noted = r->back = true;
	return 0;
}

static int open_abort(struct restore *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->b.c, err) < 0 ||
	    context_need_kubernetes(&r->b.c, ETCD_OF_SWARM, err) < 0 || context_need_keys(&r->b.c, err) < 0 || take_up(r, err) < 0)
		return -1;
	return etcd_restore_planes(r, err);
}

/* A member that had no data before stays out; where most had none, etcd would have no quorum. */
static void find_data(const struct restore *r, struct findings *ret)
{
	CLEANUP_STRV struct strv without = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	for (size_t i = 0; i < r->n; i++)
		if (!etcd_place_had_data(&r->places[i]))
			strv_add(&without, r->b.c.plan->nodes[r->planes[i]].node.name);
	if (without.n == 0)
		return;
	names = verb_names(&without);
	if (without.n * 2 < r->n)
		findings_add(ret, SEVERITY_WARNING, "data", xasprintf("%s had no data of etcd's before the restoration", names),
			     xstrdup("a member that has lost its data cannot begin with none"),
			     xstrdup("\"davit node replace\" lets it join anew"));
	else
		findings_add(ret, SEVERITY_ERROR, "data", xasprintf("%s had no data of etcd's before the restoration", names),
			     xstrdup("without a quorum of members that have theirs, etcd would not begin"),
			     xstrdup("go on: \"davit etcd restore\" with the same backup, or another one"));
}

static int check(struct restore *r, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (etcd_restore_visit(r, &findings, err) < 0)
		return -1;
	if (findings_count(&findings, SEVERITY_ERROR) == 0)
		find_data(r, &findings);
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}

static void print_json(const struct restore *r)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "cluster", r->b.c.spec->name);
	if (r->b.c.o->dry_run)
		json_add(o, "steps", etcd_phases_json(r));
	output_json(o);
}

static int show(const struct restore *r)
{
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r);
	else
		etcd_phases_print(r);
	return 0;
}

static int run(struct restore *r, struct error **err)
{
	int64_t begun = clock_ms();
	CLEANUP_FREE char *question = xasprintf("Go back from the restoration of cluster %s's etcd to the data of before it", r->b.c.spec->name);
	struct live *live;
	int result;

	if (output_confirm(r->b.c.o->yes, question, err) < 0)
		return -1;
	live = live_new(r->b.events, r->b.c.state, r->b.c.o);
	result = etcd_phases_run(r, err);
	if (result == 0)
		result = state_set(r->b.c.state, ETCD_RESTORE_KEY, NULL, err);
	live_free(live);
	if (result < 0)
		return restoring_told(result, "the same command goes on from here", err);
	log_info("etcd of cluster %s is as it was before the restoration (%.1f s)", r->b.c.spec->name, (double)(clock_ms() - begun) / 1000);
	if (r->b.c.o->format == OUTPUT_JSON)
		print_json(r);
	return 0;
}

int etcd_abort(struct restore *r, const struct options *o, struct error **err)
{
	if (open_abort(r, o, err) < 0 || check(r, err) < 0)
		return -1;
	return o->dry_run ? show(r) : run(r, err);
}
