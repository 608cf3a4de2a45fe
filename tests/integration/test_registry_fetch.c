/* Downloads from a server that breaks, lies or refuses, and bundles from a small mirror. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/path.h"
#include "registry/fetch.h"
#include "registry/layout.h"
#include "registry/registry.h"
#include "tests/integration/registry_fixture.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEN = 3 * 1024 * 1024 };

struct place {
	char *file, *folder, *url;
	char digest[OCI_DIGEST_LEN + 1];
	struct hostile *server;
	struct http *http;
};

static void place_init(struct place *p, const char *path)
{
	struct http_options options = {.no_proxy = true};

	p->file = xcalloc(LEN, 1);
	for (size_t i = 0; i < LEN; i++)
		p->file[i] = (char)(i * 2654435761u >> 11);
	oci_digest(p->file, LEN, p->digest);
	p->folder = fixture_folder();
	assert_success(layout_init(p->folder, &test_error));
	p->server = hostile_start(p->file, LEN);
	p->url = hostile_url(p->server, path);
	assert_success(http_new(&options, &p->http, &test_error));
}

static void place_free(struct place *p)
{
	http_free(p->http);
	hostile_stop(p->server);
	fixture_remove(p->folder);
	free(p->url);
	free(p->file);
}

static int fetch(struct place *p, const char *digest, struct error **err)
{
	struct fetch f = {.http = p->http, .folder = p->folder, .url = p->url, .digest = digest};
	char found[OCI_DIGEST_LEN + 1];
	int64_t size = 0;

	if (fetch_blob(&f, found, &size, err) < 0)
		return -1;
	assert_string_equal(found, p->digest);
	assert_int_equal(size, LEN);
	assert_success(layout_verify(p->folder, found, LEN, &test_error));
	return 0;
}

static void no_partial_file_stays(const struct place *p)
{
	CLEANUP_FREE char *folder = xasprintf("%s/.partial", p->folder);
	CLEANUP_STRV struct strv names = STRV_INIT;

	assert_success(path_list(folder, &names, &test_error));
	assert_int_equal(names.n, 0);
}

static void arrives(const char *path, size_t requests, const char *second)
{
	struct place p = {0};

	place_init(&p, path);
	assert_success(fetch(&p, p.digest, &test_error));
	assert_int_equal(hostile_requests(p.server), requests);
	if (second != NULL)
		assert_non_null(strstr(hostile_request(p.server, 1), second));
	no_partial_file_stays(&p);
	place_free(&p);
}

static void test_whole(void **state UNUSED)
{
	arrives("/whole", 1, NULL);
}

static void test_goes_on_by_range_however_often_it_breaks(void **state UNUSED)
{
	arrives("/drop", 8, "\r\nRange: bytes=393216-\r\n");
}

static void test_server_without_ranges_sends_it_again(void **state UNUSED)
{
	arrives("/once", 2, "\r\nRange: bytes=1572864-\r\n");
}

static void test_range_that_was_not_asked_for_is_not_taken(void **state UNUSED)
{
	arrives("/confused", 3, "\r\nRange: bytes=1572864-\r\n");
}

static void test_parts_that_do_not_fit_are_fetched_again(void **state UNUSED)
{
	arrives("/mixed", 3, "\r\nRange: bytes=1572864-\r\n");
}

static void test_busy_server_is_waited_for(void **state UNUSED)
{
	arrives("/busy", 3, NULL);
}

static void fails(const char *path, enum error_kind kind, const char *why, size_t requests)
{
	struct place p = {0};

	place_init(&p, path);
	assert_int_equal(fetch(&p, p.digest, &test_error), -1);
	assert_true(error_is(test_error, kind));
	assert_failure(-1, why);
	assert_int_equal(hostile_requests(p.server), requests);
	assert_false(layout_has(p.folder, p.digest, -1));
	place_free(&p);
}

static void test_wrong_bytes_name_both_digests(void **state UNUSED)
{
	struct place p = {0};
	char other[OCI_DIGEST_LEN + 1];
	CLEANUP_FREE char *zeros = xcalloc(LEN, 1), *why = NULL;

	oci_digest(zeros, LEN, other);
	place_init(&p, "/wrong");
	why = xasprintf("3145728 bytes came with the digest %s, expected is %s", other, p.digest);
	assert_failure(fetch(&p, p.digest, &test_error), why);
	assert_false(layout_has(p.folder, p.digest, -1));
	assert_false(layout_has(p.folder, other, -1));
	no_partial_file_stays(&p);
	place_free(&p);
}

static void test_refusals_are_final(void **state UNUSED)
{
	fails("/404", ERROR_NOT_FOUND, "/404: answered 404: not here", 1);
	fails("/403", ERROR_AUTH, "/403: answered 403", 1);
}

/* What is left of a run that was cut off is used by the next. */
static void test_partial_file_of_an_earlier_run_is_used(void **state UNUSED)
{
	struct place p = {0};
	CLEANUP_FREE char *partial = NULL;

	place_init(&p, "/whole");
	partial = layout_partial_path(p.folder, p.digest + 7);
	fixture_write(partial, p.file, 1000);
	assert_success(fetch(&p, p.digest, &test_error));
	assert_int_equal(hostile_requests(p.server), 1);
	assert_non_null(strstr(hostile_request(p.server, 0), "\r\nRange: bytes=1000-\r\n"));
	place_free(&p);
}

static void test_partial_file_that_is_whole_costs_no_download(void **state UNUSED)
{
	struct place p = {0};
	CLEANUP_FREE char *partial = NULL;

	place_init(&p, "/whole");
	partial = layout_partial_path(p.folder, p.digest + 7);
	fixture_write(partial, p.file, LEN);
	assert_success(fetch(&p, p.digest, &test_error)); /* the server says 416 */
	assert_int_equal(hostile_requests(p.server), 1);
	place_free(&p);
}

static void test_damaged_partial_file_is_thrown_away(void **state UNUSED)
{
	struct place p = {0};
	CLEANUP_FREE char *partial = NULL;

	place_init(&p, "/whole");
	partial = layout_partial_path(p.folder, p.digest + 7);
	fixture_write(partial, p.file + 5, 1000);
	assert_success(fetch(&p, p.digest, &test_error));
	assert_int_equal(hostile_requests(p.server), 2);
	assert_null(strstr(hostile_request(p.server, 1), "Range:"));
	place_free(&p);
}

static void test_without_a_published_digest_parts_are_not_joined(void **state UNUSED)
{
	struct place p = {0};

	place_init(&p, "/once");
	assert_success(fetch(&p, NULL, &test_error));
	assert_int_equal(hostile_requests(p.server), 2);
	assert_null(strstr(hostile_request(p.server, 1), "Range:"));
	place_free(&p);
}

static int stop_soon(int64_t done, int64_t total UNUSED, void *context UNUSED, struct error **err UNUSED)
{
	if (done > LEN / 4)
		cancel_now();
	return 0;
}

static void test_cancelled_download_goes_on_later(void **state UNUSED)
{
	struct place p = {0};
	struct fetch f = {.progress = stop_soon};
	char digest[OCI_DIGEST_LEN + 1];
	int64_t size = 0;

	place_init(&p, "/drop");
	f.http = p.http;
	f.folder = p.folder;
	f.url = p.url;
	f.digest = p.digest;
	assert_int_equal(fetch_blob(&f, digest, &size, &test_error), -1);
	assert_true(error_is(test_error, ERROR_CANCELLED));
	error_clear(&test_error);
	cancel_reset();
	assert_success(fetch(&p, p.digest, &test_error));
	assert_non_null(strstr(hostile_request(p.server, hostile_requests(p.server) - 1), "Range: bytes="));
	place_free(&p);
}

/* ---- bundles ---- */

struct shop {
	char *mirror, *url, *folder;
	struct spec *spec;
};

static void shop_init(struct shop *s, const char *artifacts)
{
	s->mirror = fixture_folder();
	s->url = xasprintf("file://%s", s->mirror);
	s->folder = fixture_folder();
	s->spec = fixture_spec("1.36.3", artifacts);
	fixture_mirror(s->mirror, s->spec, 2 * 1024 * 1024);
}

static void shop_free(struct shop *s)
{
	spec_free(s->spec);
	free(s->url);
	fixture_remove(s->mirror);
	fixture_remove(s->folder);
}

static void shop_fetches(struct shop *s, const char *mirror)
{
	struct artifacts made = {0}, loaded = {0};

	assert_success(bundle_create(s->spec, s->folder, mirror, NULL, &made, &test_error));
	assert_success(bundle_load(s->spec, s->folder, true, &loaded, &test_error));
	assert_int_equal(made.n, 13);
	assert_int_equal(loaded.n, 13);
	assert_int_equal(loaded.images.n, made.images.n);
	for (size_t i = 0; i < made.n; i++) {
		assert_string_equal(made.items[i].digest, loaded.items[i].digest);
		assert_int_equal(made.items[i].size, loaded.items[i].size);
		assert_string_equal(made.items[i].source, loaded.items[i].source);
	}
	artifacts_free(&made);
	artifacts_free(&loaded);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void test_bundle_is_made_loaded_and_kept(void **state UNUSED)
{
	struct shop s = {0};
	CLEANUP_FREE char *index = NULL;
	ino_t before;

	shop_init(&s, "images: [nginx]");
	index = xasprintf("%s/index.json", s.folder);
	shop_fetches(&s, s.url);
	before = inode(index);
	shop_fetches(&s, s.url); /* nothing to do: not even the index is written again */
	assert_int_equal(inode(index), before);
	assert_success(path_remove_tree(s.mirror, &test_error));
	shop_fetches(&s, s.url); /* a mirror that is gone is not missed */
	shop_fetches(&s, NULL);	 /* and upstream is not asked */
	assert_int_equal(inode(index), before);
	shop_free(&s);
}

/* the blob in the bundle, unpacked by gzip, is what upstream publishes, which the bundle does not hold a second time */
static void test_programs_are_compressed(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts a = {0};
	const struct artifact *kubelet;
	CLEANUP_FREE char *blob = NULL, *command = NULL, *published = NULL;

	shop_init(&s, "");
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error));
	kubelet = artifacts_find(&a, "kubelet");
	assert_int_equal(kubelet->format, ARTIFACT_GZ);
	assert_true(kubelet->size < 2 * 1024 * 1024);
	blob = bundle_blob_path(s.folder, kubelet->digest);
	command = xasprintf("test sha256:$(gzip -dc '%s' | sha256sum | cut -d ' ' -f 1) = %s", blob, kubelet->content);
	assert_int_equal(system(command), 0);
	published = bundle_blob_path(s.folder, kubelet->content);
	assert_false(path_exists(published));
	artifacts_free(&a);
	shop_free(&s);
}

/* cut off between download and compression, or with a blob that was damaged since */
static void test_program_that_is_damaged_is_fetched_again(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts a = {0}, b = {0};
	CLEANUP_FREE char *blob = NULL;

	shop_init(&s, "");
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error));
	blob = bundle_blob_path(s.folder, artifacts_find(&a, "kubelet")->digest);
	assert_success(path_write(blob, "x", 1, 0644, &test_error));
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &b, &test_error));
	assert_string_equal(artifacts_find(&a, "kubelet")->digest, artifacts_find(&b, "kubelet")->digest);
	artifacts_free(&b);
	assert_success(bundle_load(s.spec, s.folder, true, &b, &test_error));
	artifacts_free(&a);
	artifacts_free(&b);
	shop_free(&s);
}

static void test_bundle_follows_a_mirror_that_was_rebuilt(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts first = {0}, second = {0};

	shop_init(&s, "");
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &first, &test_error));
	fixture_mirror(s.mirror, s.spec, 1024 * 1024);
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &second, &test_error));
	assert_int_equal(first.items[0].size, 2 * 1024 * 1024);
	assert_int_equal(second.items[0].size, 1024 * 1024);
	assert_string_equal(first.items[1].digest, second.items[1].digest);
	assert_string_equal(first.items[1].content, second.items[1].content);
	artifacts_free(&first);
	artifacts_free(&second);
	shop_free(&s);
}

static void test_bundle_grows_by_another_version(void **state UNUSED)
{
	struct shop s = {0};
	CLEANUP_SPEC struct spec *older = fixture_spec("1.35.4", "");
	struct artifacts a = {0}, b = {0};

	shop_init(&s, "");
	fixture_mirror(s.mirror, older, 2 * 1024 * 1024);
	shop_fetches(&s, s.url);
	assert_failure(bundle_load(older, s.folder, false, &a, &test_error), "lacks containerd 2.3.7, runc 1.4.3");
	assert_success(bundle_create(older, s.folder, s.url, NULL, &a, &test_error));
	assert_success(bundle_load(s.spec, s.folder, true, &b, &test_error));
	assert_string_equal(artifacts_find(&a, "kubelet")->version, "1.35.4");
	assert_string_equal(artifacts_find(&b, "kubelet")->version, "1.36.3");
	artifacts_free(&a);
	artifacts_free(&b);
	shop_free(&s);
}

static void test_bundle_says_what_the_mirror_lacks(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts a = {0};
	CLEANUP_FREE char *etcd = NULL, *text = NULL;

	shop_init(&s, "");
	etcd = fixture_artifact(s.mirror, s.spec, "etcd");
	assert_int_equal(unlink(etcd), 0);
	assert_failure(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error), "fetch etcd 3.6.16: ");
	assert_int_equal(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error), -1);
	assert_true(error_is(test_error, ERROR_NOT_FOUND));
	assert_failure(
		-1, "there is no such file; the mirror lacks it: add it there, or leave the mirror out to fetch from upstream");
	text = xstrdup("not etcd");
	fixture_write(etcd, text, strlen(text));
	assert_failure(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error), "8 bytes came with the digest sha256:");
	assert_failure(bundle_load(s.spec, s.folder, false, &a, &test_error),
		       "holds no bundle; make one: davit bundle create -f c.yaml");
	assert_failure(bundle_create(s.spec, s.folder, "/var/mirror", NULL, &a, &test_error),
		       "expected an address that begins with https://, http:// or file:///");
	shop_free(&s);
}

static void test_bundle_mends_what_is_missing_or_short(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts a = {0};
	CLEANUP_FREE char *blob = NULL, *other = NULL;

	shop_init(&s, "");
	assert_success(bundle_create(s.spec, s.folder, s.url, NULL, &a, &test_error));
	blob = bundle_blob_path(s.folder, artifacts_find(&a, "runc")->digest);
	other = bundle_blob_path(s.folder, artifacts_find(&a, "kubelet")->digest);
	artifacts_free(&a);
	assert_int_equal(unlink(blob), 0);
	assert_failure(bundle_load(s.spec, s.folder, false, &a, &test_error), "is missing");
	assert_int_equal(truncate(other, 100), 0);
	shop_fetches(&s, s.url);
	fixture_write(other, "x", 1);
	assert_failure(bundle_load(s.spec, s.folder, false, &a, &test_error), "has 1 bytes, expected ");
	shop_free(&s);
}

static void test_bundle_from_a_mirror_over_http(void **state UNUSED)
{
	struct shop s = {0};
	struct artifacts a = {0};
	struct hostile *h = hostile_start("", 0);
	CLEANUP_FREE char *url = hostile_url(h, "");

	shop_init(&s, "");
	assert_failure(bundle_create(s.spec, s.folder, url, NULL, &a, &test_error),
		       "answered 404: not here; the mirror lacks it");
	hostile_stop(h);
	shop_free(&s);
}

/* The lab's own mirror, where it has been built. */
static bool mirror_is_whole(const char *cache)
{
	CLEANUP_FREE char *program = xasprintf("%s/mirror/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-proxy.sha256", cache);
	CLEANUP_FREE char *image = xasprintf("%s/mirror/oci/registry.k8s.io/metrics-server/metrics-server/index.json", cache);

	return path_exists(program) && path_exists(image);
}

static void bundle_from_the_lab_mirror(const char *cache)
{
	CLEANUP_FREE char *url = xasprintf("file://%s/mirror", cache);
	struct shop s = {.folder = fixture_folder(),
			 .spec = fixture_spec("1.36.3", "images: [registry.k8s.io/e2e-test-images/agnhost:2.63.0]")};

	shop_fetches(&s, url);
	spec_free(s.spec);
	fixture_remove(s.folder);
}

static void test_bundle_from_the_lab_mirror(void **state UNUSED)
{
	const char *cache = getenv("DAVIT_CACHE") == NULL ? "/var/cache/davit" : getenv("DAVIT_CACHE");

	if (!mirror_is_whole(cache)) {
		print_message("SKIP: the mirror in %s is not complete (tests/lab/artifacts/make)\n", cache);
		skip(); /* jumps out: nothing may be held here */
	}
	bundle_from_the_lab_mirror(cache);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_goes_on_by_range_however_often_it_breaks),
		cmocka_unit_test(test_server_without_ranges_sends_it_again),
		cmocka_unit_test(test_range_that_was_not_asked_for_is_not_taken),
		cmocka_unit_test(test_parts_that_do_not_fit_are_fetched_again),
		cmocka_unit_test(test_busy_server_is_waited_for),
		cmocka_unit_test(test_wrong_bytes_name_both_digests),
		cmocka_unit_test(test_refusals_are_final),
		cmocka_unit_test(test_partial_file_of_an_earlier_run_is_used),
		cmocka_unit_test(test_partial_file_that_is_whole_costs_no_download),
		cmocka_unit_test(test_damaged_partial_file_is_thrown_away),
		cmocka_unit_test(test_without_a_published_digest_parts_are_not_joined),
		cmocka_unit_test(test_cancelled_download_goes_on_later),
		cmocka_unit_test(test_bundle_is_made_loaded_and_kept),
		cmocka_unit_test(test_programs_are_compressed),
		cmocka_unit_test(test_program_that_is_damaged_is_fetched_again),
		cmocka_unit_test(test_bundle_follows_a_mirror_that_was_rebuilt),
		cmocka_unit_test(test_bundle_grows_by_another_version),
		cmocka_unit_test(test_bundle_says_what_the_mirror_lacks),
		cmocka_unit_test(test_bundle_mends_what_is_missing_or_short),
		cmocka_unit_test(test_bundle_from_a_mirror_over_http),
		cmocka_unit_test(test_bundle_from_the_lab_mirror),
	};

	cancel_init();
	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
