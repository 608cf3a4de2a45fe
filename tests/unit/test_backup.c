/* The parts of a backup's file, its name, which of several are kept, and where one does not fit. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/backup.h"
#include "tests/unit/test.h"

#define UUID "1a2b3c4d-0000-4000-8000-000000000000"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAKEN INT64_C(1795673700000) /* 2026-11-26T06:15:00Z */

static void one(struct backup *ret)
{
	*ret = (struct backup){.cluster = xstrdup("demo"),
			       .uuid = xstrdup(UUID),
			       .kubernetes = xstrdup("1.36.3"),
			       .etcd = xstrdup("3.6.16"),
			       .storage = xstrdup("3.6.0"),
			       .node = xstrdup("demo-cp-1"),
			       .taken_ms = TAKEN,
			       .size = INT64_C(8589934592),
			       .revision = 12,
			       .keys = 3,
			       .sha256 = SHA};
	strv_add(&ret->sealed_for, "passphrase");
	strv_add(&ret->sealed_for, "CN=\"ops\" " SHA);
}

static void test_header(void **state UNUSED)
{
	CLEANUP_BACKUP struct backup b, c = {0};
	CLEANUP_BUF struct buf text = BUF_INIT, again = BUF_INIT;

	one(&b);
	backup_write(&b, &text);
	assert_int_equal(text.data[text.len - 1], '\n');
	assert_ptr_equal(strchr(buf_str(&text), '\n'), text.data + text.len - 1);
	assert_success(backup_read(buf_str(&text), text.len, &c, &test_error));
	assert_int_equal(c.size, INT64_C(8589934592));
	assert_int_equal(c.taken_ms, TAKEN);
	assert_string_equal(c.sha256, SHA);
	backup_write(&c, &again);
	assert_string_equal(buf_str(&again), buf_str(&text));
}

static void test_header_of_mke(void **state UNUSED)
{
	static const char text[] = "{\"cluster\":\"orca\",\"uuid\":\"" UUID "\",\"taken\":\"2026-11-26T06:15:00.000Z\",\"docker\":\"29.4.1\",\"mke\":\"3.9.2\","
				   "\"node\":\"orca-cp-2\",\"snapshot\":{\"size\":1,\"sha256\":\"" SHA "\"},\"sealedFor\":[]}\n";
	CLEANUP_BACKUP struct backup b = {0}, c = {0};
	CLEANUP_BUF struct buf again = BUF_INIT;

	assert_success(backup_read(text, strlen(text), &b, &test_error));
	assert_string_equal(b.mke, "3.9.2");
	backup_write(&b, &again);
	assert_string_equal(buf_str(&again), text);
	*strstr(buf_str(&again), "3.9.2") = '\x01';
	assert_int_equal(backup_read(buf_str(&again), again.len, &c, &test_error), -1);
	error_clear(&test_error);
}

static void test_header_of_a_swarm(void **state UNUSED)
{
	CLEANUP_BACKUP struct backup b = {.cluster = xstrdup("whale"),
					  .uuid = xstrdup(UUID),
					  .docker = xstrdup("29.9.3"),
					  .node = xstrdup("whale-cp-2"),
					  .taken_ms = TAKEN,
					  .size = 10240,
					  .sha256 = SHA},
				     c = {0}, d = {0};
	CLEANUP_BUF struct buf text = BUF_INIT, again = BUF_INIT;

	strv_add(&b.sealed_for, "passphrase");
	backup_write(&b, &text);
	assert_null(strstr(buf_str(&text), "etcd"));
	assert_success(backup_read(buf_str(&text), text.len, &c, &test_error));
	assert_string_equal(c.docker, "29.9.3");
	assert_null(c.kubernetes);
	backup_write(&c, &again);
	assert_string_equal(buf_str(&again), buf_str(&text));
	memcpy(strstr(buf_str(&text), "\"29.9.3\""), "[      ]", 8);
	assert_failure(backup_read(buf_str(&text), text.len, &d, &test_error), "docker");
}

/* One header, in which each pair of this is another. */
static void test_damaged_headers(void **state UNUSED)
{
	static const char *const wrong[][3] = {
		{"\"demo\"", "12", "cluster: expected string"},
		{"\"demo\"", "\"\\u001b[2J\"", "cluster: it is damaged"},
		{"\"size\":8589934592", "\"size\":0", "snapshot: it is damaged"},
		{"\"size\":8589934592", "\"size\":-1", "snapshot: it is damaged"},
		{"\"size\":8589934592", "\"size\":\"big\"", "snapshot.size"},
		{"\"sha256\":\"0", "\"sha256\":\"G", "snapshot: it is damaged"},
		{"\"2026-", "\"May-", "taken: it is damaged"},
		{"[\"passphrase\"", "[1", "sealedFor[0]"},
		{"\"revision\"", "\"Revision\"", "snapshot.revision"},
		{"{\"cluster\"", "{{\"cluster\"", "the header"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP_BACKUP struct backup b, c = {0};
		CLEANUP_BUF struct buf text = BUF_INIT, changed = BUF_INIT;
		const char *at;

		one(&b);
		backup_write(&b, &text);
		at = strstr(buf_str(&text), wrong[i][0]);
		assert_non_null(at);
		buf_add_mem(&changed, text.data, (size_t)(at - text.data));
		buf_add(&changed, wrong[i][1]);
		buf_add(&changed, at + strlen(wrong[i][0]));
		assert_failure(backup_read(buf_str(&changed), changed.len, &c, &test_error), wrong[i][2]);
		assert_null(c.cluster);
	}
}

static void test_frame(void **state UNUSED)
{
	struct backup_frame f = {.header = 300, .sealed = 9000, .sealed_sha256 = SHA}, g = {0};
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t line;

	backup_write_frame(&f, &text);
	line = text.len;
	buf_add(&text, "{\"cluster\"");
	assert_success(backup_read_frame(buf_str(&text), text.len, &g, &test_error));
	assert_int_equal(g.line, line);
	assert_int_equal(g.header, 300);
	assert_int_equal(g.sealed, 9000);
	assert_string_equal(g.sealed_sha256, SHA);
	assert_true(line <= BACKUP_LINE_MAX);
}

static void test_frames_that_are_none(void **state UNUSED)
{
	static const char *const wrong[] = {
		"", "davit-backup/1", "davit-backup/1 1 2 " SHA, "davit-backup/2 1 2 " SHA "\n", "davit-backup/11 1 2 " SHA "\n",
		"davit-backup/1 0 2 " SHA "\n", "davit-backup/1 1 -2 " SHA "\n", "davit-backup/1 65537 2 " SHA "\n",
		"davit-backup/1 1 99999999999999999999 " SHA "\n", "davit-backup/1 1 2 " SHA "0\n", "davit-backup/1 1 2 x\n",
		"davit-backup/1 1 2\n", "SQLite format 3\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct backup_frame f = {0};

		assert_failure(backup_read_frame(wrong[i], strlen(wrong[i]), &f, &test_error), "it is");
	}
}

static void test_sealed(void **state UNUSED)
{
	static const char other[] = "ff23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *copy = NULL;
	CLEANUP_SECRET char *unlock = NULL;
	const char *recovery = NULL;
	char key[BACKUP_KEY_HEX + 1];

	backup_write_sealed(SHA, other, NULL, &text);
	buf_add(&text, "{\"davit\": \"recovery/1\"}\n");
	copy = xstrdup(buf_str(&text));
	assert_success(backup_read_sealed(copy, text.len, SHA, key, &unlock, &recovery, &test_error));
	assert_string_equal(key, other);
	assert_string_equal(recovery, "{\"davit\": \"recovery/1\"}\n");
	assert_failure(backup_read_sealed(copy, text.len, other, key, &unlock, &recovery, &test_error), "it was changed");
	assert_failure(backup_read_sealed("x\n", 2, SHA, key, &unlock, &recovery, &test_error), "not davit's");
	assert_failure(backup_read_sealed("x", 1, SHA, key, &unlock, &recovery, &test_error), "not davit's");
	assert_failure(backup_read_sealed("{\"davit\":\"sealed/1\"}\n", 21, SHA, key, &unlock, &recovery, &test_error), "holds no key");
}

static void test_sealed_keys_of_managers(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_SECRET char *unlock = NULL;
	const char *recovery = NULL;
	char key[BACKUP_KEY_HEX + 1];

	backup_write_sealed(SHA, SHA, "SWMKEY-1-now SWMKEY-1-\"former", &text);
	buf_add(&text, "{}\n");
	assert_success(backup_read_sealed(buf_str(&text), text.len, SHA, key, &unlock, &recovery, &test_error));
	assert_string_equal(unlock, "SWMKEY-1-now SWMKEY-1-\"former");
	assert_string_equal(recovery, "{}\n");
}

static void test_key(void **state UNUSED)
{
	static const uint8_t wanted[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	uint8_t key[BACKUP_KEY_HEX / 2];

	backup_key(SHA, key);
	assert_memory_equal(key, wanted, sizeof(wanted));
	assert_memory_equal(key + 24, wanted, sizeof(wanted));
}

static void test_names(void **state UNUSED)
{
	CLEANUP_FREE char *name = backup_name("demo", TAKEN);

	assert_string_equal(name, "demo-2026-11-26T06-15-00Z.davit-backup");
	assert_true(backup_is_name(name, "demo"));
	assert_int_equal(backup_name_ms(name), TAKEN / 1000 * 1000);
	assert_false(backup_is_name(name, "dem"));
	assert_false(backup_is_name(name, "demo-2026"));
	assert_false(backup_is_name("demo-2026-11-26T06-15-00Z.davit-backup.part", "demo"));
	assert_false(backup_is_name("demo-2026-11-26T06-15-0xZ.davit-backup", "demo"));
	assert_false(backup_is_name("demo.davit-backup", "demo"));
	assert_false(backup_is_name("demo-2026-11-26T06-15-00Z.1avit-backup", "demo"));
}

static void check_kept(size_t keep, const char *wanted)
{
	struct backup_entry files[] = {{"b", 2}, {"d", 4}, {"a", 1}, {"c", 3}};
	CLEANUP_STRV struct strv gone = STRV_INIT;
	CLEANUP_FREE char *names = NULL;

	backup_retire(files, ARRAY_SIZE(files), keep, &gone);
	names = strv_join(&gone, " ");
	assert_string_equal(names, wanted);
}

static void test_retention(void **state UNUSED)
{
	check_kept(1, "c b a");
	check_kept(3, "a");
	check_kept(4, "");
	check_kept(100, "");
}

static size_t refusals(const char *kubernetes, const char *etcd)
{
	CLEANUP_BACKUP struct backup b;
	CLEANUP_STRV struct strv why = STRV_INIT;

	one(&b);
	backup_refusals(&b, kubernetes, etcd, &why);
	return why.n;
}

static void test_refusals(void **state UNUSED)
{
	CLEANUP_BACKUP struct backup b;

	assert_int_equal(refusals("1.36.3", "3.6.16"), 0);
	assert_int_equal(refusals("1.36.0", "3.6.0"), 0); /* patch releases read one another's */
	assert_int_equal(refusals("1.37.0", "3.7.1"), 0);
	assert_int_equal(refusals("1.35.9", "3.6.16"), 1);
	assert_int_equal(refusals("1.36.3", "3.5.21"), 1);
	assert_int_equal(refusals("1.35.9", "3.5.21"), 2);
	one(&b);
	assert_success(backup_check_cluster(&b, "demo", UUID, &test_error));
	assert_failure(backup_check_cluster(&b, "demo", "2", &test_error), "not of demo, 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_of_a_swarm), cmocka_unit_test(test_header_of_mke),	 cmocka_unit_test(test_damaged_headers), cmocka_unit_test(test_frame),
		cmocka_unit_test(test_frames_that_are_none), cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_sealed_keys_of_managers), cmocka_unit_test(test_key), cmocka_unit_test(test_names),
		cmocka_unit_test(test_retention), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
