/* OpenSSH's known_hosts: the first line is the name that is looked for. */
#include "core/base/alloc.h"
#include "core/net/known_hosts.h"
#include "core/net/ssh_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size), *found = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;
	CLEANUP_ERROR struct error *error = NULL;
	size_t name = strcspn(text, "\n");
	int r;

	strv_take(&names, xstrndup(text, name));
	r = known_hosts_find(text + name, &names, 22, &found, &error);
	if ((r < 0) != (error != NULL) || (r < 0 && found != NULL))
		abort();
	if (found == NULL)
		return 0;
	if (ssh_keys_parse(found, &keys, NULL) < 0) /* what it finds are keys */
		abort();
	for (size_t i = 0; i < keys.n; i++)
		if (!ssh_host_key_type(keys.v[i].type))
			abort();
	return 0;
}
