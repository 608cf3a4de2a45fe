/* The key of a manager as Docker locks it. */
#include "test.h"
#include "pki/key.h"
#include "pki/swarm_key.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"

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
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
