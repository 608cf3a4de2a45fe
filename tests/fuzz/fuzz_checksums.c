/* Checksum files: the first line is the name that is looked for, the rest is the file. */
#include "core/base/alloc.h"
#include "registry/checksums.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size);
	char *eol = memchr(text, '\n', size);
	char hex[DIGEST_HEX_LEN + 1] = "";
	CLEANUP_ERROR struct error *err = NULL;

	if (eol == NULL)
		return 0;
	*eol = '\0';
	if (checksums_find(eol + 1, size - (size_t)(eol + 1 - text), text, hex, &err) < 0)
		return 0;
	if (strlen(hex) != DIGEST_HEX_LEN || strspn(hex, "0123456789abcdef") != DIGEST_HEX_LEN)
		abort();
	return 0;
}
