#include "core/base/cancel.h"
#include "core/base/digest.h"
#include "core/base/yaml.h"
#include "tests/unit/test_pki.h"

#define URL "https://203.0.113.7:6443"

static struct strv groups;

static int clear_groups(void **state)
{
	strv_free(&groups);
	return tear_down(state);
}

static int make(const char *name, int64_t seconds, bool masters, int64_t now, struct buf *ret)
{
	struct pki_user user = {.name = name, .groups = &groups, .seconds = seconds, .masters = masters};

	return pki_user_kubeconfig(pki, "demo", URL, &user, now, ret, &test_error);
}

static void decoded(const struct yaml *y, const char *key, struct buf *ret)
{
	const struct yaml_node *user = yaml_get(yaml_get(y->root, "users")->values[0], "user");

	assert_success(base64_decode(yaml_get(user, key)->scalar, ret, &test_error));
}

/* Entries of the subject, in order. */
static char *subject(X509 *c)
{
	struct certificate_facts f;
	char *text;

	certificate_describe(c, &f);
	text = steal_ptr(f.subject);
	certificate_facts_clear(&f);
	return text;
}

static void test_a_person(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT, pem = BUF_INIT, key = BUF_INIT;
	CLEANUP_STRV struct strv before = STRV_INIT, after = STRV_INIT;
	CLEANUP_YAML struct yaml *y = NULL;
	CLEANUP_X509 X509 *c = NULL, *ca = certificate(pki_ca_pem(pki, "ca"));
	CLEANUP_FREE char *name = NULL;
	int64_t now = time(NULL);

	strv_add(&groups, "dev");
	strv_add(&groups, "kubeadm:cluster-admins");
	assert_success(path_list(folder, &before, &test_error));
	assert_success(make("anna@example.org", 8 * 3600, false, now, &text));
	assert_success(path_list(folder, &after, &test_error));
	assert_int_equal(before.n, after.n);
	assert_success(yaml_parse("kubeconfig", buf_str(&text), text.len, &y, &test_error));
	assert_string_equal(yaml_get(y->root, "current-context")->scalar, "demo-anna@example.org@demo");
	decoded(y, "client-certificate-data", &pem);
	decoded(y, "client-key-data", &key);
	c = certificate(buf_str(&pem));
	check_key(c, buf_str(&key));
	name = subject(c);
	assert_string_equal(name, "CN=anna@example.org,O=kubeadm:cluster-admins,O=dev"); /* RFC 2253 writes the last one first */
	assert_int_equal(certificate_not_after(c), now + 8 * 3600);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
}

static void refused(const char *name, int64_t seconds, int64_t now, const char *why)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_failure(make(name, seconds, false, now, &text), why);
	assert_int_equal(text.len, 0);
}

static void test_what_is_no_person(void **state UNUSED)
{
	static const char *const names[] = {"", "a b", "a\n", "\xc3\xa4", "a,O=x", "\""};
	char name[PKI_USER_NAME_MAX + 2] = "";
	int64_t now = time(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		refused(names[i], 3600, now, "cannot be the name of a user");
	memset(name, 'a', PKI_USER_NAME_MAX + 1);
	refused(name, 3600, now, "cannot be the name of a user");
	refused("system:kube-controller-manager", 3600, now, "no person");
	refused("anna", 59, now, "1m to 720h");
	refused("anna", PKI_USER_SECONDS + 1, now, "1m to 720h");
	refused("anna", PKI_USER_SECONDS, now + 3630L * DAY, "the cluster's authority itself ends on ");
}

static void test_groups_of_the_system(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int64_t now = time(NULL);

	strv_add(&groups, "system:masters");
	refused("anna", 3600, now, "insist on it by --allow-masters");
	assert_success(make("anna", 3600, true, now, &text));
	strv_add(&groups, "system:nodes");
	assert_failure(make("anna", 3600, true, now, &text), "no person's");
	strv_free(&groups);
	strv_add(&groups, "");
	refused("anna", 3600, now, "cannot be the name of a group");
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up, clear_groups)
int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH(test_a_person),
		WITH(test_what_is_no_person),
		WITH(test_groups_of_the_system),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
