/* test_site: a site with a root and an intermediate authority, of whatever extensions a test wants. */
#pragma once
#include "pki/site.h"
#include "tests/unit/test_pki.h"
#include <openssl/pem.h>

struct test_ca {
	X509 *certificate;
	EVP_PKEY *key;
};

static void test_ca_clear(struct test_ca *a)
{
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
	*a = (struct test_ca){0};
}
#define CLEANUP_TEST_CA CLEANUP(test_ca_clear)

/* Extensions in OpenSSL's words; NULL: without. */
struct test_ca_want {
	const char *cn, *constraints, *usage, *names;
	int64_t begin, end; /* 0: since an hour ago, for five years */
};

UNUSED static void test_ca_extend(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	if (value == NULL)
		return;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* issuer NULL: a root. */
UNUSED static struct test_ca test_ca_make(const struct test_ca_want *want, const struct test_ca *issuer)
{
	struct test_ca a = {X509_new(), EVP_EC_gen("P-256")};
	X509 *by = issuer != NULL ? issuer->certificate : a.certificate;
	X509_NAME *subject = X509_get_subject_name(a.certificate);
	int64_t now = time(NULL);

	X509_set_version(a.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(a.certificate), (long)now + rand() % 100000);
	X509_set_pubkey(a.certificate, a.key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)want->cn, -1, -1, 0);
	X509_set_issuer_name(a.certificate, issuer != NULL ? X509_get_subject_name(by) : subject);
	ASN1_TIME_set(X509_getm_notBefore(a.certificate), (time_t)(want->begin != 0 ? want->begin : now - 3600));
	ASN1_TIME_set(X509_getm_notAfter(a.certificate), (time_t)(want->end != 0 ? want->end : now + 5L * 365 * DAY));
	test_ca_extend(a.certificate, by, NID_basic_constraints, want->constraints);
	test_ca_extend(a.certificate, by, NID_key_usage, want->usage);
	test_ca_extend(a.certificate, by, NID_name_constraints, want->names);
	test_ca_extend(a.certificate, by, NID_subject_key_identifier, "hash");
	if (issuer != NULL)
		test_ca_extend(a.certificate, by, NID_authority_key_identifier, "keyid:always");
	assert_true(X509_sign(a.certificate, issuer != NULL ? issuer->key : a.key, EVP_sha256()) > 0);
	return a;
}

#define TEST_ROOT ((struct test_ca_want){.cn = "Site root", .constraints = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"})
#define TEST_MIDDLE ((struct test_ca_want){.cn = "Site clusters", .constraints = "critical,CA:TRUE,pathlen:1", .usage = "critical,keyCertSign,cRLSign"})

UNUSED static void test_ca_write(const struct test_ca *a, struct buf *ret)
{
	assert_success(certificate_write(a->certificate, ret, &test_error));
}

/* passphrase NULL: as it is. */
UNUSED static void test_ca_write_key(const struct test_ca *a, const char *passphrase, struct buf *ret)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	assert_int_equal(PEM_write_bio_PrivateKey(out, a->key, passphrase != NULL ? EVP_aes_256_cbc() : NULL, (const unsigned char *)passphrase,
						  passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
			 1);
	crypto_written(out, ret);
}
