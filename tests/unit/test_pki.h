/* test_pki: what the tests of pki/ share: a small cluster by hand, a folder for each test, and looks into certificates. */
#pragma once
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "pki/issuer.h"
#include "pki/pki.h"
#include "tests/unit/test.h"
#include <time.h>

enum { CLIENT = CERTIFICATE_CLIENT, SERVER = CERTIFICATE_SERVER, DAY = 24 * 3600 };

/* Strings of the spec and the plan are not const; nobody writes to these. */
#define S(text) ((char *)(uintptr_t)(text))
static struct spec spec UNUSED = {
	.name = S("demo"),
	.version = S("1.36.3"),
	.network = {.domain = S("cluster.local"), .plugin = S("flannel")},
};
static struct plan plan UNUSED = {
	.spec = &spec, .api_service_ip = S("10.96.0.1"), .api_address = S("10.6.0.10"), .registry_address = S("10.6.0.4")};
static const struct node control_plane UNUSED = {
	.name = S("demo-cp-1"), .role = NODE_CONTROL_PLANE, .address = S("10.6.0.10"), .floating_ip = S("203.0.113.7")};
static const struct node worker UNUSED = {.name = S("demo-w-1"), .role = NODE_WORKER, .address = S("10.6.0.20")};
static const struct node registry UNUSED = {.name = S("demo-registry"), .role = NODE_REGISTRY, .address = S("10.6.0.4")};

static char folder[64];
static struct pki *pki;

UNUSED static int set_up(void **state UNUSED)
{
	strcpy(folder, "/tmp/davit-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_success(pki_open(folder, &(struct pki_options){.algorithm = KEY_ECDSA_P256}, &pki, &test_error));
	return 0;
}

UNUSED static int tear_down(void **state UNUSED)
{
	pki_free(pki);
	pki = NULL;
	assert_success(path_remove_tree(folder, &test_error));
	return 0;
}

UNUSED static X509 *certificate(const char *pem)
{
	X509 *c = NULL;

	assert_non_null(pem);
	assert_success(certificate_parse("certificate", pem, strlen(pem), &c, &test_error));
	return c;
}

UNUSED static const char *content(const struct fileset *files, const char *base, const char *extension)
{
	CLEANUP_FREE char *path = xasprintf("%s%s", base, extension);
	const struct file *f = fileset_find(files, path);

	if (f == NULL)
		fail_msg("%s is missing", path);
	assert_int_equal(f->mode, strcmp(extension, ".crt") == 0 || strcmp(extension, ".pub") == 0 ? 0644 : 0600);
	assert_int_equal(f->secret, strcmp(extension, ".key") == 0);
	return buf_str(&f->content);
}

UNUSED static void issue(X509 *issuer, EVP_PKEY *issuer_key, const struct certificate_want *want, EVP_PKEY *key, struct buf *ret_pem)
{
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_ISSUER struct issuer *by = NULL;

	assert_success(key_public(key, &public, &test_error));
	assert_success(issuer_new(issuer, issuer_key, &by, &test_error));
	assert_success(issuer_issue(by, want, &public, ret_pem, &test_error));
}

/* OpenSSL's own verdict, as a TLS peer would ask it that has dialled name (an address or a host; NULL: it does not matter) at that time. */
UNUSED static int verify_for(X509 *c, X509 *ca, int purpose, const char *name, int64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(context, store, c, NULL);
	X509_STORE_CTX_set_purpose(context, purpose);
	param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_time(param, at);
	if (name != NULL && !X509_VERIFY_PARAM_set1_ip_asc(param, name))
		assert_int_equal(X509_VERIFY_PARAM_set1_host(param, name, 0), 1);
	X509_verify_cert(context);
	result = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return result;
}

UNUSED static int verify(X509 *c, X509 *ca, int purpose)
{
	return verify_for(c, ca, purpose, NULL, time(NULL));
}

UNUSED static void check_name(X509 *c, int nid, const char *expected)
{
	X509_NAME *subject = X509_get_subject_name(c);
	int at = X509_NAME_get_index_by_NID(subject, nid, -1);

	if (at < 0)
		assert_string_equal(expected, "");
	else
		assert_string_equal(ASN1_STRING_get0_data(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), expected);
}

UNUSED static void check_dates(X509 *c, int days)
{
	time_t begin = (time_t)(clock_wall_ms() / 1000) - 3600; /* time() may be a second behind it */
	int64_t length = certificate_not_after(c) - begin;

	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(c), begin - 60), 1);
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(c), begin + 2), -1); /* time() may be a tick behind clock_gettime() */
	assert_in_range(length + 60, (uint64_t)days * DAY, (uint64_t)days * DAY + 60);
}

UNUSED static void check_serial(X509 *c)
{
	uint64_t serial = 0;

	assert_int_equal(ASN1_INTEGER_get_uint64(&serial, X509_get_serialNumber(c)), 1);
	assert_true(serial > 0 && serial <= INT64_MAX);
}

UNUSED static void check_key(X509 *c, const char *pem)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	char group[32] = "";

	assert_success(key_parse("key", pem, strlen(pem), &key, &test_error));
	assert_int_equal(X509_check_private_key(c, key), 1);
	assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
	assert_string_equal(group, "prime256v1");
}

#define WITH_PKI(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
