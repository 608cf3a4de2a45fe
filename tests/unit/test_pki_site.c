#include "core/base/cancel.h"
#include "pki/authority.h"
#include "pki/leaf.h"
#include "tests/unit/test_site.h"
#include <unistd.h>

#define P "/etc/kubernetes/pki/"

static struct test_ca root, middle;

static int set_up_site(void **state UNUSED)
{
	root = test_ca_make(&TEST_ROOT, NULL);
	middle = test_ca_make(&TEST_MIDDLE, &root);
	strcpy(folder, "/tmp/davit-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static int tear_down_site(void **state)
{
	test_ca_clear(&root);
	test_ca_clear(&middle);
	return tear_down(state);
}

static int parse_at(const struct test_ca *of, const struct test_ca *above, const struct test_ca *key, int64_t now, struct site *ret)
{
	CLEANUP_BUF struct buf certificate_text = BUF_INIT, key_text = BUF_INIT;
	struct site_source from = {"site.crt", "site.key", &certificate_text, &key_text, NULL};

	test_ca_write(of, &certificate_text);
	if (above != NULL)
		test_ca_write(above, &certificate_text);
	test_ca_write_key(key, NULL, &key_text);
	return site_parse(&from, now, ret, &test_error);
}

static int parse(const struct test_ca *of, const struct test_ca *above)
{
	CLEANUP_SITE struct site s = {0};

	return parse_at(of, above, of, time(NULL), &s);
}

static int asked;

static int give(void *context UNUSED, struct site *ret, struct error **err UNUSED)
{
	asked++;
	return parse_at(&middle, &root, &middle, time(NULL), ret);
}

static const struct pki_options beneath = {.site = give};

static void open_beneath(void)
{
	asked = 0;
	assert_success(pki_open(folder, &beneath, &pki, &test_error));
}

/* OpenSSL's verdict with what a peer was shown: the first of the text is the peer's own. */
static int verify_shown(const char *pem, X509 *anchor, bool partial, int purpose)
{
	CLEANUP_X509S STACK_OF(X509) *shown = NULL;
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int r;

	assert_success(certificate_parse_all("shown", pem, strlen(pem), &shown, &test_error));
	X509_STORE_add_cert(store, anchor);
	X509_STORE_CTX_init(context, store, sk_X509_value(shown, 0), shown);
	X509_STORE_CTX_set_purpose(context, purpose);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT | (partial ? X509_V_FLAG_PARTIAL_CHAIN : 0));
	X509_verify_cert(context);
	r = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return r;
}

/* Who has the site's root and nothing else takes every server; who has the cluster's authority alone, servers and clients. */
static void test_certificates_beneath_a_site(void **state UNUSED)
{
	static const char *const servers[][2] = {{P "apiserver", "ca"}, {P "etcd/server", "etcd/ca"}, {P "etcd/peer", "etcd/ca"}, {"/var/lib/kubelet/pki/kubelet", "ca"}};
	static const char *const clients[][2] = {{P "apiserver-etcd-client", "etcd/ca"}, {P "admin", "ca"}, {P "front-proxy-client", "front-proxy-ca"}};
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	open_beneath();
	assert_int_equal(asked, 1);
	assert_true(pki_is_beneath_site(pki));
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		CLEANUP_X509 X509 *ca = certificate(pki_ca_pem(pki, servers[i][1]));
		const char *shown = content(&files, servers[i][0], ".crt");

		assert_int_equal(X509_get_pathlen(ca), 0);
		assert_true(certificate_is_by(ca, middle.certificate));
		assert_int_equal(verify_shown(shown, root.certificate, false, X509_PURPOSE_SSL_SERVER), X509_V_OK);
		assert_int_equal(verify_shown(shown, ca, true, X509_PURPOSE_SSL_SERVER), X509_V_OK);
		assert_null(strstr(shown, pki_published_path(pki)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		CLEANUP_X509 X509 *c = certificate(content(&files, clients[i][0], ".crt")), *ca = certificate(pki_ca_pem(pki, clients[i][1]));
		CLEANUP_BUF struct buf alone = BUF_INIT;

		assert_success(certificate_write(c, &alone, &test_error));
		assert_int_equal(verify_shown(buf_str(&alone), ca, true, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	}
}

/* Somebody else of the site has a certificate for system:masters. What clients are known by does not take it. */
static void test_the_sites_others_are_nobody_here(void **state UNUSED)
{
	struct certificate_want masters = {.cn = "mallory", .o = "system:masters", .usage = CLIENT, .not_before = time(NULL) - 60, .not_after = time(NULL) + DAY};
	CLEANUP_TEST_CA struct test_ca other = test_ca_make(&TEST_MIDDLE, &root);
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *anchor = NULL;
	CLEANUP_BUF struct buf shown = BUF_INIT;

	open_beneath();
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	assert_success(key_make(KEY_ECDSA_P256, &key, &test_error));
	issue(other.certificate, other.key, &masters, key, &shown);
	test_ca_write(&other, &shown);
	test_ca_write(&middle, &shown);
	anchor = certificate(content(&files, P "ca", ".crt")); /* one, and no more */
	assert_int_equal(verify_shown(buf_str(&shown), anchor, true, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	assert_int_equal(verify_shown(buf_str(&shown), root.certificate, false, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

/* Pods and people get the site's certificates as well: their OpenSSL wants a root. */
static void test_what_is_published_has_the_root(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_X509S STACK_OF(X509) *published = NULL;
	CLEANUP_BUF struct buf kubeconfig = BUF_INIT;
	const struct file *f;

	open_beneath();
	assert_string_equal(pki_signing_path(pki), P "ca.crt");
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	f = fileset_find(&files, pki_published_path(pki));
	assert_non_null(f);
	assert_success(certificate_parse_all("published", buf_str(&f->content), f->content.len, &published, &test_error));
	assert_int_equal(sk_X509_num(published), 3);
	assert_int_equal(X509_cmp(sk_X509_value(published, 2), root.certificate), 0);
	assert_success(pki_admin_kubeconfig(pki, "demo", "https://10.6.0.10:6443", &kubeconfig, &test_error));
}

static void test_opening_again_asks_for_nothing(void **state UNUSED)
{
	CLEANUP_FREE char *ca = NULL, *path = xasprintf("%s/ca.crt", folder);
	struct pki *again = NULL;

	open_beneath();
	ca = xstrdup(pki_ca_pem(pki, "ca"));
	assert_success(pki_open(folder, &beneath, &again, &test_error));
	assert_int_equal(asked, 1);
	assert_string_equal(pki_ca_pem(again, "ca"), ca);
	pki_free(again);
	unlink(path);
	again = NULL;
	assert_failure(pki_open(folder, &(struct pki_options){0}, &again, &test_error), "ca.crt is missing, and the key of the site's authority");
	assert_success(pki_open(folder, &beneath, &again, &test_error));
	assert_int_equal(asked, 2);
	assert_string_not_equal(pki_ca_pem(again, "ca"), ca);
	pki_free(again);
}

/* A lost one is not issued by a stranger, nor by the site where the others are roots. */
static void test_generations_are_not_mixed(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s/ca.crt", folder);
	struct pki *again = NULL;
	struct test_ca first = middle;

	open_beneath();
	unlink(path);
	middle = test_ca_make(&TEST_MIDDLE, &root);
	assert_failure(pki_open(folder, &beneath, &again, &test_error), "were issued by another authority of the site");
	test_ca_clear(&middle);
	middle = first;
	assert_success(pki_open(folder, &beneath, &again, &test_error));
	pki_free(again);
}

static void test_a_site_after_roots_changes_nothing(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s/etcd/ca.crt", folder);
	struct pki *again = NULL;

	asked = 0;
	assert_success(pki_open(folder, &(struct pki_options){0}, &pki, &test_error));
	unlink(path);
	assert_success(pki_open(folder, &beneath, &again, &test_error));
	assert_int_equal(asked, 0);
	assert_false(pki_is_beneath_site(again));
	pki_free(again);
}

static void test_authorities_end_with_the_sites(void **state UNUSED)
{
	CLEANUP_X509 X509 *ca = NULL;
	int64_t above = certificate_not_after(root.certificate), end = certificate_not_after(middle.certificate);

	open_beneath();
	ca = certificate(pki_ca_pem(pki, "ca"));
	assert_int_equal(certificate_not_after(ca), above < end ? above : end); /* made one after the other, a second may lie between */
}

/* ---- what cannot be used */

static void refuses(struct test_ca_want want, const char *why)
{
	CLEANUP_TEST_CA struct test_ca a = test_ca_make(&want, &root);

	assert_failure(parse(&a, &root), why);
}

static void test_authorities_that_cannot_be_used(void **state UNUSED)
{
	struct test_ca_want want = TEST_MIDDLE;
	int64_t now = time(NULL);

	want.constraints = "critical,CA:FALSE";
	refuses(want, "site.crt is not the certificate of an authority: CA:TRUE is missing");
	want.constraints = NULL;
	refuses(want, "site.crt is not the certificate of an authority: CA:TRUE is missing");
	want.constraints = "critical,CA:TRUE,pathlen:0";
	refuses(want, "may not sign authorities (pathlen:0)");
	want = TEST_MIDDLE;
	want.usage = "critical,digitalSignature,cRLSign";
	refuses(want, "its key usage lacks keyCertSign");
	want = TEST_MIDDLE;
	want.names = "critical,permitted;DNS:example.com";
	refuses(want, "is not valid: permitted subtree violation");
	want = TEST_MIDDLE;
	want.end = now + 59L * DAY;
	refuses(want, "it must have 60 days left");
	want.end = now - 60;
	refuses(want, "it, or one above it, has ended on");
	want = TEST_MIDDLE;
	want.begin = now + DAY;
	refuses(want, "is this machine's clock right?");
}

static void test_what_is_above_counts_too(void **state UNUSED)
{
	struct test_ca_want want = TEST_ROOT;
	int64_t now = time(NULL);
	CLEANUP_TEST_CA struct test_ca short_root = {0}, beneath_short = {0}, ending_root = {0}, beneath_ending = {0};

	want.constraints = "critical,CA:TRUE,pathlen:1";
	short_root = test_ca_make(&want, NULL);
	want = TEST_MIDDLE;
	want.constraints = "critical,CA:TRUE";
	beneath_short = test_ca_make(&want, &short_root);
	assert_failure(parse(&beneath_short, &short_root), "is not valid: path length constraint exceeded");
	want = TEST_ROOT;
	want.end = now + 30L * DAY;
	ending_root = test_ca_make(&want, NULL);
	beneath_ending = test_ca_make(&TEST_MIDDLE, &ending_root);
	assert_failure(parse(&beneath_ending, &ending_root), "it, or one above it, ends on");
}

static void test_files_that_do_not_fit(void **state UNUSED)
{
	CLEANUP_TEST_CA struct test_ca other = test_ca_make(&TEST_ROOT, NULL);
	CLEANUP_SITE struct site s = {0};

	assert_failure(parse_at(&middle, &root, &other, time(NULL), &s), "site.key is not the key of the first certificate in site.crt");
	assert_failure(parse_at(&middle, &other, &middle, time(NULL), &s), "certificate 1 of it was not issued by the one behind it");
	assert_success(parse(&middle, NULL)); /* without its root */
	assert_success(parse(&root, NULL));   /* a root itself */
}

static void test_an_encrypted_key(void **state UNUSED)
{
	CLEANUP_BUF struct buf certificate_text = BUF_INIT, key_text = BUF_INIT;
	struct site_source from = {"site.crt", "site.key", &certificate_text, &key_text, NULL};
	CLEANUP_SITE struct site s = {0};

	test_ca_write(&middle, &certificate_text);
	test_ca_write_key(&middle, "open sesame", &key_text);
	assert_true(site_key_is_encrypted(&key_text));
	assert_failure(site_parse(&from, time(NULL), &s, &test_error), "site.key holds no readable private key in PEM without a passphrase");
	from.passphrase = "close sesame";
	assert_failure(site_parse(&from, time(NULL), &s, &test_error), "that opens with this passphrase");
	from.passphrase = "open sesame";
	assert_success(site_parse(&from, time(NULL), &s, &test_error));
}

/* The request asks for what site_parse() wants, and a certificate for it is taken. */
static void test_a_request(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s/site.key", folder);
	CLEANUP(buf_wipe) struct buf key = BUF_INIT, again = BUF_INIT;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_BIO BIO *in = NULL;
	X509_REQ *request = NULL;
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	char cn[64] = "";

	assert_success(site_key(path, KEY_ECDSA_P384, &key, &test_error));
	assert_success(site_key(path, KEY_ECDSA_P256, &again, &test_error));
	assert_string_equal(buf_str(&key), buf_str(&again));
	assert_success(site_request("davit demo", path, &key, &text, &test_error));
	in = crypto_reader(buf_str(&text), text.len);
	request = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
	X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, cn, sizeof(cn));
	assert_string_equal(cn, "davit demo");
	extensions = X509_REQ_get_extensions(request);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 2);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
}

#define AT_SITE(f) cmocka_unit_test_setup_teardown(f, set_up_site, tear_down_site)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AT_SITE(test_certificates_beneath_a_site),
		AT_SITE(test_the_sites_others_are_nobody_here),
		AT_SITE(test_what_is_published_has_the_root),
		AT_SITE(test_opening_again_asks_for_nothing),
		AT_SITE(test_generations_are_not_mixed),
		AT_SITE(test_a_site_after_roots_changes_nothing),
		AT_SITE(test_authorities_end_with_the_sites),
		AT_SITE(test_authorities_that_cannot_be_used),
		AT_SITE(test_what_is_above_counts_too),
		AT_SITE(test_files_that_do_not_fit),
		AT_SITE(test_an_encrypted_key),
		AT_SITE(test_a_request),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
