#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/strv.h"
#include "core/net/ssh.h"
#include "core/net/ssh_keys.h"
#include "tests/unit/test.h"

/* made by ssh-keygen, fingerprint by ssh-keygen -l */
static const char known_key[] =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFnyFwvntlSHEBG8LA/lg/iQ3u64PkeIihozTOvUBrDM a comment with words";
static const char known_fingerprint[] = "SHA256:L0c3AooI6KN7CXHxSLQInsuzcL23vMGrH3kfYpsNvE0";
static const char ecdsa_key[] = "ecdsa-sha2-nistp256 "
				"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBw5ajt57RAAPslNZRfH1kh+"
				"TroKDusiqArq7zspOdJd/XnAGeoSVojHm97nVy3pOWeYakdX8w5Tzg4WLE2ElfM= ec";
static const char ecdsa_fingerprint[] = "SHA256:nRwbEFJ5LDY7Ctjfx/yYfP7UbEY9lsrHP4RHkn6DlIc";

static void test_fingerprints_are_openssh_s(void **state UNUSED)
{
	CLEANUP_FREE char *ed = ssh_fingerprint(known_key);
	CLEANUP_FREE char *ec = ssh_fingerprint(ecdsa_key);

	assert_string_equal(ed, known_fingerprint);
	assert_string_equal(ec, ecdsa_fingerprint);
}

static void test_what_is_no_key_has_no_fingerprint(void **state UNUSED)
{
	static const char *const bad[] = {
		"",
		"\n",
		"ssh-ed25519",
		"ssh-ed25519 !!!!",
		"ssh-ed25519 AAAA",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",		    /* the type and nothing after it */
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAA", /* another type inside */
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFnyFwvntlSHEBG8LA/lg/iQ3u64PkeIihozTOvU",	     /* cut */
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFnyFwvntlSHEBG8LA/lg/iQ3u64PkeIihozTOvUBrDMAAAA", /* more behind it */
		"-----BEGIN OPENSSH PRIVATE KEY-----",
	};

	assert_null(ssh_fingerprint(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(ssh_fingerprint(bad[i]));
}

static void test_two_lines_are_two_keys(void **state UNUSED)
{
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;
	CLEANUP_FREE char *text = xasprintf("%s\r\n\n%s\n", known_key, ecdsa_key);

	assert_success(ssh_keys_parse(text, &keys, &test_error));
	assert_int_equal(keys.n, 2);
	assert_string_equal(keys.v[0].type, "ssh-ed25519");
	assert_string_equal(keys.v[1].type, "ecdsa-sha2-nistp256");
	assert_int_equal(keys.v[0].blob.len, 51);
}

static void test_a_bad_line_is_named(void **state UNUSED)
{
	CLEANUP_FREE char *text = xasprintf("%s\nnonsense here\n", known_key);
	struct ssh_keys keys = SSH_KEYS_INIT;

	assert_failure(ssh_keys_parse(text, &keys, &test_error), "\"nonsense here\" is no public key");
	assert_failure(ssh_keys_parse(" \n", &keys, &test_error), "there is no public key");
	assert_int_equal(keys.n, 0);
}

static size_t line_width(const char *text)
{
	return strcspn(strchr(text, '\n') + 1, "\n");
}

static void test_keygen_writes_openssh_s_format(void **state UNUSED)
{
	static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n", end[] = "-----END OPENSSH PRIVATE KEY-----\n";
	CLEANUP(buf_wipe) struct buf private = BUF_INIT, raw = BUF_INIT;
	CLEANUP_BUF struct buf public = BUF_INIT, joined = BUF_INIT;
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;

	assert_success(ssh_keygen("davit demo", &private, &public, &test_error));
	assert_memory_equal(buf_str(&private), begin, strlen(begin));
	assert_string_equal(private.data + private.len - strlen(end), end);
	assert_int_equal(line_width(buf_str(&private)), 70);
	assert_string_equal(public.data + public.len - strlen(" davit demo"), " davit demo");

	strv_split(&lines, buf_str(&private), "\n");
	for (size_t i = 1; i + 1 < lines.n; i++)
		buf_add(&joined, lines.v[i]);
	assert_success(base64_decode(buf_str(&joined), &raw, &test_error));
	assert_memory_equal(raw.data, "openssh-key-v1", sizeof("openssh-key-v1"));
	assert_success(ssh_keys_parse(buf_str(&public), &keys, &test_error));
	assert_non_null(memmem(raw.data, raw.len, keys.v[0].blob.data, keys.v[0].blob.len));
}

static void test_keys_differ(void **state UNUSED)
{
	CLEANUP(buf_wipe) struct buf private_a = BUF_INIT, private_b = BUF_INIT;
	CLEANUP_BUF struct buf a = BUF_INIT, b = BUF_INIT;

	assert_success(ssh_keygen("", &private_a, &a, &test_error));
	assert_success(ssh_keygen("", &private_b, &b, &test_error));
	assert_string_not_equal(buf_str(&a), buf_str(&b));
	assert_null(strchr(buf_str(&a) + strlen("ssh-ed25519 "), ' ')); /* no comment, no space */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprints_are_openssh_s),     cmocka_unit_test(test_what_is_no_key_has_no_fingerprint),
		cmocka_unit_test(test_two_lines_are_two_keys),	       cmocka_unit_test(test_a_bad_line_is_named),
		cmocka_unit_test(test_keygen_writes_openssh_s_format), cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
