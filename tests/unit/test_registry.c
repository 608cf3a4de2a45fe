/* The pure half of registry/: the catalogue, layouts, and the bundle's manifest; what others write is test_registry_formats.c's. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "registry/bundle.h"
#include "registry/catalogue.h"
#include "registry/registry.h"
#include "tests/unit/test.h"
#include <stdio.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

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
