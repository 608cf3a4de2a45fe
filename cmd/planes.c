#include "cmd/planes.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { CONNECT_MS = 30 * 1000 };

size_t *planes_list(const struct context *c, size_t *ret_n)
{
	size_t *planes = xnew_n(size_t, c->plan->n_nodes + 1);

	*ret_n = 0;
	for (size_t i = 0; i < c->plan->n_nodes; i++)
		if (c->plan->nodes[i].node.role == NODE_CONTROL_PLANE)
			planes[(*ret_n)++] = i;
	return planes;
}

static int on_one(struct reach *reach, const char *name, reach_job *job, void *context, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_ssh(reach, name, clock_deadline(CONNECT_MS), &s, err) < 0 ? -1 : reach_run(reach, name, &s, job, context, err);
}

/* Another one cannot do better. */
static bool is_final(const struct error *why)
{
	return error_is(why, ERROR_CANCELLED) || error_is(why, ERROR_INTERNAL) || error_is(why, ERROR_CONFIG);
}

int planes_ask(const struct context *c, struct reach *reach, reach_job *job, void *context, const char **asked, struct error **err)
{
	size_t n;
	CLEANUP_FREE size_t *planes = planes_list(c, &n);
	CLEANUP_STRV struct strv said = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *name = c->plan->nodes[planes[i]].node.name;
		CLEANUP_ERROR struct error *why = NULL;

		if (asked != NULL)
			*asked = name;
		if (on_one(reach, name, job, context, &why) == 0)
			return 0;
		if (is_final(why))
			return error_move(err, steal_ptr(why));
		if (i + 1 < n)
			log_warning("%s: %s", name, error_message(why));
		strv_addf(&said, "%s: %s", name, error_message(why));
	}
	all = strv_join(&said, "\n");
	return error_set(err, ERROR_NODE, n > 1 ? "no control plane could be asked:\n%s" : "%s", all);
}
