/* The archive that goes to a node, read by tar, and the digest that tells whether it has another one. */
#include "bootstrap/paths.h"
#include "bootstrap/tarball.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <unistd.h>

static void read_all(struct tarball *t, struct buf *ret)
{
	char piece[1000];
	size_t n = 1;

	while (n > 0) {
		assert_success(tarball_read(piece, sizeof(piece), &n, t, &test_error));
		buf_add_mem(ret, piece, n);
	}
}

static bool no_artifacts(const struct file *f, void *context UNUSED)
{
	return strncmp(f->path, ARTIFACTS_FOLDER, strlen(ARTIFACTS_FOLDER)) != 0;
}

static void fill(struct fileset *f, const char *source)
{
	fileset_add(f, "/z/last", 0644, "z");
	fileset_add_secret(f, "/a/secret", 0600, "s");
	fileset_add(f, "/a/program", 0755, "#!/bin/sh\n");
	fileset_link(f, "/a/link", "program");
	fileset_add(f,
		    "/a/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name/"
		    "and-a-file",
		    0644, "");
	fileset_source(f, "/big", 0644, source);
	fileset_add(f, ARTIFACTS_FOLDER "x", 0644, "left out");
}

static void pack(const char *source, bool gzip, struct buf *ret)
{
	CLEANUP_FILESET struct fileset f = FILESET_INIT;
	struct file last = {.path = (char *)"/a/archive.sha256", .mode = 0600};
	CLEANUP_TARBALL struct tarball *t = NULL;

	fill(&f, source);
	buf_add(&last.content, "id\n");
	t = tarball_new(&f, no_artifacts, NULL, &last, gzip);
	read_all(t, ret);
	buf_free(&last.content);
}

static void run_in(const char *folder, const char *command, const char *expected)
{
	CLEANUP_FREE char *whole = xasprintf("cd '%s' && { %s; } >out 2>&1", folder, command);
	CLEANUP_FREE char *out = xasprintf("%s/out", folder);
	CLEANUP_BUF struct buf text = BUF_INIT;
	int status = system(whole);

	assert_success(path_read(out, &text, &test_error));
	if (status != 0 || strcmp(buf_str(&text), expected) != 0)
		fail_msg("%s: status %d:\n%s", command, status, buf_str(&text));
}

static void test_tarball(void **state UNUSED)
{
	char folder[] = "/tmp/davit-test-XXXXXX";
	CLEANUP_BUF struct buf packed = BUF_INIT, again = BUF_INIT, zipped = BUF_INIT, big = BUF_INIT;
	CLEANUP_FREE char *source = NULL, *tar = NULL, *gz = NULL;

	assert_non_null(mkdtemp(folder));
	source = xasprintf("%s/source", folder);
	tar = xasprintf("%s/t.tar", folder);
	gz = xasprintf("%s/t.tgz", folder);
	for (int i = 0; i < 30000; i++)
		buf_addf(&big, "line %d\n", i);
	assert_success(path_write(source, big.data, big.len, 0600, &test_error));
	pack(source, false, &packed);
	pack(source, false, &again);
	pack(source, true, &zipped);
	assert_int_equal(packed.len, again.len);
	assert_memory_equal(packed.data, again.data, packed.len);
	assert_true(zipped.len < packed.len / 2);
	assert_success(path_write(tar, packed.data, packed.len, 0600, &test_error));
	assert_success(path_write(gz, zipped.data, zipped.len, 0600, &test_error));
	run_in(folder, "tar -tvf t.tar --numeric-owner --utc | sed 's/  */ /g'",
	       "-rw-r--r-- 0/0 0 1970-01-01 00:00 "
	       "a/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name/"
	       "and-a-file\n"
	       "lrwxrwxrwx 0/0 0 1970-01-01 00:00 a/link -> program\n"
	       "-rwxr-xr-x 0/0 10 1970-01-01 00:00 a/program\n"
	       "-rw------- 0/0 1 1970-01-01 00:00 a/secret\n"
	       "-rw-r--r-- 0/0 318890 1970-01-01 00:00 big\n"
	       "-rw-r--r-- 0/0 1 1970-01-01 00:00 z/last\n"
	       "-rw------- 0/0 3 1970-01-01 00:00 a/archive.sha256\n");
	run_in(folder, "mkdir x && tar -C x -xzf t.tgz && cmp x/big source && cat x/a/archive.sha256", "id\n");
	run_in(folder, "gzip -dc t.tgz | cmp - t.tar", "");
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_tarball_source_missing(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset f = FILESET_INIT;
	CLEANUP_TARBALL struct tarball *t = NULL;
	char hex[DIGEST_HEX_LEN + 1], piece[10];
	size_t n = 0;

	fileset_source(&f, "/big", 0644, "/nonexistent/file");
	assert_failure(tarball_digest(&f, hex, &test_error), "/nonexistent/file");
	t = tarball_new(&f, NULL, NULL, NULL, true);
	assert_failure(tarball_read(piece, sizeof(piece), &n, t, &test_error), "which is to become /big on the node");
}

static void test_digest_sees_everything(void **state UNUSED)
{
	char hex[4][DIGEST_HEX_LEN + 1];

	for (int i = 0; i < 4; i++) {
		CLEANUP_FILESET struct fileset f = FILESET_INIT;

		fileset_add(&f, i == 1 ? "/b" : "/a", i == 2 ? 0600 : 0644, i == 3 ? "x" : "");
		assert_success(tarball_digest(&f, hex[i], &test_error));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(hex[i], hex[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tarball),
		cmocka_unit_test(test_tarball_source_missing),
		cmocka_unit_test(test_digest_sees_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
