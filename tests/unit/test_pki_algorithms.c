#include "core/base/cancel.h"
#include "pki/authority.h"
#include "pki/leaf.h"
#include "tests/unit/test_pki.h"

#define REGISTRY "/etc/davit/registry/registry"

/* What the file may say, and what OpenSSL finds then.  Longer RSA keys take seconds each, and differ in nothing else. */
static const struct {
	enum key_algorithm algorithm;
	const char *name, *type, *group;
	int bits, signature, sa_bits;
	uint32_t usage;
} rows[] = {
	{KEY_ECDSA_P256, "ECDSA-P256", "EC", "prime256v1", 256, NID_ecdsa_with_SHA256, 2048, KU_DIGITAL_SIGNATURE},
	{KEY_ECDSA_P384, "ECDSA-P384", "EC", "secp384r1", 384, NID_ecdsa_with_SHA384, 2048, KU_DIGITAL_SIGNATURE},
	{KEY_RSA_2048, "RSA-2048", "RSA", "", 2048, NID_sha256WithRSAEncryption, 2048, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT},
};

static void check_algorithm(const EVP_PKEY *key, size_t i)
{
	char group[32] = "";

	assert_true(EVP_PKEY_is_a(key, rows[i].type));
	assert_int_equal(EVP_PKEY_get_bits(key), rows[i].bits);
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		assert_string_equal(group, rows[i].group);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		assert_int_equal(key_is(key, rows[k].algorithm), i == k);
}

static void check_leaf(const struct fileset *files, size_t i)
{
	CLEANUP_X509 X509 *c = certificate(content(files, REGISTRY, ".crt")), *ca = certificate(pki_ca_pem(pki, "registry-ca"));
	CLEANUP_PKEY EVP_PKEY *sa = NULL;
	CLEANUP_FREE char *sa_path = xasprintf("%s/sa.key", folder);
	CLEANUP(buf_wipe) struct buf sa_text = BUF_INIT;

	check_algorithm(X509_get0_pubkey(ca), i);
	check_algorithm(X509_get0_pubkey(c), i);
	assert_int_equal(X509_get_signature_nid(c), rows[i].signature);
	assert_int_equal(X509_get_key_usage(c), rows[i].usage);
	assert_int_equal(X509_get_key_usage(ca), KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(verify_for(c, ca, X509_PURPOSE_SSL_SERVER, "10.6.0.4", time(NULL)), X509_V_OK);
	assert_success(path_read(sa_path, &sa_text, &test_error));
	assert_success(key_parse("sa.key", buf_str(&sa_text), sa_text.len, &sa, &test_error));
	assert_true(EVP_PKEY_is_a(sa, "RSA"));
	assert_int_equal(EVP_PKEY_get_bits(sa), rows[i].sa_bits);
}

static void test_each_algorithm(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FILESET struct fileset files = FILESET_INIT;

		assert_string_equal(key_algorithm_name(rows[i].algorithm), rows[i].name);
		strcpy(folder, "/tmp/davit-test-XXXXXX");
		assert_non_null(mkdtemp(folder));
		assert_success(pki_open(folder, &(struct pki_options){.algorithm = rows[i].algorithm}, &pki, &test_error));
		assert_success(pki_node_files(pki, &plan, &registry, &files, &test_error));
		check_leaf(&files, i);
		tear_down(NULL);
	}
}

static void test_longer_keys(void **state UNUSED)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	assert_success(key_make(KEY_RSA_3072, &key, &test_error));
	assert_true(key_is(key, KEY_RSA_3072));
	assert_false(key_is(key, KEY_RSA_4096));
	assert_string_equal(key_algorithm_name(KEY_RSA_3072), "RSA-3072");
	assert_string_equal(key_algorithm_name(KEY_RSA_4096), "RSA-4096");
}

/* Leaves follow the file, whatever they had; authorities stay, so that what trusts them goes on doing so. */
static void test_another_algorithm_makes_new_leaves(void **state UNUSED)
{
	CLEANUP_FREE char *ca = xstrdup(pki_ca_pem(pki, "ca"));
	CLEANUP_FILESET struct fileset before = FILESET_INIT, after = FILESET_INIT, again = FILESET_INIT;
	CLEANUP_X509 X509 *c = NULL, *authority = NULL;

	assert_success(pki_node_files(pki, &plan, &worker, &before, &test_error));
	pki_free(pki);
	assert_success(pki_open(folder, &(struct pki_options){.algorithm = KEY_ECDSA_P384}, &pki, &test_error));
	assert_string_equal(pki_ca_pem(pki, "ca"), ca);
	assert_success(pki_node_files(pki, &plan, &worker, &after, &test_error));
	c = certificate(content(&after, "/var/lib/kubelet/pki/kubelet", ".crt"));
	authority = certificate(ca);
	assert_true(key_is(X509_get0_pubkey(c), KEY_ECDSA_P384));
	assert_int_equal(X509_get_signature_nid(c), NID_ecdsa_with_SHA256); /* by the authority's own key */
	assert_int_equal(verify(c, authority, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	assert_success(pki_node_files(pki, &plan, &worker, &again, &test_error));
	for (size_t i = 0; i < after.n; i++)
		assert_string_equal(buf_str(&after.files[i].content), buf_str(&again.files[i].content));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_algorithm),
		cmocka_unit_test(test_longer_keys),
		WITH_PKI(test_another_algorithm_makes_new_leaves),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
