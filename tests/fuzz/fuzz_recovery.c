/* The recovery file that a node hands back. */
#include "core/base/alloc.h"
#include "core/cluster/recovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	struct json_object *document = NULL;

	if (recovery_parse(text, strlen(text), "demo", "u", &document, &err) < 0) {
		if (document != NULL || error_message(err)[0] == '\0')
			abort();
		return 0;
	}
	json_object_object_foreach(json_at(document, "files"), name, content)
	{
		if (name[0] == '/' || strstr(name, "..") == name || strstr(name, "/../") != NULL || json_object_get_string(content) == NULL)
			abort();
	}
	recovery_free(&document);
	return 0;
}
