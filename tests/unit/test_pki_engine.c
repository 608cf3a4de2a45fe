/* Who may command the engines of a swarm: an authority of its own says it, and managers with an open port alone get what it makes. */
#include "core/base/cancel.h"
#include "tests/unit/test_pki.h"

static struct spec swarm;
static struct plan swarm_plan;
static char cidr[] = "192.0.2.0/24", san[] = "engines.example.org";

static int set_up_swarm(void **state UNUSED)
{
	swarm = spec;
	swarm.platform = PLATFORM_SWARM;
	swarm.swarm.api_cidrs = (struct strv){0};
	strv_add(&swarm.swarm.api_cidrs, cidr);
	swarm.swarm.api_sans = (struct strv){0};
	strv_add(&swarm.swarm.api_sans, san);
	swarm_plan = plan;
	swarm_plan.spec = &swarm;
	strcpy(folder, "/tmp/davit-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_success(pki_open(folder, &(struct pki_options){.platform = PLATFORM_SWARM, .algorithm = KEY_ECDSA_P256}, &pki, &test_error));
	return 0;
}

static int clear_swarm(void **state)
{
	strv_free(&swarm.swarm.api_cidrs);
	strv_free(&swarm.swarm.api_sans);
	return tear_down(state);
}

static void test_managers_have_a_certificate(void **state UNUSED)
{
	static const char *const names[] = {"demo-cp-1", "10.6.0.10", "203.0.113.7", "127.0.0.1", "localhost", "engines.example.org"};
	CLEANUP_FILESET struct fileset files = FILESET_INIT, others = FILESET_INIT;
	CLEANUP_X509 X509 *c = NULL, *ca = NULL, *of_swarm = certificate(pki_ca_pem(pki, "swarm-ca"));
	int64_t now = time(NULL);

	assert_success(pki_node_files(pki, &swarm_plan, &control_plane, &files, &test_error));
	c = certificate(content(&files, "/etc/docker/engine", ".crt"));
	ca = certificate(content(&files, "/etc/kubernetes/pki/engine-ca", ".crt"));
	check_key(c, content(&files, "/etc/docker/engine", ".key"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(verify_for(c, ca, X509_PURPOSE_SSL_SERVER, names[i], now), X509_V_OK);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_INVALID_PURPOSE);
	assert_int_not_equal(verify(c, of_swarm, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	assert_null(fileset_find(&files, "/etc/kubernetes/pki/engine-ca.key"));
	assert_success(pki_node_files(pki, &swarm_plan, &worker, &others, &test_error));
	assert_null(fileset_find(&others, "/etc/docker/engine.crt"));
	assert_null(fileset_find(&others, "/etc/kubernetes/pki/engine-ca.crt"));
}

static void test_without_a_port_nobody_has(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	strv_free(&swarm.swarm.api_cidrs);
	assert_success(pki_node_files(pki, &swarm_plan, &control_plane, &files, &test_error));
	assert_null(fileset_find(&files, "/etc/docker/engine.crt"));
	assert_null(fileset_find(&files, "/etc/kubernetes/pki/engine-ca.crt"));
}

static void test_a_client(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT, key = BUF_INIT, none = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL, *ca = certificate(pki_ca_pem(pki, "engine-ca")), *of_swarm = certificate(pki_ca_pem(pki, "swarm-ca"));
	struct pki_user user = {.name = "anna", .groups = &STRV_INIT, .seconds = 3600};
	int64_t now = time(NULL);

	assert_success(pki_user_engine(pki, &user, now, &text, &key, &test_error));
	c = certificate(buf_str(&text));
	check_key(c, buf_str(&key));
	assert_int_equal(certificate_not_after(c), now + 3600);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
	assert_int_not_equal(verify(c, of_swarm, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	user.seconds = PKI_USER_SECONDS + 1;
	assert_failure(pki_user_engine(pki, &user, now, &none, &none, &test_error), "1m to 720h");
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up_swarm, clear_swarm)
int main(void)
{
	static const struct CMUnitTest tests[] = {WITH(test_managers_have_a_certificate), WITH(test_without_a_port_nobody_has), WITH(test_a_client)};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
