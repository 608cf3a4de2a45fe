/* Keystone's answer to a login, catalogs, version documents and URLs. */
#include "core/base/alloc.h"
#include "provision/auth.h"
#include "provision/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever it says: a session is whole, or there is none; and no token lives for ever. */
static void log_in(const uint8_t *data, size_t size)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = 201};
	CLEANUP_ERROR struct error *err = NULL;
	struct session s = {0};

	strv_add(&r.headers, "x-subject-token: abc");
	buf_add_mem(&r.body, data, size);
	if (auth_parse(&r, 1000, &s, &err) == 0) {
		if (s.token == NULL || s.life_ms <= 0 || s.ends_ms < 1000 || (s.catalog != NULL && !json_object_is_type(s.catalog, json_type_array)))
			abort();
		session_free(&s);
	} else if (s.token != NULL || err == NULL) {
		abort();
	}
	http_response_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char source[] = "lab", interface[] = "public", region[] = "R";
	struct cloud_config config = {.source = source, .interface = interface};
	CLEANUP_FREE char *text = xmemdup(data, size), *root UNUSED = catalog_strip_version(text), *version = NULL;
	CLEANUP_JSON struct json_object *o = NULL;

	log_in(data, size);
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
