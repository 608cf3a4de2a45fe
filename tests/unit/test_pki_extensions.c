#include "core/base/clock.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "tests/unit/test.h"
#include <openssl/x509v3.h>

enum { CLIENT = CERTIFICATE_CLIENT, SERVER = CERTIFICATE_SERVER };

/* What kind of certificate, and its extensions in the text of OpenSSL's configuration. */
static const struct row {
	enum key_algorithm algorithm;
	unsigned usage; /* 0: an authority */
	bool issued;	/* by an authority of ours; else by itself */
	const char *constraints, *key_usage, *purpose;
} rows[] = {
	{KEY_ECDSA_P256, 0, false, "critical,CA:TRUE", "critical,digitalSignature,keyCertSign,cRLSign", NULL},
	{KEY_RSA_2048, 0, true, "critical,CA:TRUE,pathlen:0", "critical,digitalSignature,keyCertSign,cRLSign", NULL},
	{KEY_ECDSA_P256, SERVER, true, "critical,CA:FALSE", "critical,digitalSignature", "serverAuth"},
	{KEY_ECDSA_P384, CLIENT, true, "critical,CA:FALSE", "critical,digitalSignature", "clientAuth"},
	{KEY_RSA_2048, SERVER | CLIENT, true, "critical,CA:FALSE", "critical,digitalSignature,keyEncipherment",
	 "serverAuth,clientAuth"},
};

static X509 *root;
static EVP_PKEY *root_key;

static X509 *issue(const struct row *row, EVP_PKEY *key)
{
	int64_t now = clock_wall_ms() / 1000;
	struct certificate_want want = {
		.algorithm = row->algorithm, .cn = "a", .usage = row->usage, .not_before = now, .not_after = now + 3600};
	X509 *c = NULL;

	assert_success(certificate_issue(&want, key, row->issued ? root : NULL, root_key, &c, &test_error));
	return c;
}

static void assert_extension(X509 *c, X509 *issuer, int nid, const char *text)
{
	X509_EXTENSION *expected, *found = X509_get_ext(c, X509_get_ext_by_NID(c, nid, -1));
	unsigned char *a = NULL, *b = NULL;
	X509V3_CTX context;
	int n;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	expected = X509V3_EXT_nconf_nid(NULL, &context, nid, text);
	assert_non_null(expected);
	assert_non_null(found);
	n = i2d_X509_EXTENSION(expected, &a);
	assert_int_equal(i2d_X509_EXTENSION(found, &b), n);
	assert_memory_equal(a, b, (size_t)n);
	X509_EXTENSION_free(expected);
	OPENSSL_free(a);
	OPENSSL_free(b);
}

static void check(const struct row *row)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *c = NULL;

	assert_success(key_make(row->algorithm, &key, &test_error));
	c = issue(row, key);
	assert_extension(c, c, NID_basic_constraints, row->constraints);
	assert_extension(c, c, NID_key_usage, row->key_usage);
	assert_extension(c, c, NID_subject_key_identifier, "hash");
	if (row->issued)
		assert_extension(c, root, NID_authority_key_identifier, "keyid:always");
	if (row->purpose != NULL)
		assert_extension(c, c, NID_ext_key_usage, row->purpose);
	assert_int_equal(X509_get_ext_count(c), 3 + row->issued + (row->purpose != NULL));
}

static void test_extensions_are_what_openssl_makes_of_their_text(void **state UNUSED)
{
	assert_success(key_make(KEY_ECDSA_P256, &root_key, &test_error));
	root = issue(&rows[0], root_key);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
	X509_free(root);
	EVP_PKEY_free(root_key);
}

static void test_an_issuer_without_an_identifier_is_told(void **state UNUSED)
{
	struct certificate_want want = {.algorithm = KEY_ECDSA_P256, .cn = "a", .usage = CLIENT};
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *issuer = X509_new();
	X509 *c = NULL;

	assert_success(key_make(KEY_ECDSA_P256, &key, &test_error));
	assert_failure(certificate_issue(&want, key, issuer, key, &c, &test_error), "unable to get issuer keyid");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions_are_what_openssl_makes_of_their_text),
		cmocka_unit_test(test_an_issuer_without_an_identifier_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
