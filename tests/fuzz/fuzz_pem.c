/* Authorities' files, the cluster's and a site's: one text is read as the certificates and as the key of them. */
#include "pki/authority.h"
#include "pki/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1795000000 };

static void read_site(const struct buf *text)
{
	CLEANUP_SITE struct site s = {0};
	struct error *err = NULL;
	struct site_source from = {"site.crt", "site.key", text, text, site_key_is_encrypted(text) ? "passphrase" : NULL};

	if (site_parse(&from, NOW, &s, &err) < 0)
		error_free(err);
	else if (site_end(&s) < NOW)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct authority a = {0};
	struct error *err = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	buf_add_mem(&text, data, size);
	if (authority_parse("pki", "ca", "kubernetes", NULL, &text, &text, NOW, &a, &err) < 0)
		error_free(err);
	authority_clear(&a);
	read_site(&text);
	return 0;
}
