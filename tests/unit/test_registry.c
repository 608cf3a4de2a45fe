/* The pure half of registry/: names, checksum files, OCI documents, the catalogue. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "registry/bundle.h"
#include "registry/catalogue.h"
#include "registry/checksums.h"
#include "registry/pull.h"
#include "registry/reference.h"
#include "registry/registry.h"
#include "tests/unit/test.h"
#include <stdio.h>

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

/* ---- the catalogue ---- */

static struct spec *spec_of(const char *version, const char *artifacts)
{
	CLEANUP_FREE char *text =
		xasprintf("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: %s}\n"
			  "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  artifacts: {%s}\n",
			  version, artifacts);
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

static void print_catalogue(const struct catalogue *c, struct buf *b)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct catalogue_item *a = &c->items[i];
		CLEANUP_FREE char *programs = strv_join(&a->programs, " ");

		buf_addf(b, "%s %s\n  %s\n  %s\n  %s strip %u programs [%s] for", a->name, a->version, a->url,
			 a->checksum_url == NULL ? "no checksum published" : a->checksum_url,
			 a->format == ARTIFACT_FILE ? "file" : "tar.gz", a->strip, programs);
		for (enum node_role r = NODE_CONTROL_PLANE; r <= NODE_REGISTRY; r++)
			if (a->roles & ARTIFACT_ROLES(r))
				buf_addf(b, " %s", node_role_name(r));
		buf_add(b, "\n");
	}
	for (size_t i = 0; i < c->images.n; i++)
		buf_addf(b, "image %s\n", c->images.v[i]);
}

static void golden(const char *name, const struct buf *found)
{
	CLEANUP_FREE char *path = xasprintf("%s/tests/golden/registry/%s", getenv("DAVIT_SOURCE_ROOT"), name);
	CLEANUP_BUF struct buf expected = BUF_INIT;

	if (getenv("DAVIT_REGENERATE") != NULL)
		assert_success(path_write(path, buf_str(found), found->len, 0644, &test_error));
	assert_success(path_read(path, &expected, &test_error));
	assert_string_equal(buf_str(found), buf_str(&expected));
}

static void catalogue_is(const char *version, const char *artifacts, const char *file)
{
	CLEANUP_SPEC struct spec *s = spec_of(version, artifacts);
	CLEANUP_CATALOGUE struct catalogue c = {0};
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_success(catalogue_make(s, &c, &test_error));
	print_catalogue(&c, &b);
	golden(file, &b);
}

static void test_catalogue_golden(void **state UNUSED)
{
	catalogue_is("1.36.3", "", "catalogue-1.36.3.txt");
	catalogue_is("1.35.4", "images: [registry.k8s.io/e2e-test-images/agnhost:2.63.0, nginx, registry.k8s.io/pause:3.10.2]",
		     "catalogue-1.35.4-images.txt");
}

static void catalogue_fails(const char *version, const char *artifacts, const char *why)
{
	CLEANUP_SPEC struct spec *s = spec_of("1.36.3", artifacts);
	CLEANUP_CATALOGUE struct catalogue c = {0};

	free(s->version);
	s->version = xstrdup(version);
	assert_failure(catalogue_make(s, &c, &test_error), why);
}

static void test_catalogue_refuses(void **state UNUSED)
{
	catalogue_fails(
		"1.34.2", "",
		"Kubernetes \"1.34.2\" is not supported; supported are 1.36.x (proven with 1.36.3), 1.35.x (proven with 1.35.4)");
	catalogue_fails("1.36", "", "is not supported");
	catalogue_fails("1.36.", "", "is not supported");
	catalogue_fails("1.360.1", "", "is not supported");
	catalogue_fails("1.36.3/../x", "", "is not supported");
	catalogue_fails("1.36.3", "images: [quay.io/a/b:1, ghcr.io/a/b:1]",
			"\"quay.io/a/b:1\" and \"ghcr.io/a/b:1\" would both be \"a/b:1\"");
}

static void test_catalogue_urls_behind_a_mirror(void **state UNUSED)
{
	CLEANUP_FREE char *a = catalogue_url("https://dl.k8s.io/release/x", "file:///m/"),
			  *b = catalogue_url("https://dl.k8s.io/release/x", NULL);

	assert_string_equal(a, "file:///m/dl.k8s.io/release/x");
	assert_string_equal(b, "https://dl.k8s.io/release/x");
}

static void test_catalogue_order(void **state UNUSED)
{
	static const char *const order[] = {
		"containerd",	  "runc",    "cni-plugins",	   "pause:3.10.2", "kubelet",  "etcd",
		"kube-apiserver", "flannel", "coredns/coredns:v1", "crictl",	   "registry", "library/nginx:latest"};

	for (size_t i = 1; i < ARRAY_SIZE(order); i++)
		assert_true(catalogue_rank(order[i - 1]) < catalogue_rank(order[i]));
}

/* ---- layouts ---- */

static char *layout_in(char *folder)
{
	assert_non_null(mkdtemp(folder));
	assert_success(layout_init(folder, &test_error));
	return folder;
}

static void test_layout_finds_damage(void **state UNUSED)
{
	char template[] = "/tmp/davit-test-XXXXXX", digest[OCI_DIGEST_LEN + 1];
	CLEANUP_FREE char *folder = xstrdup(layout_in(template)), *path = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_success(layout_add(folder, "hello", 5, digest, &test_error));
	path = layout_blob_path(folder, digest);
	assert_true(layout_has(folder, digest, 5));
	assert_false(layout_has(folder, digest, 6));
	assert_success(layout_verify(folder, digest, 5, &test_error));
	assert_failure(layout_verify(folder, digest, 6, &test_error), "has 5 bytes, expected 6");
	assert_success(path_write(path, "hellO", 5, 0644, &test_error));
	assert_failure(layout_verify(folder, digest, 5, &test_error), "is damaged: its bytes have the digest sha256:");
	assert_failure(layout_read(folder, digest, &text, &test_error), "is damaged");
	assert_success(layout_add(folder, "hello", 5, digest, &test_error)); /* mends it */
	assert_success(layout_verify(folder, digest, -1, &test_error));
	assert_failure(layout_verify(folder, "sha256:" HEX_A, -1, &test_error), "is missing");
	assert_success(path_remove_tree(folder, &test_error));
}

static struct json_object *entry(const char *ref, const char *digest)
{
	struct json_object *o = json_object_new_object(), *notes = json_object_new_object();

	json_add_str(o, "digest", digest);
	json_add_int(o, "size", 1);
	json_add_str(notes, OCI_REF_NAME, ref);
	json_add(o, "annotations", notes);
	return o;
}

static void test_layout_index_replaces_by_name(void **state UNUSED)
{
	char template[] = "/tmp/davit-test-XXXXXX";
	CLEANUP_FREE char *folder = xstrdup(layout_in(template)), *path = xasprintf("%s/index.json", folder);
	CLEANUP_JSON struct json_object *index = layout_index_new(), *back = NULL;
	CLEANUP_DESCRIPTOR struct descriptor d = {0};

	assert_failure(layout_index(folder, &back, &test_error), "there is no such file");
	layout_index_put(index, entry("pause:2", "sha256:" HEX_A));
	layout_index_put(index, entry("coredns:1", "sha256:" HEX_A));
	layout_index_put(index, entry("pause:2", "sha256:" HEX_B));
	assert_success(layout_index_write(folder, index, &test_error));
	assert_success(layout_index(folder, &back, &test_error));
	assert_int_equal(json_len(json_at(back, "manifests")), 2);
	assert_true(layout_index_find(back, "pause:2", &d));
	assert_string_equal(d.digest, "sha256:" HEX_B);
	json_free_ptr(&back);
	assert_success(path_write(path, "{\"manifests\":3}", 15, 0644, &test_error));
	assert_failure(layout_index(folder, &back, &test_error), "manifests: expected array, found int");
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_layout_of_another_version_is_refused(void **state UNUSED)
{
	char template[] = "/tmp/davit-test-XXXXXX";
	CLEANUP_FREE char *folder = xstrdup(layout_in(template)), *path = xasprintf("%s/oci-layout", folder);

	assert_success(path_write(path, "{\"imageLayoutVersion\":\"2.0.0\"}", 30, 0644, &test_error));
	assert_failure(layout_init(folder, &test_error), "OCI image layout version 2.0.0");
	assert_success(path_write(path, "x", 1, 0644, &test_error));
	assert_failure(layout_init(folder, &test_error), "is no OCI image layout");
	assert_success(path_remove_tree(folder, &test_error));
}

/* ---- the bundle's manifest ---- */

static void test_bundle_manifest_is_read_as_written(void **state UNUSED)
{
	struct artifact items[] = {{.name = (char *)"kubelet",
				    .version = (char *)"1.36.3",
				    .digest = (char *)"sha256:" HEX_B,
				    .size = 5,
				    .content = (char *)"sha256:" HEX_A,
				    .format = ARTIFACT_GZ,
				    .roles = 3,
				    .source = (char *)"https://x/kubelet"},
				   {.name = (char *)"etcd",
				    .version = (char *)"3.6.16",
				    .digest = (char *)"sha256:" HEX_A,
				    .size = 12,
				    .format = ARTIFACT_TAR_GZ,
				    .strip = 1,
				    .roles = 5,
				    .source = (char *)"https://x/etcd.tar.gz",
				    .unpublished = true}};
	struct artifacts in = {.items = items, .n = 2}, out = {0};
	CLEANUP_BUF struct buf text = BUF_INIT, again = BUF_INIT;

	strv_add(&items[0].programs, "kubelet");
	strv_split(&items[1].programs, "etcd etcdctl", " ");
	bundle_describe(&in, "1.36.3", &text);
	assert_success(bundle_parse(buf_str(&text), text.len, "bundle", &out, &test_error));
	bundle_describe(&out, "1.36.3", &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_string_equal(out.items[0].content, items[0].content);
	assert_null(out.items[1].content);
	assert_string_equal(out.items[1].programs.v[1], "etcdctl");
	assert_true(out.items[1].unpublished);
	golden("bundle-manifest.json", &text);
	artifacts_free(&out);
	strv_free(&items[0].programs);
	strv_free(&items[1].programs);
}

static void test_bundle_manifest_refuses(void **state UNUSED)
{
	static const char *const bad[][3] = {
		/* replace this, by this, error */
		{"\"etcd etcdctl\"", "\"../../bin/sh\"",
		 "layers[1]: annotation dev.davit.programs: \"../../bin/sh\" is no plain name"},
		{"\"dev.davit.name\":\"etcd\"", "\"dev.davit.name\":\"a b\"",
		 "annotation dev.davit.name: \"a b\" is no plain name"},
		{"\"dev.davit.version\":\"3.6.16\"", "\"x\":\"\"", "annotation dev.davit.version: missing"},
		{"\"tar.gz\"", "\"zip\"", "none of \"file\", \"gz\", \"tar.gz\", \"deb\" and \"images\""},
		{"\"dev.davit.strip\":\"1\"", "\"dev.davit.strip\":\"-1\"", "is no number"},
		{"registry\"", "toaster\"", "\"toaster\" is no role"},
		{"\"dev.davit.content\":\"sha256:", "\"dev.davit.content\":\"sha256:x", "is no digest of a compressed program"},
		{"\"dev.davit.content\"", "\"x\"", "annotation dev.davit.content: \"\" is no digest"},
		{"\"dev.davit.format\":\"gz\"", "\"dev.davit.format\":\"file\"", "is no digest of a compressed program"},
		{BUNDLE_TYPE, "application/x", "artifactType"},
	};
	CLEANUP_FREE char *path = xasprintf("%s/tests/golden/registry/bundle-manifest.json", getenv("DAVIT_SOURCE_ROOT"));
	CLEANUP_BUF struct buf good = BUF_INIT;

	assert_success(path_read(path, &good, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *at = strstr(buf_str(&good), bad[i][0]);
		CLEANUP_BUF struct buf text = BUF_INIT;
		struct artifacts out = {0};

		assert_non_null(at);
		buf_addf(&text, "%.*s%s%s", (int)(at - buf_str(&good)), buf_str(&good), bad[i][1], at + strlen(bad[i][0]));
		assert_failure(bundle_parse(buf_str(&text), text.len, "bundle", &out, &test_error), bad[i][2]);
		assert_int_equal(out.n, 0);
	}
}

static void test_bundle_folder_depends_on_what_it_holds(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *a = spec_of("1.36.3", "images: [a:1, b:1]"), *b = spec_of("1.36.3", "images: [b:1, a:1]"),
				 *c = spec_of("1.36.3", "images: [a:1]"),
				 *d = spec_of("1.36.3", "images: [a:1], mirror: 'file:///m'");
	CLEANUP_FREE char *fa = NULL, *fb = NULL, *fc = NULL, *fd = NULL;

	setenv("XDG_CACHE_HOME", "/cache", 1);
	fa = bundle_default_folder(a);
	fb = bundle_default_folder(b);
	fc = bundle_default_folder(c);
	fd = bundle_default_folder(d);
	assert_memory_equal(fa, "/cache/davit/bundles/1.36.3-", 28);
	assert_string_equal(fa, fb);
	assert_string_not_equal(fa, fc);
	assert_string_not_equal(fc, fd);
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
		cmocka_unit_test(test_catalogue_golden),
		cmocka_unit_test(test_catalogue_refuses),
		cmocka_unit_test(test_catalogue_urls_behind_a_mirror),
		cmocka_unit_test(test_catalogue_order),
		cmocka_unit_test(test_layout_finds_damage),
		cmocka_unit_test(test_layout_index_replaces_by_name),
		cmocka_unit_test(test_layout_of_another_version_is_refused),
		cmocka_unit_test(test_bundle_manifest_is_read_as_written),
		cmocka_unit_test(test_bundle_manifest_refuses),
		cmocka_unit_test(test_bundle_folder_depends_on_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
