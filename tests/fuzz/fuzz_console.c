/* Console logs of servers, in which whoever runs on one may write what they like. */
#include "core/base/alloc.h"
#include "core/net/ssh_keys.h"
#include "provision/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size), *found = console_host_keys(text);
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;

	if (found == NULL)
		return 0;
	if (ssh_keys_parse(found, &keys, NULL) < 0)
		abort();
	for (size_t i = 0; i < keys.n; i++)
		if (!ssh_host_key_type(keys.v[i].type))
			abort();
	return 0;
}
