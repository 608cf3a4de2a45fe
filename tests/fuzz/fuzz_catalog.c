/* Catalogs, version documents and URLs. */
#include "core/base/alloc.h"
#include "provision/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char source[] = "lab", interface[] = "public", region[] = "R";
	struct cloud_config config = {.source = source, .interface = interface};
	CLEANUP_FREE char *text = xmemdup(data, size), *root UNUSED = catalog_strip_version(text), *version = NULL;
	CLEANUP_JSON struct json_object *o = NULL;

	if (size == 0 || json_parse(text, size, "catalog", &o, NULL) < 0)
		return 0;
	for (size_t i = 0; i < 2 * CLOUD_SERVICES; i++) {
		CLEANUP_ERROR struct error *err = NULL;
		CLEANUP_FREE char *url = NULL;

		config.region = i < CLOUD_SERVICES ? NULL : region;
		if (catalog_find(o, &config, (enum cloud_service)(i % CLOUD_SERVICES), &url, &err) < 0)
			continue;
	}
	version = catalog_version_url(o, "v3", "https://keystone:5000/");
	return 0;
}
