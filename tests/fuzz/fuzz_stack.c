/* A Compose file: whatever it is, it is taken or refused with its place. */
#include "core/base/alloc.h"
#include "core/cluster/stacks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size);
	struct error *why = NULL;

	if (stack_check("stack.yaml", text, size, &why) < 0 && strncmp(error_message(why), "stack.yaml", 10) != 0)
		abort();
	error_free(why);
	return 0;
}
