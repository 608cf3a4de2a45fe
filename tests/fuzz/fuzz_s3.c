/* What an object store says, and a file of its keys: entries have names, and what is found stands in the text. */
#include "core/base/alloc.h"
#include "provision/s3.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size), *fault = s3_fault((const char *)data, size);
	CLEANUP_S3_LIST struct s3_list list = {0};
	char *id = NULL, *secret = NULL;

	if (s3_list_read((const char *)data, size, &list, NULL) == 0)
		for (size_t i = 0; i < list.n; i++)
			if (list.entries[i].key == NULL || strlen(list.entries[i].key) > 2 * size) /* in UTF-8, of Latin 1 */
				abort();
	if (strlen(fault) > 802 || strpbrk(fault, "\r\n") != NULL)
		abort();
	s3_profile(text, "default", &id, &secret);
	if ((id != NULL && (*id == '\0' || strstr(text, id) == NULL)) || (secret != NULL && strstr(text, secret) == NULL))
		abort();
	secret_free(id);
	secret_free(secret);
	return 0;
}
