/* OCI documents: one text is read as index, as manifest, as a bundle's manifest and as a registry's challenge. */
#include "core/base/alloc.h"
#include "registry/bundle.h"
#include "registry/pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_challenge(const char *text)
{
	CLEANUP_FREE char *realm = NULL, *service = NULL, *scope = NULL;

	if (pull_parse_challenge(text, &realm, &service, &scope) && (realm == NULL || service == NULL || scope == NULL))
		abort();
}

static void read_bundle(const char *text, size_t size)
{
	struct artifacts a = {0}, b = {0};
	CLEANUP_BUF struct buf once = BUF_INIT, twice = BUF_INIT;

	if (bundle_parse(text, size, "bundle", &a, NULL) < 0)
		return;
	bundle_describe(&a, "1.36.3", &once);
	if (bundle_parse(buf_str(&once), once.len, "bundle", &b, NULL) < 0)
		abort();
	bundle_describe(&b, "1.36.3", &twice);
	if (strcmp(buf_str(&once), buf_str(&twice)) != 0)
		abort();
	artifacts_free(&a);
	artifacts_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size);
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_DESCRIPTOR struct descriptor d = {0}, named = {0};
	CLEANUP_MANIFEST struct manifest m = {0};
	CLEANUP_ERROR struct error *e1 = NULL, *e2 = NULL, *e3 = NULL;

	read_challenge(text);
	read_bundle(text, size);
	if (json_parse(text, size, "text", &o, NULL) < 0)
		return 0;
	if (index_pick(o, NULL, &d, &e1) == 0 && !oci_digest_valid(d.digest))
		abort();
	if (index_pick(o, "1", &named, &e2) == 0)
		json_object_put(descriptor_json(&named));
	if (manifest_parse(o, &m, &e3) == 0)
		for (size_t i = 0; i < m.n; i++)
			if (!oci_digest_valid(m.layers[i].digest) || m.layers[i].size < 0)
				abort();
	return 0;
}
