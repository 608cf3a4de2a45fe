/* Host keys on console logs: the parser on logs as they are and as somebody hostile would have them, and the waiting for them. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "provision/console.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO31E"
#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAG1N8IGL7rfwD1dKOooKB6ALSKt80PrxpprMSvbSHYf"
#define ECDSA                                                                                                                    \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNayIdjHfGh3XOdtL3d84P949TC2Y1OPHY8mPg/"          \
	"Q96EjYUienFXoqYh3p9HiWb7c49zNhrrG582GitVTMVy/KyY="
#define BEGIN "-----BEGIN SSH HOST KEY KEYS-----\n"
#define END "-----END SSH HOST KEY KEYS-----\n"

static void shows(const char *log, const char *want)
{
	CLEANUP_FREE char *keys = console_host_keys(log);

	if (want == NULL)
		assert_null(keys);
	else
		assert_string_equal(keys != NULL ? keys : "none", want);
}

static void test_as_cloud_init_prints_them(void **state UNUSED)
{
	shows("[    0.000000] Linux version 6.1.0\n#####\n-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 SHA256:L0c3Aoo root@x "
	      "(ED25519)\n-----END SSH HOST KEY FINGERPRINTS-----\n#####\n" BEGIN ECDSA " root@demo-cp-1\n" ED25519
	      " root@demo-cp-1\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCd root@demo-cp-1\n" END "demo-cp-1 login: ",
	      ECDSA "\n" ED25519);
	shows(BEGIN ED25519 "\n" END, ED25519);
	/* as a key that came in user-data is written, without a newline */
	shows(BEGIN ECDSA "\n" ED25519 END, ECDSA "\n" ED25519);
	shows(BEGIN ED25519 END ECDSA "\n" END, ED25519);
}

static void test_what_others_write_between(void **state UNUSED)
{
	shows("ci-info: " BEGIN "\r\nci-info: " ED25519 "\r\nci-info: " END, ED25519);
	shows(BEGIN "[   11.250] random: crng init done\n" ED25519 "\n[   11.3] eth0: renamed\n" OTHER "\n" END, ED25519 "\n" OTHER);
	/* a message in the middle of a key: that key is lost, not made of both */
	shows(BEGIN "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4Qcy[   11.2] audit: x\nG/7M4WGLVXEkwXstUXUjqWQHxhoO31E\n" ECDSA "\n" END,
	      ECDSA);
}

static void test_the_last_whole_block_counts(void **state UNUSED)
{
	shows(BEGIN OTHER "\n" END "reboot\n" BEGIN ED25519 "\n" END, ED25519);
	shows(BEGIN ED25519 "\n" END BEGIN OTHER "\n", ED25519);  /* the second one is still being printed */
	shows(BEGIN OTHER "\n" BEGIN ED25519 "\n" END, ED25519);  /* and here it began anew */
	shows(ED25519 "\n" END BEGIN OTHER "\n" END, OTHER);	  /* the first one is cut at its begin */
	shows(BEGIN ED25519 "\n" END BEGIN "nothing\n" END, ED25519);
}

static void test_no_block(void **state UNUSED)
{
	shows("", NULL);
	shows("login: ", NULL);
	shows(ED25519 "\n", NULL);
	shows(BEGIN ED25519 "\n", NULL);
	shows(BEGIN END, NULL);
	shows(ED25519 "\n" END, NULL);
	shows(BEGIN "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO3\n" END, NULL); /* cut */
	shows(BEGIN "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCd\nssh-dss AAAA\nssh-ed25519\nssh-ed25519 \n" END, NULL);
}

static void test_waits_until_they_are_there(void **state UNUSED)
{
	static const struct fake_console answers[] = {
		{404, "Guest does not have a console available"}, {409, "Instance is not ready"}, {200, ""}, {200, BEGIN ED25519},
		{200, BEGIN ED25519 "\n" END},
	};
	CLEANUP_FREE char *keys = NULL;

	fake_reset();
	fake_put(KIND_SERVER, "{\"id\":\"s1\"}");
	fake_console(answers, ARRAY_SIZE(answers));
	assert_success(console_wait_host_keys(fake_cloud(), "demo-w-1", "s1", clock_deadline(10000), &keys, &test_error));
	assert_string_equal(keys, ED25519);
	assert_int_equal(fake_calls(), ARRAY_SIZE(answers));
}

static void refuses(int status, const char *text, const char *with)
{
	const struct fake_console answer = {status, text};
	char *keys = NULL;

	fake_reset();
	fake_put(KIND_SERVER, "{\"id\":\"s1\"}");
	fake_console(&answer, 1);
	assert_failure(console_wait_host_keys(fake_cloud(), "demo-w-1", "s1", clock_deadline(20), &keys, &test_error), with);
	assert_null(keys);
}

static void test_says_what_to_do_where_there_is_none(void **state UNUSED)
{
	refuses(501, "not implemented", "this cloud keeps no console logs; set access.hostKeys to seeded");
	refuses(404, "none", "the console log of server \"demo-w-1\" stays empty");
	refuses(200, "", "stays empty");
	refuses(200, "login: ", "(7 bytes) shows no whole block");
	refuses(403, "forbidden", "forbidden");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_cloud_init_prints_them),  cmocka_unit_test(test_what_others_write_between),
		cmocka_unit_test(test_the_last_whole_block_counts), cmocka_unit_test(test_no_block),
		cmocka_unit_test(test_waits_until_they_are_there), cmocka_unit_test(test_says_what_to_do_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
