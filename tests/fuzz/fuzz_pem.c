/* Authorities' files: one text is read as the certificate and as the key of it. */
#include "pki/authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct authority a = {0};
	struct error *err = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	buf_add_mem(&text, data, size);
	if (authority_parse("pki", "ca", "kubernetes", &text, &text, 1795000000, &a, &err) < 0)
		error_free(err);
	authority_clear(&a);
	return 0;
}
