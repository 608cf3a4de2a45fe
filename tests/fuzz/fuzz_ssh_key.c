/* Host keys as a cluster's state and a console give them, lines of "type base64 [comment]", and users' private keys. */
#include "core/base/alloc.h"
#include "core/net/ssh.h"
#include "core/net/ssh_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;
	CLEANUP_ERROR struct error *error = NULL;
	CLEANUP_FREE char *fingerprint = ssh_fingerprint(text);
	int r = ssh_keys_parse(text, &keys, &error);

	CLEANUP_FREE char *public = NULL;
	int private = ssh_private_key_check(text, "key", &public, NULL);
	CLEANUP_FREE char *public_fingerprint = ssh_fingerprint(public);

	if ((private < 0 && public != NULL) || (public != NULL) != (public_fingerprint != NULL))
		abort();
	if ((r < 0) != (error != NULL) || (r == 0) != (keys.n > 0))
		abort();
	if ((fingerprint != NULL) != (keys.n == 1))
		abort();
	return 0;
}
