/* What registries and mirrors write: names of images, checksum files, OCI documents, challenges. */
#include "core/base/alloc.h"
#include "registry/checksums.h"
#include "registry/pull.h"
#include "registry/reference.h"
#include "registry/registry.h"
#include "tests/unit/test.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---- references ---- */

static void test_reference_parts(void **state UNUSED)
{
	static const struct {
		const char *text, *host, *local, *digest;
	} good[] = {
		{"registry.k8s.io/pause:3.10.2", "registry.k8s.io", "pause:3.10.2", NULL},
		{"registry.k8s.io/coredns/coredns:v1.14.7", "registry.k8s.io", "coredns/coredns:v1.14.7", NULL},
		{"nginx", "docker.io", "library/nginx:latest", NULL},
		{"index.docker.io/bitnami/redis:7", "docker.io", "bitnami/redis:7", NULL},
		{"localhost/a:1", "localhost", "a:1", NULL},
		{"127.0.0.1:5000/a/b/c:x_Y.z-1", "127.0.0.1:5000", "a/b/c:x_Y.z-1", NULL},
		{"quay.io/a__b/c---d.e:1@sha256:" HEX_A, "quay.io", "a__b/c---d.e:1", "sha256:" HEX_A},
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP_REFERENCE struct reference r = {0};
		CLEANUP_FREE char *local = NULL;

		assert_success(reference_parse(good[i].text, &r, &test_error));
		local = reference_local(&r);
		assert_string_equal(r.host, good[i].host);
		assert_string_equal(local, good[i].local);
		assert_true((r.digest == NULL) == (good[i].digest == NULL));
	}
}

static void test_reference_refuses(void **state UNUSED)
{
	static const char *const bad[][2] = {
		{"", "is no repository"},
		{"registry.k8s.io/", "is no repository"},
		{"registry.k8s.io/../../etc:1", "is no repository"},
		{"registry.k8s.io/Pause:1", "is no repository"},
		{"registry.k8s.io/a//b:1", "is no repository"},
		{"registry.k8s.io/a..b:1", "is no repository"},
		{"registry.k8s.io/a___b:1", "is no repository"},
		{"registry.k8s.io/a-:1", "is no repository"},
		{"registry.k8s.io/a?x=1:1", "is no repository"},
		{"registry.k8s.io/a:", "is no tag"},
		{"registry.k8s.io/a:-1", "is no tag"},
		{"registry.k8s.io/a:1/../b", "is no repository"},
		{"-x.io/a:1", "is no registry host"},
		{"a.io:port/a:1", "is no registry host"},
		{"u@a.io/a:1", "is no digest"},
		{"a.io/a:1@sha256:12", "is no digest"},
		{"a.io/a:1@sha512:" HEX_A HEX_A, "is no digest"},
		{"a.io/a\n:1", "is no repository"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_REFERENCE struct reference r = {0};

		assert_failure(reference_parse(bad[i][0], &r, &test_error), bad[i][1]);
		assert_null(r.host);
	}
}

static void test_reference_splits_local_names(void **state UNUSED)
{
	CLEANUP_FREE char *repository = NULL, *tag = NULL;

	assert_success(reference_split_local("coredns/coredns:v1.14.7", &repository, &tag, &test_error));
	assert_string_equal(repository, "coredns/coredns");
	assert_string_equal(tag, "v1.14.7");
	assert_failure(reference_split_local("coredns/coredns", &repository, &tag, &test_error), "REPOSITORY:TAG");
	assert_failure(reference_split_local("../x:1", &repository, &tag, &test_error), "REPOSITORY:TAG");
}

/* ---- checksum files ---- */

static void sum_is(const char *text, const char *name, const char *hex)
{
	char found[DIGEST_HEX_LEN + 1];

	assert_success(checksums_find(text, strlen(text), name, found, &test_error));
	assert_string_equal(found, hex);
}

static void no_sum(const char *text, const char *name, const char *why)
{
	char found[DIGEST_HEX_LEN + 1];

	assert_failure(checksums_find(text, strlen(text), name, found, &test_error), why);
}

static void test_checksums_formats(void **state UNUSED)
{
	sum_is(HEX_A, "kubelet", HEX_A);
	sum_is(HEX_A "\n", "kubelet", HEX_A);
	sum_is(HEX_A "  kubelet\r\n", "kubelet", HEX_A);
	sum_is("AAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa *kubelet", "kubelet", HEX_A);
	sum_is(HEX_A "  etcd-v3.6.16-darwin-amd64.zip\n" HEX_B "  etcd-v3.6.16-linux-amd64.tar.gz\n",
	       "etcd-v3.6.16-linux-amd64.tar.gz", HEX_B);
	sum_is(HEX_A "  release/linux/x.tgz\n" HEX_B "  y.tgz\n", "x.tgz", HEX_A);
	sum_is("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" HEX_A " *runc.386\n" HEX_B
	       " *runc.amd64\n-----BEGIN PGP SIGNATURE-----\n\niQJD\n",
	       "runc.amd64", HEX_B);
}

static void test_checksums_refuse(void **state UNUSED)
{
	no_sum("", "a", "holds no SHA-256 sum of a");
	no_sum("<html>404</html>", "a", "holds no SHA-256 sum of a");
	no_sum(HEX_A "  b\n", "a", "holds no SHA-256 sum of a");
	no_sum(HEX_A "\n" HEX_B "\n", "a", "holds no SHA-256 sum of a");
	no_sum(HEX_A "aa  a\n", "a", "(0 lines of it are sums)");
	no_sum(HEX_A "  a\n" HEX_B "  a\n", "a", "holds two sums of a");
	no_sum(HEX_A "  aa\n" HEX_A "  xa\n", "a", "holds no SHA-256 sum of a");
}

/* ---- OCI documents ---- */

#define LAYER(hex) "{\"mediaType\":\"t\",\"digest\":\"sha256:" hex "\",\"size\":3}"

static int parse(const char *text, struct manifest *m, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;

	return json_parse(text, strlen(text), "manifest", &o, err) < 0 ? -1 : manifest_parse(o, m, err);
}

static void test_manifest(void **state UNUSED)
{
	CLEANUP_MANIFEST struct manifest m = {0};

	assert_success(parse("{\"schemaVersion\":2,\"config\":" LAYER(HEX_A) ",\"layers\":[" LAYER(HEX_B) "]}", &m, &test_error));
	assert_string_equal(m.media_type, OCI_MANIFEST); /* OCI allows it to be missing */
	assert_string_equal(m.config.digest, "sha256:" HEX_A);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.layers[0].size, 3);
}

static void test_manifest_refuses(void **state UNUSED)
{
	static const char *const bad[][2] = {
		{"{\"schemaVersion\":1}", "schemaVersion: expected 2, found 1"},
		{"[]", "schemaVersion: expected 2"},
		{"{\"schemaVersion\":2,\"mediaType\":\"text/html\"}", "is no image manifest"},
		{"{\"schemaVersion\":2,\"layers\":[]}", "config: missing"},
		{"{\"schemaVersion\":2,\"config\":" LAYER(HEX_A) "}", "layers: missing"},
		{"{\"schemaVersion\":2,\"config\":" LAYER(HEX_A) ",\"layers\":[3]}", "layers[0]: digest: missing"},
		{"{\"schemaVersion\":2,\"config\":" LAYER("../../../etc/passwd") ",\"layers\":[]}", "config: digest: "},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:" HEX_A "\",\"size\":-1},\"layers\":[]}",
		 "config: size: -1 is negative"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_MANIFEST struct manifest m = {0};

		assert_failure(parse(bad[i][0], &m, &test_error), bad[i][1]);
	}
}

#define ENTRY(hex, os, arch, ref)                                                                                                \
	"{\"digest\":\"sha256:" hex "\",\"size\":3,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch                     \
	"\"},\"annotations\":{\"org.opencontainers.image.ref.name\":\"" ref "\"}}"

static void test_index_picks_linux_amd64(void **state UNUSED)
{
	static const char text[] = "{\"manifests\":[" ENTRY(HEX_A, "linux", "arm64", "1") "," ENTRY(
		HEX_B, "linux", "amd64", "1") "," ENTRY(HEX_A, "unknown", "unknown", "2") "]}";
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_DESCRIPTOR struct descriptor d = {0}, none = {0};

	assert_success(json_parse(text, strlen(text), "index", &o, &test_error));
	assert_true(oci_is_index(o));
	assert_success(index_pick(o, "1", &d, &test_error));
	assert_string_equal(d.digest, "sha256:" HEX_B);
	assert_failure(index_pick(o, "2", &none, &test_error), "no manifest of \"2\" for linux/amd64 in the index (it holds: 1 "
							       "for linux/arm64, 1 for linux/amd64, 2 for unknown/unknown)");
	assert_failure(index_pick(o, "3", &none, &test_error), "no manifest of \"3\"");
}

static void test_challenge(void **state UNUSED)
{
	CLEANUP_FREE char *realm = NULL, *service = NULL, *scope = NULL;

	assert_true(pull_parse_challenge("Bearer "
					 "realm=\"https://auth.docker.io/"
					 "token\",service=\"registry.docker.io\",scope=\"repository:library/nginx:pull,push\"",
					 &realm, &service, &scope));
	assert_string_equal(realm, "https://auth.docker.io/token");
	assert_string_equal(service, "registry.docker.io");
	assert_string_equal(scope, "repository:library/nginx:pull,push");
	assert_false(pull_parse_challenge("Basic realm=\"x\"", &realm, &service, &scope));
	assert_false(pull_parse_challenge("Bearer realm=\"http://elsewhere.example/token\"", &realm, &service, &scope));
	assert_false(pull_parse_challenge("Bearer realm=\"https://x", &realm, &service, &scope));
	assert_false(pull_parse_challenge(NULL, &realm, &service, &scope));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_parts),
		cmocka_unit_test(test_reference_refuses),
		cmocka_unit_test(test_reference_splits_local_names),
		cmocka_unit_test(test_checksums_formats),
		cmocka_unit_test(test_checksums_refuse),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_manifest_refuses),
		cmocka_unit_test(test_index_picks_linux_amd64),
		cmocka_unit_test(test_challenge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
