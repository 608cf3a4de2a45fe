/* Certificates beside those that OpenSSL makes of the same: what is signed is the same, byte by byte. */
#include "pki/der.h"
#include "pki/tbs.h"
#include "tests/unit/test_pki.h"
#include "tests/unit/x509_reference.h"
#include <openssl/asn1.h>
#include <stdlib.h>
#include <time.h>

enum { WANTS = 150, YEAR = 365 * 24 * 3600 };

static const enum key_algorithm algorithms[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_RSA_2048};
static EVP_PKEY *keys[ARRAY_SIZE(algorithms)];

/* ---- the writer */

static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 1023, 65535, 65536, 70000};

/* OpenSSL's own header, and its own reader. */
static void check_length(size_t n)
{
	CLEANUP_FREE unsigned char *content = xcalloc(n, 1);
	CLEANUP_FREE unsigned char *expected = xcalloc(n + 16, 1);
	CLEANUP_DER struct der d = DER_INIT;
	unsigned char *at = expected;

	for (size_t i = 0; i < n; i++)
		content[i] = (unsigned char)i;
	ASN1_put_object(&at, 0, (int)n, V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL);
	if (n > 0)
		memcpy(at, content, n);
	der_put(&d, DER_OCTET_STRING, content, n);
	assert_int_equal(d.len, (size_t)(at - expected) + n);
	assert_memory_equal(der_data(&d), expected, d.len);
}

static void test_lengths(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		check_length(lengths[i]);
}

static void test_elements_within_elements(void **state UNUSED)
{
	static const unsigned char expected[] = {0x31, 0x0c, 0x30, 0x08, 0x02, 0x01, 0x05, 0x03, 0x03, 0x00, 0xab, 0xcd, 0x04, 0x00};
	CLEANUP_DER struct der d = DER_INIT;
	size_t inner;

	der_put(&d, DER_OCTET_STRING, NULL, 0);
	inner = d.len;
	der_bits(&d, "\xab\xcd", 2);
	der_integer(&d, 5);
	der_wrap(&d, DER_SEQUENCE, inner);
	der_wrap(&d, DER_SET, 0);
	assert_int_equal(d.len, sizeof(expected));
	assert_memory_equal(der_data(&d), expected, sizeof(expected));
}

static void test_a_writer_that_was_cleared_begins_anew(void **state UNUSED)
{
	struct der d = DER_INIT;

	der_clear(&d);
	der_integer(&d, 1);
	der_clear(&d);
	assert_int_equal(d.len, 0);
	der_integer(&d, 2);
	assert_memory_equal(der_data(&d), "\x02\x01\x02", 3);
	der_clear(&d);
}

static const uint64_t numbers[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffffff, 0x80000000, INT64_MAX, 1ULL << 63, UINT64_MAX};

static void test_numbers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		CLEANUP_DER struct der d = DER_INIT;
		ASN1_INTEGER *n = ASN1_INTEGER_new();
		unsigned char *expected = NULL;

		assert_int_equal(ASN1_INTEGER_set_uint64(n, numbers[i]), 1);
		der_integer(&d, numbers[i]);
		assert_int_equal(i2d_ASN1_INTEGER(n, &expected), d.len);
		assert_memory_equal(der_data(&d), expected, d.len);
		OPENSSL_free(expected);
		ASN1_INTEGER_free(n);
	}
}

static void test_named_bits(void **state UNUSED)
{
	for (unsigned flags = 1; flags < 256; flags++) {
		unsigned char byte = (unsigned char)flags, *expected = NULL;
		ASN1_BIT_STRING bits = {.type = V_ASN1_BIT_STRING, .length = 1, .data = &byte};
		CLEANUP_DER struct der d = DER_INIT;

		der_flags(&d, byte);
		assert_int_equal(i2d_ASN1_BIT_STRING(&bits, &expected), d.len);
		assert_memory_equal(der_data(&d), expected, d.len);
		OPENSSL_free(expected);
	}
}

/* ---- certificates */

struct authorities {
	X509 *certificates[ARRAY_SIZE(algorithms)]; /* by keys[] */
};

static X509 *issued(X509 *issuer, EVP_PKEY *signer, const struct certificate_want *want, EVP_PKEY *key)
{
	CLEANUP_BUF struct buf pem = BUF_INIT;

	issue(issuer, signer, want, key, &pem);
	return certificate(buf_str(&pem));
}

static void assert_same_der(const unsigned char *a, int na, const unsigned char *b, int nb)
{
	assert_true(na > 0);
	assert_int_equal(na, nb);
	assert_memory_equal(a, b, (size_t)na);
}

/* i2d_re_X509_tbs() writes what is signed anew from the fields. */
static void assert_same_signed_part(X509 *c, X509 *reference)
{
	unsigned char *ours = NULL, *theirs = NULL;
	int n = i2d_re_X509_tbs(c, &ours), m = i2d_re_X509_tbs(reference, &theirs);

	assert_same_der(ours, n, theirs, m);
	OPENSSL_free(ours);
	OPENSSL_free(theirs);
}

static void check_purposes(X509 *c, unsigned usage)
{
	assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_CLIENT, 0), (usage & CERTIFICATE_CLIENT) != 0);
	assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_SERVER, 0), (usage & CERTIFICATE_SERVER) != 0);
	assert_int_equal(X509_check_ca(c), 0);
}

/* Its bytes as written: tbs_write() of the same serial, as the reference has them, and d2i finds nothing to write in another way. */
static void check_bytes(const struct certificate_want *want, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, uint64_t serial)
{
	CLEANUP_X509 X509 *reference = reference_make(want, key, issuer, signer, key_digest(signer), serial);
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_DER struct der d = DER_INIT;
	const X509_ALGOR *algorithm = NULL;
	const unsigned char *name = NULL;
	const ASN1_OCTET_STRING *id = issuer != NULL ? X509_get0_subject_key_id(issuer) : NULL;
	unsigned char *theirs = NULL, *algorithm_der = NULL;
	struct tbs_by by = {0};
	size_t n = 0;
	int len;

	assert_non_null(reference);
	X509_get0_signature(NULL, &algorithm, reference);
	len = i2d_X509_ALGOR((X509_ALGOR *)(uintptr_t)algorithm, &algorithm_der);
	buf_add_mem(&by.algorithm, algorithm_der, (size_t)len);
	if (issuer != NULL) {
		assert_int_equal(X509_NAME_get0_der(X509_get_subject_name(issuer), &name, &n), 1);
		buf_add_mem(&by.name, name, n);
		buf_add_mem(&by.key_id, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
	}
	assert_success(key_public(key, &public, &test_error));
	assert_success(tbs_write(&d, want, &public, &by, serial, &test_error));
	len = i2d_re_X509_tbs(reference, &theirs);
	assert_same_der(der_data(&d), (int)d.len, theirs, len);
	OPENSSL_free(theirs);
	OPENSSL_free(algorithm_der);
	buf_free(&by.name);
	buf_free(&by.key_id);
	buf_free(&by.algorithm);
}

static void check_certificate(const struct certificate_want *want, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer)
{
	CLEANUP_X509 X509 *c = issued(issuer, signer, want, key), *reference = NULL;
	uint64_t serial = 0;

	assert_int_equal(ASN1_INTEGER_get_uint64(&serial, X509_get_serialNumber(c)), 1);
	assert_true(serial > 0 && serial <= INT64_MAX);
	reference = reference_make(want, key, issuer, signer, key_digest(signer), serial);
	assert_non_null(reference);
	assert_same_signed_part(c, reference);
	assert_int_equal(X509_verify(c, signer), 1);
	assert_int_equal(X509_get_signature_nid(c), X509_get_signature_nid(reference));
	assert_int_equal(X509_check_private_key(c, key), 1);
	assert_int_equal(certificate_not_before(c), want->not_before);
	assert_int_equal(certificate_not_after(c), want->not_after);
	if (want->usage == 0) {
		assert_int_equal(X509_check_ca(c), 1);
		return;
	}
	check_purposes(c, want->usage);
	assert_true(certificate_matches(c, want, issuer));
}

static char *random_text(size_t max)
{
	static const char *const parts[] = {"a", "Z", "7", ".", "-", ":", " ", "@", "\"", "ü", "€", "😀"};
	struct buf b = BUF_INIT;

	for (size_t left = (size_t)rand() % max; left > 0; left--)
		buf_add(&b, parts[(size_t)rand() % ARRAY_SIZE(parts)]);
	return buf_steal(&b);
}

static void add_random_san(struct strv *to)
{
	switch (rand() % 4) {
	case 0:
		strv_addf(to, "%d.%d.%d.%d", rand() % 256, rand() % 256, rand() % 256, rand() % 256);
		break;
	case 1:
		strv_addf(to, "fd00:%x::%x", (unsigned)rand() % 65536, (unsigned)rand() % 65536);
		break;
	case 2:
		strv_addf(to, "*.n-%d.example", rand());
		break;
	default:
		strv_addf(to, "node-%d", rand());
	}
}

static const int64_t dates[] = {-631152001, -631152000, -1, 0, 1, 951782400, 2524607999, 2524608000, 4102444799, 253402300799};

static int64_t random_date(void)
{
	return rand() % 2 ? dates[(size_t)rand() % ARRAY_SIZE(dates)] : (int64_t)rand() * 2;
}

static uint64_t random_number(void)
{
	return rand() % 2 ? numbers[(size_t)rand() % ARRAY_SIZE(numbers)] : ((uint64_t)rand() << 33) ^ (uint64_t)rand();
}

/* Nearly each length of a SEQUENCE comes about, and what each key has beside each of the others. */
static void check_random(const struct authorities *a)
{
	size_t k = (size_t)rand() % ARRAY_SIZE(algorithms), by = (size_t)rand() % ARRAY_SIZE(algorithms);
	CLEANUP_STRV struct strv groups = STRV_INIT, sans = STRV_INIT;
	CLEANUP_FREE char *cn = random_text(300), *o = random_text(150);
	struct certificate_want want = {.algorithm = algorithms[k],
					.cn = cn,
					.o = rand() % 2 ? o : NULL,
					.groups = rand() % 2 ? &groups : NULL,
					.usage = (unsigned)rand() % 4,
					.sans = rand() % 4 ? &sans : NULL,
					.not_before = random_date(),
					.not_after = random_date()};

	for (int n = rand() % 5; n > 0; n--)
		strv_take(&groups, random_text(40));
	for (int n = rand() % 8; n > 0; n--)
		add_random_san(&sans);
	check_bytes(&want, keys[k], a->certificates[by], keys[by], random_number());
	check_bytes(&want, keys[k], NULL, keys[k], random_number());
	check_certificate(&want, keys[k], a->certificates[by], keys[by]);
}

static void make_authorities(struct authorities *ret)
{
	struct certificate_want want = {.cn = "authority", .not_before = 0, .not_after = 10LL * YEAR};

	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		want.algorithm = algorithms[i];
		check_bytes(&want, keys[i], NULL, keys[i], 1);
		ret->certificates[i] = issued(NULL, keys[i], &want, keys[i]);
		assert_true(certificate_is_root(ret->certificates[i]));
		check_certificate(&want, keys[i], NULL, keys[i]);
		check_certificate(&want, keys[i], ret->certificates[i], keys[i]);
	}
}

static void test_what_is_signed_is_what_openssl_signs(void **state UNUSED)
{
	unsigned seed = (unsigned)time(NULL);
	struct authorities a;

	print_message("# seed %u\n", seed);
	srand(seed);
	make_authorities(&a);
	for (size_t i = 0; i < WANTS; i++)
		check_random(&a);
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		X509_free(a.certificates[i]);
}

/* What was written, read, and written by OpenSSL again. */
static void test_what_is_written_is_read_and_written_the_same(void **state UNUSED)
{
	struct certificate_want want = {.cn = "a", .usage = CERTIFICATE_CLIENT, .not_after = YEAR};

	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		CLEANUP_BUF struct buf pem = BUF_INIT, again = BUF_INIT;
		CLEANUP_X509 X509 *c = NULL, *copy = NULL;

		issue(NULL, keys[i], &want, keys[i], &pem);
		c = certificate(buf_str(&pem));
		i2d_re_X509_tbs(c, NULL); /* what it keeps of the bytes that it has read is not what it writes any more */
		copy = X509_dup(c);
		assert_success(certificate_write(copy, &again, &test_error));
		assert_string_equal(buf_str(&pem), buf_str(&again));
	}
}

/* davit makes none of these: a site's authority may have one. */
static void test_a_site_may_have_keys_of_other_kinds(void **state UNUSED)
{
	struct certificate_want want = {.cn = "a", .usage = CERTIFICATE_CLIENT, .not_after = YEAR};
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *others[] = {EVP_EC_gen("P-521"), NULL};

	assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
	assert_int_equal(EVP_PKEY_generate(maker, &others[1]), 1);
	EVP_PKEY_CTX_free(maker);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CLEANUP_X509 X509 *site = reference_make(&(struct certificate_want){.cn = "site", .not_after = YEAR}, others[i], NULL, others[i], EVP_sha256(), 1);

		check_certificate(&want, keys[0], site, others[i]);
		EVP_PKEY_free(others[i]);
	}
}

/* ---- what cannot be in one */

static void refused(const struct certificate_want *want, const char *why)
{
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_ISSUER struct issuer *by = NULL;
	CLEANUP_BUF struct buf pem = BUF_INIT;

	assert_success(key_public(keys[0], &public, &test_error));
	assert_success(issuer_new(NULL, keys[0], &by, &test_error));
	assert_failure(issuer_issue(by, want, &public, &pem, &test_error), why);
	assert_int_equal(pem.len, 0);
}

static void test_what_can_be_in_no_certificate(void **state UNUSED)
{
	static const char *const texts[] = {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
	static const char *const names[] = {"", "a b", "ü", "a*", "fd00::1::2", "10.0.0.1/8"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct strv groups = {.v = (char *[]){(char *)(uintptr_t)texts[i]}, .n = 1};

		refused(&(struct certificate_want){.cn = texts[i]}, "UTF-8");
		refused(&(struct certificate_want){.cn = "a", .o = texts[i]}, "certificate of a: ");
		refused(&(struct certificate_want){.cn = "a", .groups = &groups}, "UTF-8");
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct strv sans = {.v = (char *[]){(char *)(uintptr_t)names[i]}, .n = 1};

		refused(&(struct certificate_want){.cn = "a", .sans = &sans}, "neither an IP address nor a DNS name");
	}
	refused(&(struct certificate_want){.cn = "a", .not_after = 253402300800}, "253402300800 seconds after 1970");
	refused(&(struct certificate_want){.cn = "a", .not_before = INT64_MIN}, "seconds after 1970");
}

static void test_an_issuer_without_an_identifier_is_told(void **state UNUSED)
{
	struct certificate_want want = {.cn = "a", .usage = CERTIFICATE_CLIENT};
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_ISSUER struct issuer *by = NULL;
	CLEANUP_X509 X509 *issuer = X509_new();
	CLEANUP_BUF struct buf pem = BUF_INIT;

	assert_success(key_public(keys[0], &public, &test_error));
	assert_success(issuer_new(issuer, keys[0], &by, &test_error));
	assert_failure(issuer_issue(by, &want, &public, &pem, &test_error), "no subject key identifier");
}

static void test_a_key_that_signs_nothing_is_told(void **state UNUSED)
{
	CLEANUP_PKEY EVP_PKEY *exchange = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct issuer *by = NULL;

	assert_non_null(exchange);
	assert_failure(issuer_new(NULL, exchange, &by, &test_error), "cannot sign certificates with this key");
	assert_null(by);
}

static int make_keys(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		assert_success(key_make(algorithms[i], &keys[i], &test_error));
	return 0;
}

static int free_keys(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_elements_within_elements),
		cmocka_unit_test(test_a_writer_that_was_cleared_begins_anew),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_named_bits),
		cmocka_unit_test(test_what_is_signed_is_what_openssl_signs),
		cmocka_unit_test(test_what_is_written_is_read_and_written_the_same),
		cmocka_unit_test(test_a_site_may_have_keys_of_other_kinds),
		cmocka_unit_test(test_what_can_be_in_no_certificate),
		cmocka_unit_test(test_an_issuer_without_an_identifier_is_told),
		cmocka_unit_test(test_a_key_that_signs_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
