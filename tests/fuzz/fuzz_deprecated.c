/* The API server's metrics: whatever they are, what is told is told once and is of an API that is gone. */
#include "bootstrap/deprecated.h"
#include "core/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	CLEANUP_STRV struct strv found = STRV_INIT;

	deprecated_apis(text, "1.36.3", &found);
	for (size_t i = 0; i < found.n; i++) {
		if (strstr(found.v[i], " (gone with ") == NULL)
			abort();
		for (size_t k = 0; k < i; k++)
			if (strcmp(found.v[i], found.v[k]) == 0)
				abort();
	}
	return 0;
}
