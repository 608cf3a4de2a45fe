#include "core/base/alloc.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "tests/unit/test.h"
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <string.h>

static const char *const curves[] = {"P-256", "P-384", "P-521"};
enum { KEYS = 600 }; /* among so many there are scalars that begin with a zero, which one in 256 does */

static void assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(buf_str(a), buf_str(b), a->len);
}

static void assert_same_public(const struct key_public *a, const struct key_public *b)
{
	assert_same(&a->algorithm, &b->algorithm);
	assert_same(&a->bits, &b->bits);
	assert_int_equal(a->is_rsa, b->is_rsa);
}

static void as_openssl_writes_it(const EVP_PKEY *key, struct buf *ret)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	assert_int_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	crypto_written(out, ret);
}

static void check_written(EVP_PKEY *made)
{
	CLEANUP_PKEY EVP_PKEY *key = made;
	CLEANUP_KEY_PUBLIC struct key_public public = {0}, expected_public = {0};
	CLEANUP(buf_wipe) struct buf expected = BUF_INIT, found = BUF_INIT, beside = BUF_INIT;

	assert_non_null(key);
	as_openssl_writes_it(key, &expected);
	assert_success(key_write(key, NULL, &found, &test_error));
	assert_same(&found, &expected);
	assert_success(key_public(key, &expected_public, &test_error));
	assert_success(key_write(key, &public, &beside, &test_error));
	assert_same_public(&public, &expected_public);
	assert_same(&beside, &expected);
}

static void test_keys_are_written_as_openssl_does(void **state UNUSED)
{
	for (size_t i = 0; i < KEYS; i++)
		check_written(EVP_EC_gen(curves[0]));
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		check_written(EVP_EC_gen(curves[i]));
	check_written(EVP_RSA_gen(2048));
}

static X509 *of_key(EVP_PKEY *key)
{
	X509 *c = X509_new();

	assert_non_null(c);
	assert_int_equal(X509_set_pubkey(c, key), 1);
	return c;
}

static void check_public(EVP_PKEY *key, bool is_rsa)
{
	CLEANUP_KEY_PUBLIC struct key_public ours = {0}, theirs = {0};
	CLEANUP_X509 X509 *c = of_key(key);

	assert_success(key_public(key, &ours, &test_error));
	assert_true(key_public_of(c, &theirs));
	assert_same_public(&ours, &theirs);
	assert_int_equal(ours.is_rsa, is_rsa);
}

static void test_public_halves_are_those_of_openssl(void **state UNUSED)
{
	CLEANUP_PKEY EVP_PKEY *rsa = EVP_RSA_gen(2048);

	check_public(rsa, true);
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		CLEANUP_PKEY EVP_PKEY *key = EVP_EC_gen(curves[i]);

		check_public(key, false);
	}
}

/* Of each algorithm a key and its certificate: each key is copied as it is with its own certificate, and with no other. */
static void test_only_its_own_key_is_copied(void **state UNUSED)
{
	static const enum key_algorithm kinds[] = {KEY_ECDSA_P256, KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_RSA_2048, KEY_RSA_2048};
	EVP_PKEY *keys[ARRAY_SIZE(kinds)] = {0};
	X509 *certificates[ARRAY_SIZE(kinds)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_success(key_make(kinds[i], &keys[i], &test_error));
		certificates[i] = of_key(keys[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(buf_wipe) struct buf text = BUF_INIT;

		buf_add(&text, "what people write above\n");
		as_openssl_writes_it(keys[i], &text);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			CLEANUP(buf_wipe) struct buf copy = BUF_INIT;

			assert_int_equal(key_copy(buf_str(&text), text.len, certificates[k], &copy), i == k);
			if (i == k)
				assert_string_equal(buf_str(&copy), strstr(buf_str(&text), "-----BEGIN"));
			else
				assert_int_equal(copy.len, 0);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		EVP_PKEY_free(keys[i]);
		X509_free(certificates[i]);
	}
}

static void test_what_is_no_key_is_not_copied(void **state UNUSED)
{
	static const char *const texts[] = {"", "no key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
					    "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"};
	CLEANUP_PKEY EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP_X509 X509 *c = of_key(key);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_BUF struct buf copy = BUF_INIT;

		assert_false(key_copy(texts[i], strlen(texts[i]), c, &copy));
		assert_int_equal(copy.len, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_written_as_openssl_does),
		cmocka_unit_test(test_public_halves_are_those_of_openssl),
		cmocka_unit_test(test_only_its_own_key_is_copied),
		cmocka_unit_test(test_what_is_no_key_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
