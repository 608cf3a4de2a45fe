/* Sealed documents, with OpenSSL's own command as a second opinion, and streams. */
#include "pki/seal.h"
#include "tests/unit/test_pki.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#define SECRET "what is in it\nand \377 more"
enum { ROUNDS = 1000 };

struct owner {
	char *certificate, *key;
};

static void owner_of(EVP_PKEY *key, struct owner *ret)
{
	struct certificate_want want = {.cn = "backup", .usage = CERTIFICATE_CLIENT, .not_before = 0, .not_after = time(NULL) + DAY};
	CLEANUP_BUF struct buf pem = BUF_INIT, key_pem = BUF_INIT;

	issue(NULL, key, &want, key, &pem);
	assert_success(key_write(key, NULL, &key_pem, &test_error));
	*ret = (struct owner){buf_steal(&pem), buf_steal(&key_pem)};
}

static void make_owner(enum key_algorithm kind, struct owner *ret)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	assert_success(key_make(kind, &key, &test_error));
	owner_of(key, ret);
}

static void clear_owner(struct owner *o)
{
	free(o->certificate);
	free(o->key);
}

static void assert_opens(const struct buf *sealed, const char *key, const char *passphrase)
{
	CLEANUP(buf_wipe) struct buf out = BUF_INIT;

	assert_success(seal_open(sealed->data, sealed->len, key, passphrase, &out, &test_error));
	assert_int_equal(out.len, sizeof(SECRET) - 1);
	assert_memory_equal(out.data, SECRET, out.len);
}

static void assert_stays_shut(const struct buf *sealed, const char *key, const char *passphrase, const char *why)
{
	CLEANUP(buf_wipe) struct buf out = BUF_INIT;

	assert_failure(seal_open(sealed->data, sealed->len, key, passphrase, &out, &test_error), why);
	assert_int_equal(out.len, 0);
}

static void test_passphrase(void **state UNUSED)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT, again = BUF_INIT;
	struct seal_to to = {.passphrase = "correct horse", .iterations = ROUNDS};

	assert_success(seal_write(SECRET, sizeof(SECRET) - 1, &to, &sealed, &test_error));
	assert_success(seal_write(SECRET, sizeof(SECRET) - 1, &to, &again, &test_error));
	assert_null(memmem(sealed.data, sealed.len, "what is in it", 13));
	assert_true(sealed.len != again.len || memcmp(sealed.data, again.data, sealed.len) != 0);
	assert_opens(&sealed, NULL, "correct horse");
	assert_stays_shut(&sealed, NULL, "correct hors", "does not open with this passphrase");
	assert_stays_shut(&sealed, NULL, "", "does not open with this passphrase");
}

static void check_owner(enum key_algorithm kind)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT;
	CLEANUP_STRV struct strv certificates = STRV_INIT;
	CLEANUP(clear_owner) struct owner a, b, c;
	struct seal_to to = {.certificates = &certificates, .passphrase = "pass", .iterations = ROUNDS};

	make_owner(kind, &a);
	make_owner(KEY_ECDSA_P256, &b);
	make_owner(kind, &c);
	strv_add(&certificates, a.certificate);
	strv_add(&certificates, b.certificate);
	assert_success(seal_write(SECRET, sizeof(SECRET) - 1, &to, &sealed, &test_error));
	assert_opens(&sealed, a.key, NULL);
	assert_opens(&sealed, b.key, NULL);
	assert_opens(&sealed, NULL, "pass");
	assert_stays_shut(&sealed, c.key, NULL, "does not open with this key");
	assert_stays_shut(&sealed, a.certificate, NULL, "holds no readable private key");
}

static void test_owners(void **state UNUSED)
{
	check_owner(KEY_RSA_2048);
	check_owner(KEY_ECDSA_P256);
}

static void test_owner_that_cannot_read(void **state UNUSED)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT;
	CLEANUP_STRV struct strv certificates = STRV_INIT;
	CLEANUP_FREE char *who = NULL;
	struct seal_to to = {.certificates = &certificates};

	strv_add(&certificates, "no certificate");
	assert_failure(seal_write("x", 1, &to, &sealed, &test_error), "the recipient's certificate");
	assert_failure(seal_describe("ops.pem", "x", 1, &who, &test_error), "ops.pem");
	assert_int_equal(sealed.len, 0);
}

static void test_described(void **state UNUSED)
{
	CLEANUP(clear_owner) struct owner a;
	CLEANUP_FREE char *who = NULL;

	make_owner(KEY_ECDSA_P256, &a);
	assert_success(seal_describe("ops.pem", a.certificate, strlen(a.certificate), &who, &test_error));
	assert_memory_equal(who, "CN=backup ", 10);
	assert_int_equal(strlen(who), 10 + 64);
}

/* Each byte of it changed in turn, and cut off after each. One round: with one bit changed that is none, and not billions. */
static void test_damage(void **state UNUSED)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT;
	struct seal_to to = {.passphrase = "pass", .iterations = 1};

	assert_success(seal_write(SECRET, sizeof(SECRET) - 1, &to, &sealed, &test_error));
	for (size_t i = 0; i < sealed.len; i++) {
		CLEANUP(buf_wipe) struct buf out = BUF_INIT;

		sealed.data[i] ^= 0x01;
		if (seal_open(sealed.data, sealed.len, NULL, "pass", &out, &test_error) == 0)
			assert_memory_equal(out.data, SECRET, sizeof(SECRET) - 1); /* a version number, which nobody reads */
		error_clear(&test_error);
		sealed.data[i] ^= 0x01;
	}
	for (size_t n = 0; n < sealed.len; n++) {
		CLEANUP(buf_wipe) struct buf out = BUF_INIT;

		assert_int_equal(seal_open(sealed.data, n, NULL, "pass", &out, &test_error), -1);
		error_clear(&test_error);
	}
}

/* How to get at it without davit. */
static void test_by_hand(void **state UNUSED)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT, out = BUF_INIT;
	CLEANUP_FREE char *file = xasprintf("%s/sealed", folder), *plain = xasprintf("%s/plain", folder), *command = NULL;
	struct seal_to to = {.passphrase = "pass", .iterations = ROUNDS};

	if (system("openssl version >/dev/null 2>&1") != 0) {
		print_message("there is no openssl command here\n");
		skip();
	}
	assert_success(seal_write(SECRET, sizeof(SECRET) - 1, &to, &sealed, &test_error));
	assert_success(path_write(file, sealed.data, sealed.len, 0600, &test_error));
	command = xasprintf("openssl cms -decrypt -binary -inform DER -in %s -pwri_password pass -out %s", file, plain);
	assert_int_equal(system(command), 0);
	assert_success(path_read(plain, &out, &test_error));
	assert_int_equal(out.len, sizeof(SECRET) - 1);
	assert_memory_equal(out.data, SECRET, out.len);
}

/* In pieces of any length, there and back. */
static void test_stream(void **state UNUSED)
{
	enum { LEN = 1000 };
	uint8_t key[SEAL_KEY_LEN], plain[LEN], there[LEN], back[LEN];
	struct seal_stream *to, *from;

	for (size_t i = 0; i < LEN; i++)
		plain[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	to = seal_stream_new(key);
	from = seal_stream_new(key);
	for (size_t at = 0, n = 1; at < LEN; at += n, n = n * 2 < LEN - at ? n * 2 : LEN - at)
		seal_stream_next(to, plain + at, there + at, n);
	memcpy(back, there, LEN);
	seal_stream_next(from, back, back, LEN);
	assert_memory_equal(back, plain, LEN);
	assert_memory_not_equal(there, plain, 16);
	seal_stream_free(to);
	seal_stream_free(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_owner_that_cannot_read),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_damage),
		WITH_PKI(test_by_hand),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
