/* OpenSSH's known_hosts, by files that ssh-keygen made (-H hashed the names). */
#include "core/base/alloc.h"
#include "core/net/known_hosts.h"
#include "core/net/ssh.h"
#include "tests/unit/test.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO31E"
#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAG1N8IGL7rfwD1dKOooKB6ALSKt80PrxpprMSvbSHYf"
#define ECDSA                                                                                                                    \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNayIdjHfGh3XOdtL3d84P949TC2Y1OPHY8mPg/"          \
	"Q96EjYUienFXoqYh3p9HiWb7c49zNhrrG582GitVTMVy/KyY="
#define RSA                                                                                                                      \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCd6WAMhS2jKq5EcaW/HUqCW6K7w3tBenihw8eJkXpTZ33qfpXaK/WYBP+OqLVv1leCWDlh4GjEDgYwSbo9"   \
	"kxOK4L5pkuMXa86CzEi3f2fueTyAHzNant/KFiG7BbtlLeQXXozLv+f12R1pb+55Tk2ycOeyiRBwWESjZ7sFAjk/obx1wloCiiInvjwLzWElTU0YP28yDeygPj"   \
	"+x8kvI2hL/wwJsTkCEsQsSWsKhOvCpAsv90FGgPxZ3G3OlFPJtyVuamx6OX1ETf5MB9hcISjepIfgI1gIXE+wSxPcLzTmn5/q7OaXiyX+j9V9PXXc9RnRsHJE"    \
	"/9bIzj1ezoGotGHK/"
/* 10.6.0.10, and [jump.example.com]:2222 */
#define HASHED "|1|SV3Ftl/ZnFReJfwBMvzJxLOmpKQ=|79Kl6YWixYE6o2MT6v45Mi1fl00= " ED25519 "\n"
#define HASHED_PORT "|1|T7H8VoGDkZ5DQ8hK6beWf3gOWdQ=|Oe8hyEJUmU4C7V/dFMFYceRQYE4= " OTHER "\n"

/* names: separated by spaces; want NULL: none */
static void finds(const char *text, const char *names, uint16_t port, const char *want)
{
	CLEANUP_STRV struct strv list = STRV_INIT;
	CLEANUP_FREE char *keys = NULL;

	strv_split(&list, names, " ");
	assert_success(known_hosts_find(text, &list, port, &keys, &test_error));
	if (want == NULL)
		assert_null(keys);
	else
		assert_string_equal(keys != NULL ? keys : "none", want);
}

static void refuses(const char *text, const char *with)
{
	CLEANUP_STRV struct strv list = STRV_INIT;
	char *keys = NULL;

	strv_add(&list, "10.6.0.10");
	assert_failure(known_hosts_find(text, &list, 22, &keys, &test_error), with);
	assert_null(keys);
}

static void test_plain_names(void **state UNUSED)
{
	static const char text[] = "# mine\n\n  10.6.0.10,demo-cp-1\t" ED25519 " a comment\r\ndemo-w-1 " OTHER "\n10.6.0.10 " ECDSA "\n";

	finds(text, "10.6.0.10", 22, ED25519 "\n" ECDSA);
	finds(text, "demo-cp-1", 22, ED25519);
	finds(text, "172.24.4.9 demo-w-1", 22, OTHER);
	finds(text, "10.6.0.1", 22, NULL);
	finds(text, "10.6.0.10 demo-cp-1", 22, ED25519 "\n" ECDSA); /* each once */
	finds("", "10.6.0.10", 22, NULL);
}

static void test_hashed_names(void **state UNUSED)
{
	finds(HASHED HASHED_PORT, "10.6.0.10", 22, ED25519);
	finds(HASHED HASHED_PORT, "10.6.0.11", 22, NULL);
	finds(HASHED HASHED_PORT, "jump.example.com", 2222, OTHER);
	finds(HASHED HASHED_PORT, "jump.example.com", 22, NULL);
}

static void test_ports(void **state UNUSED)
{
	static const char text[] = "[jump]:2222 " ED25519 "\njump " OTHER "\n";

	finds(text, "jump", 22, OTHER);
	finds("[jump]:2222 " ED25519 "\n", "jump", 2222, ED25519);
	finds("[jump]:2222 " ED25519 "\n", "jump", 2223, NULL);
}

static void test_revoked_keys_are_out(void **state UNUSED)
{
	finds("10.6.0.10 " ED25519 "\n@revoked 10.6.0.10 " ED25519 "\n10.6.0.10 " OTHER "\n", "10.6.0.10", 22, OTHER);
	finds("@revoked demo-w-1 " ED25519 "\n10.6.0.10 " ED25519 "\n", "10.6.0.10", 22, ED25519); /* another host's */
	finds("@revoked 10.6.0.10 " ED25519 "\n", "10.6.0.10", 22, NULL);
	finds("@cert-authority 10.6.0.10 " ED25519 "\n", "10.6.0.10", 22, NULL);
	refuses("@revoked 10.6.0.10 " ED25519 "\n10.6.0.10 " ED25519 "\n", "every host key of 10.6.0.10 in it is revoked");
	refuses("@revoked\t" HASHED HASHED, "is revoked");
}

static void test_what_cannot_be_used(void **state UNUSED)
{
	refuses("10.6.0.10 " RSA "\n", "of types that are not taken");
	finds("10.6.0.10 " RSA "\n10.6.0.10 " ED25519 "\n", "10.6.0.10", 22, ED25519);
	/* damaged */
	finds("10.6.0.10\n10.6.0.10 ssh-ed25519\n10.6.0.10 ssh-ed25519 AAAA\n|1|x|y " ED25519 "\n", "10.6.0.10", 22, NULL);
	finds("|1|SV3Ftl/ZnFReJfwBMvzJxLOmpKQ=|AAAA " ED25519 "\n|1||\n|1|\n|2|a|b " ED25519 "\n", "10.6.0.10", 22, NULL);
	finds("10.6.0.10 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO3\n", "10.6.0.10", 22, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_names),	     cmocka_unit_test(test_hashed_names),
		cmocka_unit_test(test_ports),		     cmocka_unit_test(test_revoked_keys_are_out),
		cmocka_unit_test(test_what_cannot_be_used),
	};

	ssh_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
