#include "cmd/etcd_restore.h"
#include "cmd/going_back.h"
#include "core/base/alloc.h"

static int open_abort(struct restore *r, const struct options *o, struct error **err)
{
	if (context_open(o, o->dry_run ? CONTEXT_READ : CONTEXT_EXISTING, &r->b.c, err) < 0 ||
	    context_need_kubernetes(&r->b.c, ETCD_OF_SWARM, err) < 0 || context_need_keys(&r->b.c, err) < 0 || going_back_open(&r->b, err) < 0)
		return -1;
	r->r = (struct etcd_restoration){.id = r->b.id, .stamp = r->b.stamp};
	r->back = true;
	return etcd_restore_planes(r, err);
}

/* A member that had no data before stays out. */
static int check(void *of, struct findings *ret, struct error **err)
{
	struct restore *r = of;
	CLEANUP_STRV struct strv without = STRV_INIT;

	if (etcd_restore_visit(r, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n && findings_count(ret, SEVERITY_ERROR) == 0; i++)
		if (!etcd_place_had_data(&r->places[i]))
			strv_add(&without, r->b.c.plan->nodes[r->planes[i]].node.name);
	going_back_without(&r->b, &without, r->n, "without a quorum of members that have theirs, etcd would not begin",
			   "it cannot begin with none: \"davit node replace\" lets it join anew", ret);
	return 0;
}

static struct json_object *steps(const void *of)
{
	return etcd_phases_json(of);
}

static void print(const void *of)
{
	etcd_phases_print(of);
}

static int run(void *of, struct error **err)
{
	struct restore *r = of;

	return etcd_phases_run(r, err) < 0 ? -1 : state_set(r->b.c.state, ETCD_RESTORE_KEY, NULL, err);
}

int etcd_abort(struct restore *r, const struct options *o, struct error **err)
{
	const struct going_back g = {&r->b, "is as it was", r, check, steps, print, run};

	return open_abort(r, o, err) < 0 ? -1 : going_back(&g, err);
}
