/* The cluster file, and the plan of those that are accepted. */
#include "core/base/alloc.h"
#include "core/cluster/plan.h"
#include "core/cluster/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A plan of thousands of nodes shows nothing that one of a few does not, and takes its time. */
enum { NODES_MAX = 50 };

static void plan(const struct spec *spec)
{
	CLEANUP_PLAN struct plan *p = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	size_t nodes = 1 + (size_t)spec->control_plane.count;

	for (size_t i = 0; i < spec->n_pools; i++)
		nodes += (size_t)spec->pools[i].count;
	if (nodes > NODES_MAX)
		return;
	if (plan_make(spec, NULL, &p, &err) < 0) {
		if (!error_is(err, ERROR_CONFIG))
			abort();
		return;
	}
	if (p->n_nodes != nodes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_ERROR struct error *err = NULL;

	if (spec_parse("input", (const char *)data, size, &spec, &err) == 0) {
		plan(spec);
		return 0;
	}
	if (spec != NULL || !error_is(err, ERROR_CONFIG) || strncmp(error_message(err), "input", 5) != 0)
		abort();
	return 0;
}
