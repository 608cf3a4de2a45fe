#include "cmd/upkeep.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/parallel.h"

static int drain(size_t i, void *context, struct error **err)
{
	struct upkeep *u = context;

	return leaving_drain(&u->l, u->nodes.v[i], true, u->events, err) < 0 ? error_wrap(err, "%s", u->nodes.v[i]) : 0;
}

int verb_node_drain(const struct options *o, struct error **err)
{
	CLEANUP_UPKEEP struct upkeep u = {0};
	CLEANUP_FREE struct error **errors = NULL;
	CLEANUP_FREE char *names = NULL;
	int r;

	if (upkeep_open(o, &u, err) < 0 || upkeep_need_members(&u, err) < 0 || leaving_check(&u.l, &u.nodes, err) < 0 ||
	    leaving_cordon(&u.l, &u.nodes, err) < 0)
		return -1;
	errors = xnew_n(struct error *, u.nodes.n);
	r = parallel_for(u.nodes.n, (unsigned)o->parallel, drain, &u, errors, NULL);
	if (r < 0)
		r = leaving_sum_up("be drained", errors, u.nodes.n, err);
	for (size_t i = 0; i < u.nodes.n; i++)
		error_free(errors[i]);
	names = verb_names(&u.nodes);
	if (r == 0)
		log_info("drained: %s; \"davit node uncordon\" lets pods onto them again", names);
	return r;
}

int verb_node_uncordon(const struct options *o, struct error **err)
{
	CLEANUP_UPKEEP struct upkeep u = {0};
	CLEANUP_FREE char *names = NULL;

	if (upkeep_open(o, &u, err) < 0 || upkeep_need_members(&u, err) < 0 || upkeep_uncordon(&u, &u.nodes, err) < 0)
		return -1;
	names = verb_names(&u.nodes);
	log_info("taking pods again: %s", names);
	return 0;
}
