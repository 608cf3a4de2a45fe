#include "core/base/cancel.h"
#include "pki/authority.h"
#include "pki/leaf.h"
#include "tests/unit/test_pki.h"
#include <sys/stat.h>
#include <unistd.h>

#define PKI "/etc/kubernetes/pki/"
#define KUBELET "/var/lib/kubelet/pki/kubelet"

static void test_authorities(void **state UNUSED)
{
	static const char *const names[][2] = {{"ca", "kubernetes"},
					       {"etcd/ca", "etcd-ca"},
					       {"front-proxy-ca", "front-proxy-ca"},
					       {"registry-ca", "registry-ca"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP_X509 X509 *ca = certificate(pki_ca_pem(pki, names[i][0]));

		check_name(ca, NID_commonName, names[i][1]);
		assert_int_equal(verify(ca, ca, X509_PURPOSE_ANY), X509_V_OK);
		assert_int_equal(X509_check_ca(ca), 1);
		assert_int_equal(X509_get_key_usage(ca), KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN);
		assert_int_equal(X509_get_ext_by_critical(ca, 1, -1), X509_get_ext_by_NID(ca, NID_basic_constraints, -1));
		check_serial(ca);
		check_dates(ca, 3650);
	}
	assert_null(pki_ca_pem(pki, "nobody"));
}

static void check_mode(const char *relative, mode_t mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, relative);
	struct stat st = {0};

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void test_opening_again_changes_nothing(void **state UNUSED)
{
	CLEANUP_FREE char *ca = xstrdup(pki_ca_pem(pki, "ca"));
	CLEANUP_FILESET struct fileset before = FILESET_INIT, after = FILESET_INIT;

	assert_success(pki_node_files(pki, &plan, &control_plane, &before, &test_error));
	pki_free(pki);
	assert_success(pki_open(folder, &(struct pki_options){.algorithm = KEY_ECDSA_P256}, &pki, &test_error));
	assert_string_equal(pki_ca_pem(pki, "ca"), ca);
	assert_success(pki_node_files(pki, &plan, &control_plane, &after, &test_error));
	assert_int_equal(before.n, after.n);
	for (size_t i = 0; i < before.n; i++)
		assert_string_equal(buf_str(&before.files[i].content),
				    buf_str(&fileset_find(&after, before.files[i].path)->content));
	check_mode("", 0700);
	check_mode("nodes/demo-cp-1", 0700);
	check_mode("nodes/demo-cp-1/apiserver.pem", 0600);
	check_mode("ca.key", 0600);
	check_mode("etcd/ca.key", 0600);
	check_mode("sa.key", 0600);
	check_mode("ca.crt", 0644);
}

static void test_new_names_make_a_new_certificate(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset before = FILESET_INIT, after = FILESET_INIT;
	CLEANUP_X509 X509 *api = NULL;

	assert_success(pki_node_files(pki, &plan, &control_plane, &before, &test_error));
	strv_add(&spec.api.extra_sans, "api.example.com");
	strv_add(&spec.api.extra_sans, "2001:db8::7");
	assert_int_equal(pki_node_files(pki, &plan, &control_plane, &after, &test_error), 0);
	strv_free(&spec.api.extra_sans);
	assert_string_not_equal(content(&before, PKI "apiserver", ".crt"), content(&after, PKI "apiserver", ".crt"));
	assert_string_not_equal(content(&before, PKI "apiserver", ".key"), content(&after, PKI "apiserver", ".key"));
	assert_string_equal(content(&before, PKI "etcd/server", ".crt"), content(&after, PKI "etcd/server", ".crt"));
	api = certificate(content(&after, PKI "apiserver", ".crt"));
	assert_int_equal(X509_check_host(api, "api.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(api, "2001:db8::7", 0), 1);
}

static struct authority authority_of(const char *name, const char *cn)
{
	struct authority a = {0};

	assert_success(authority_open(folder, name, cn, &(struct authority_making){0}, time(NULL), &a, &test_error));
	return a;
}

static void test_leaves_are_renewed_in_time(void **state UNUSED)
{
	struct authority ca = authority_of("ca", "kubernetes"), other = authority_of("etcd/ca", "etcd-ca");
	CLEANUP_FREE char *path = xasprintf("%s/leaf.pem", folder);
	CLEANUP_LEAF struct leaf first = {0}, second = {0}, third = {0}, fourth = {0};
	struct certificate_want want = {.cn = "somebody", .usage = CLIENT};
	int64_t now = time(NULL);

	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(now), &first, &test_error));
	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(now + 334L * DAY), &second, &test_error));
	assert_string_equal(first.certificate_pem, second.certificate_pem);
	assert_string_equal(first.key_pem, second.key_pem);
	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(now + 336L * DAY), &third, &test_error));
	assert_string_not_equal(first.certificate_pem, third.certificate_pem);
	assert_success(leaf_get(path, &other, &want, &LEAF_AGE(now + 336L * DAY), &fourth, &test_error));
	assert_string_not_equal(third.certificate_pem, fourth.certificate_pem);
	authority_clear(&ca);
	authority_clear(&other);
}

/* Of one age the same again, however often; "made after" takes everything that is older, and nothing twice. */
static void test_leaves_are_renewed_on_demand(void **state UNUSED)
{
	struct authority ca = authority_of("ca", "kubernetes");
	CLEANUP_FREE char *path = xasprintf("%s/leaf.pem", folder);
	CLEANUP_LEAF struct leaf first = {0}, kept = {0}, sooner = {0}, all = {0}, again = {0};
	struct certificate_want want = {.cn = "somebody", .usage = CLIENT};
	int64_t now = time(NULL), later = now + 310L * DAY;

	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(now), &first, &test_error));
	assert_success(leaf_get(path, &ca, &want, &(struct leaf_age){now + 400L * DAY, INT64_MIN, 0}, &kept, &test_error));
	assert_string_equal(first.certificate_pem, kept.certificate_pem);
	assert_success(leaf_get(path, &ca, &want, &(struct leaf_age){later, 60L * DAY, 0}, &sooner, &test_error));
	assert_string_not_equal(first.certificate_pem, sooner.certificate_pem);
	assert_string_not_equal(first.key_pem, sooner.key_pem);
	assert_success(leaf_get(path, &ca, &want, &(struct leaf_age){later + 5, INT64_MIN, later + 5}, &all, &test_error));
	assert_string_not_equal(sooner.certificate_pem, all.certificate_pem);
	assert_success(leaf_get(path, &ca, &want, &(struct leaf_age){later + 50, INT64_MIN, later + 5}, &again, &test_error));
	assert_string_equal(all.certificate_pem, again.certificate_pem);
	authority_clear(&ca);
}

static void test_a_leaf_ends_with_its_authority(void **state UNUSED)
{
	struct authority ca = authority_of("ca", "kubernetes");
	CLEANUP_LEAF struct leaf leaf = {0};
	CLEANUP_X509 X509 *c = NULL;
	struct certificate_want want = {.cn = "somebody", .usage = CLIENT};

	assert_success(leaf_make(&ca, want, time(NULL) + 3500L * DAY, LEAF_DAYS, &leaf, &test_error));
	c = certificate(leaf.certificate_pem);
	assert_int_equal(certificate_not_after(c), certificate_not_after(ca.certificate));
	authority_clear(&ca);
}

static void overwrite(const char *relative, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, relative);

	assert_success(path_write(path, text, strlen(text), 0600, &test_error));
}

static void test_a_damaged_leaf_is_made_anew(void **state UNUSED)
{
	static const char *const texts[] = {"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_FILESET struct fileset before = FILESET_INIT, after = FILESET_INIT;

		assert_success(pki_node_files(pki, &plan, &worker, &before, &test_error));
		overwrite("nodes/demo-w-1/kubelet.pem", texts[i]);
		assert_success(pki_node_files(pki, &plan, &worker, &after, &test_error));
		assert_string_not_equal(content(&before, KUBELET, ".crt"), content(&after, KUBELET, ".crt"));
		assert_string_equal(content(&before, KUBELET "-client", ".crt"), content(&after, KUBELET "-client", ".crt"));
	}
}

static void test_a_leaf_with_anothers_key_is_made_anew(void **state UNUSED)
{
	struct authority ca = authority_of("ca", "kubernetes");
	CLEANUP_FREE char *path = xasprintf("%s/leaf.pem", folder), *mixed = NULL;
	CLEANUP_LEAF struct leaf first = {0}, second = {0};
	struct certificate_want want = {.cn = "somebody", .usage = CLIENT};

	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(time(NULL)), &first, &test_error));
	mixed = xasprintf("%s%s", first.certificate_pem, ca.key_pem);
	overwrite("leaf.pem", mixed);
	assert_success(leaf_get(path, &ca, &want, &LEAF_AGE(time(NULL)), &second, &test_error));
	assert_string_not_equal(first.certificate_pem, second.certificate_pem);
	authority_clear(&ca);
}

static void fails_to_open(const char *part)
{
	struct pki *p = NULL;

	assert_int_equal(pki_open(folder, &(struct pki_options){.algorithm = KEY_ECDSA_P256}, &p, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CONFIG);
	if (strstr(error_message(test_error), part) == NULL || strstr(error_message(test_error), folder) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", error_message(test_error), part);
	error_clear(&test_error);
}

static void copy(const char *from, const char *to)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, from);
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	assert_success(path_read(path, &text, &test_error));
	overwrite(to, buf_str(&text));
}

static void test_damaged_authorities_are_named(void **state UNUSED)
{
	copy("ca.crt", "keep.crt");
	copy("ca.key", "keep.key");
	overwrite("ca.crt", "rubbish");
	fails_to_open("/ca.crt holds no readable certificate in PEM");
	copy("keep.crt", "ca.crt");
	overwrite("ca.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	fails_to_open("/ca.key holds no readable private key");
	copy("etcd/ca.key", "ca.key");
	fails_to_open("/ca.key is not the key of ");
	copy("etcd/ca.crt", "ca.crt");
	fails_to_open("/ca.crt is the certificate of somebody else");
	copy("keep.crt", "ca.crt");
	overwrite("sa.key", "x");
	copy("keep.key", "ca.key");
	fails_to_open("/sa.key holds no readable private key");
}

static void test_an_encrypted_key_does_not_ask(void **state UNUSED)
{
	overwrite("ca.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
			    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhTEaW6y7Vv5gICCAAw\n"
			    "-----END ENCRYPTED PRIVATE KEY-----\n");
	fails_to_open("/ca.key holds no readable private key in PEM without a passphrase");
}

static void test_a_lost_key_is_told_and_a_lost_certificate_made(void **state UNUSED)
{
	CLEANUP_FREE char *certificate_path = xasprintf("%s/ca.crt", folder), *key_path = xasprintf("%s/ca.key", folder);
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_X509 X509 *ca = NULL, *leaf = NULL;

	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	copy("ca.key", "keep.key");
	unlink(key_path);
	fails_to_open("ca.key is missing");
	copy("keep.key", "ca.key");
	unlink(certificate_path);
	pki_free(pki);
	assert_success(pki_open(folder, &(struct pki_options){.algorithm = KEY_ECDSA_P256}, &pki, &test_error));
	ca = certificate(pki_ca_pem(pki, "ca"));
	leaf = certificate(content(&files, KUBELET, ".crt"));
	assert_int_equal(verify(leaf, ca, X509_PURPOSE_SSL_SERVER), X509_V_OK);
}

static int parse_authority(const char *cn, const char *certificate_pem, const char *key_pem, int64_t now)
{
	CLEANUP_BUF struct buf certificate_text = BUF_INIT, key_text = BUF_INIT;
	struct authority a = {0};
	int result;

	buf_add(&certificate_text, certificate_pem);
	buf_add(&key_text, key_pem);
	result = authority_parse("pki", "ca", cn, NULL, &certificate_text, &key_text, now, &a, &test_error);
	authority_clear(&a);
	return result;
}

static void test_authorities_that_cannot_sign(void **state UNUSED)
{
	struct authority ca = authority_of("ca", "kubernetes");
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {.cn = "kubernetes", .usage = CLIENT};
	CLEANUP_FREE char *twice = xasprintf("%s%s", ca.certificate_pem, ca.certificate_pem);

	assert_success(leaf_make(&ca, want, time(NULL), 1, &leaf, &test_error));
	assert_success(parse_authority("kubernetes", ca.certificate_pem, ca.key_pem, time(NULL)));
	assert_failure(parse_authority("kubernetes", leaf.certificate_pem, leaf.key_pem, time(NULL)),
		       "pki/ca.crt is not the certificate of an authority");
	assert_failure(parse_authority("kubernetes", ca.certificate_pem, ca.key_pem, time(NULL) + 3651L * DAY),
		       "pki/ca.crt has ended on ");
	assert_failure(parse_authority("kubernetes", twice, ca.key_pem, time(NULL)),
		       "pki/ca.crt holds more than one certificate");
	authority_clear(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_PKI(test_authorities),
		WITH_PKI(test_opening_again_changes_nothing),
		WITH_PKI(test_new_names_make_a_new_certificate),
		WITH_PKI(test_leaves_are_renewed_in_time),
		WITH_PKI(test_leaves_are_renewed_on_demand),
		WITH_PKI(test_a_leaf_ends_with_its_authority),
		WITH_PKI(test_a_damaged_leaf_is_made_anew),
		WITH_PKI(test_a_leaf_with_anothers_key_is_made_anew),
		WITH_PKI(test_damaged_authorities_are_named),
		WITH_PKI(test_an_encrypted_key_does_not_ask),
		WITH_PKI(test_a_lost_key_is_told_and_a_lost_certificate_made),
		WITH_PKI(test_authorities_that_cannot_sign),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
