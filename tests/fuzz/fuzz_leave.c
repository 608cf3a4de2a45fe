/* What Kubernetes says of nodes, pods and budgets: whatever it is, so many are chosen, each once. */
#include "bootstrap/leave.h"
#include "core/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct leave_candidate candidates[] = {{"w-1", "a", true}, {"w-2", "b", true}, {"w-3", "a", false}, {"w-4", NULL, true}};
	CLEANUP_JSON struct json_object *facts = NULL;
	CLEANUP_STRV struct strv chosen = STRV_INIT, text = STRV_INIT;
	CLEANUP_ERROR struct error *err = NULL;

	if (json_parse((const char *)data, size, "input", &facts, &err) < 0)
		return 0;
	if (leave_choose(candidates, 4, 3, facts, &chosen, &err) < 0)
		return 0;
	if (chosen.n != 3 || strcmp(chosen.v[0], "w-3") != 0 || strcmp(chosen.v[1], chosen.v[2]) == 0)
		abort();
	leave_pods(facts, "w-1", &text);
	leave_blockers(facts, "w-1", &text);
	leave_blockers(facts, "w-2", &text);
	(void)leave_others(facts, &chosen);
	return 0;
}
