/* The key of a manager as Docker locks it; its box by the vector of NaCl's own tests (secretbox.c there). */
#include "test.h"
#include "pki/key.h"
#include "pki/secretbox.h"
#include "pki/swarm_key.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"

static void bytes_of(const char *hex, struct buf *ret)
{
	for (size_t i = 0; hex[i] != '\0'; i += 2) {
		char two[] = {hex[i], hex[i + 1], '\0'};

		buf_add_char(ret, (char)strtoul(two, NULL, 16));
	}
}

static void test_box(void **state UNUSED)
{
	CLEANUP_BUF struct buf key = BUF_INIT, nonce = BUF_INIT, box = BUF_INIT, wanted = BUF_INIT, found = BUF_INIT;
	const uint8_t *k, *n;

	bytes_of("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389", &key);
	bytes_of("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37", &nonce);
	bytes_of(
		"f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a"
		"c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
		"90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
		"e355a5",
		&box);
	bytes_of(
		"be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129"
		"6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
		"048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
		&wanted);
	k = (const uint8_t *)key.data;
	n = (const uint8_t *)nonce.data;
	assert_true(secretbox_open(k, n, (const uint8_t *)box.data, box.len, &found));
	assert_int_equal(found.len, wanted.len);
	assert_memory_equal(found.data, wanted.data, wanted.len);
	assert_false(secretbox_open(k, n, (const uint8_t *)box.data, SECRETBOX_TAG - 1, &found));
	for (size_t i = 0; i < box.len; i++) {
		box.data[i] = (char)(box.data[i] ^ 1);
		assert_false(secretbox_open(k, n, (const uint8_t *)box.data, box.len, &found));
		box.data[i] = (char)(box.data[i] ^ 1);
	}
	assert_int_equal(found.len, wanted.len);
}

/* Of an Engine 29.9.3, of a swarm that is no more. */
static const char right[] = "SWMKEY-1-sf7o/YCf1hzoYFtT7YYtr4K08QixpOVs9qQM6a5ddzY";
static const char other[] = "SWMKEY-1-3LJ0G2sVB8VrqJGPVwGxvAlz0b2711EpmPyYcIwKIL4";
static const char locked[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"kek-version: 10\n"
	"raft-dek: CAESMLPqI5c5f+eISiVYvJzqRNEK76SXOP8SiAmyRkuCenNfWBXJfixiHCut52W/vdQqMRoYSE+tY9VbFnoDkg07UZq8H6OM58hibTk+\n"
	"\n"
	"MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAjWHVFiOaz5HAICCAAw\n"
	"HQYJYIZIAWUDBAEqBBBkhsCcQnOGzD0c0pt+NYQ0BIGQfYv2v2IeIDpudFoy6stM\n"
	"QV9FILu7yelQ0362macUdmxZfv7FfU+2XK5SLQ1uUQz/B6qmeIj2GzGMtZLrLH6a\n"
	"LCo4z/zHOaxH0cXKLX0IxV+NKLVh9Uop0jcpZCVvHMsa1r+a9rIu8qdnTHvyipuL\n"
	"mnJCLXttOriU2EYL4DSSAZlzN3iBqjpTS3LgZbvi5fZA\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

static void test_opened(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT, plain = BUF_INIT, again = BUF_INIT;
	CLEANUP_FREE char *keys = xasprintf("%s %s", other, right), *value = NULL;
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_BUF struct buf record = BUF_INIT;
	const char *line;

	assert_success(swarm_key_open(locked, strlen(locked), keys, &text, &test_error));
	/* OpenSSL reads no headers but its own */
	buf_addf(&plain, "-----BEGIN PRIVATE KEY-----%s", strstr(buf_str(&text), "\n\n") + 1);
	assert_success(key_parse("the manager's key", plain.data, plain.len, &key, &test_error));
	assert_true(key_is(key, KEY_ECDSA_P256));
	assert_null(strstr(buf_str(&text), "kek-version"));
	/* a record without algorithm and nonce: field 2, 32 bytes */
	line = strstr(buf_str(&text), "raft-dek: ");
	assert_non_null(line);
	value = xstrndup(line + 10, strcspn(line + 10, "\n"));
	assert_success(base64_decode(value, &record, &test_error));
	assert_int_equal(record.len, 34);
	assert_memory_equal(record.data, "\x12\x20", 2);
	/* one that is not locked stays as it is */
	assert_success(swarm_key_open(text.data, text.len, right, &again, &test_error));
	assert_int_equal(again.len, 0);
}

static void test_not_opened(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *damaged = xstrdup(locked);

	assert_failure(swarm_key_open(locked, strlen(locked), other, &text, &test_error), "none of the backup's keys opens it");
	assert_failure(swarm_key_open(locked, strlen(locked), "SWMKEY-1- SWMKEY-1-AAAA nonsense", &text, &test_error), "none of the backup's keys");
	assert_failure(swarm_key_open("nonsense", 8, right, &text, &test_error), "cannot be understood");
	strstr(damaged, "CAES")[8] ^= 1;
	assert_failure(swarm_key_open(damaged, strlen(damaged), right, &text, &test_error), "the key of its log does not open");
	memcpy(strstr(damaged, "CAES"), "AAAA", 4);
	assert_failure(swarm_key_open(damaged, strlen(damaged), right, &text, &test_error), "the key of its log cannot be understood");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_box),
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
