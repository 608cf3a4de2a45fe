/* What a swarm's managers say of nodes, tasks and services, MKE's of themselves, and MSR's replicas: whatever it is, its shape can be judged by, and nothing is there twice. */
#include "bootstrap/leave.h"
#include "bootstrap/mke.h"
#include "bootstrap/msr.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON struct json_object *said = NULL, *shape = NULL;
	CLEANUP_STRV struct strv text = STRV_INIT;
	CLEANUP_ERROR struct error *err = NULL, *why = NULL;
	struct json_object *nodes;
	bool known = false, force = false;

	if (json_parse((const char *)data, size, "input", &said, &err) < 0)
		return 0;
	nodes = json_at(said, "nodes");
	shape = swarm_shape(nodes, json_at(said, "tasks"), json_at(said, "services"));
	if (json_len(json_at(shape, "items")) > json_len(nodes) + json_len(json_at(said, "tasks")))
		abort();
	mke_mark(shape, nodes, json_get_str(said, "pings", ""));
	if (msr_may_go(json_at(said, "msr"), "a1", &known, &force, &why) < 0 && force)
		abort();
	leave_pods(shape, "w-1", &text);
	leave_blockers(shape, "w-1", &text);
	(void)leave_others(shape, &text);
	(void)!swarm_spares(nodes, "m-1", &err);
	return 0;
}
