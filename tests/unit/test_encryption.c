#include "core/base/alloc.h"
#include "core/cluster/encryption.h"
#include "tests/unit/test.h"

#define A "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU="
#define B "YW5vdGhlciBrZXkgb2YgdGVzdHMsIGFsc28gMzIgYi4="

static void is(const struct encryption_keys *k, const char *expected)
{
	CLEANUP_SECRET char *text = encryption_text(k);

	assert_string_equal(text, expected);
}

/* Each step once and once more, as a run that was cut off would have it. */
static void test_a_rotation(void **state UNUSED)
{
	CLEANUP_ENCRYPTION struct encryption_keys k = {0};

	assert_success(encryption_parse(A, &k, &test_error));
	assert_string_equal(k.items[0].name, "k1");
	is(&k, A);
	for (int i = 0; i < 2; i++) {
		encryption_add(&k, B);
		is(&k, "k1:" A " k2:" B);
	}
	for (int i = 0; i < 2; i++) {
		encryption_turn(&k);
		is(&k, "k2:" B " k1:" A);
	}
	for (int i = 0; i < 2; i++) {
		encryption_drop(&k);
		is(&k, "k2:" B);
	}
	encryption_add(&k, A);
	is(&k, "k2:" B " k3:" A);
	encryption_drop(&k); /* the newest stays, wherever it stands */
	is(&k, "k3:" A);
}

static void test_what_is_written_is_read(void **state UNUSED)
{
	static const char *const texts[] = {A, "k2:" B, "k1:" A " k2:" B, "k12:" B " k11:" A};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_ENCRYPTION struct encryption_keys k = {0};

		assert_success(encryption_parse(texts[i], &k, &test_error));
		is(&k, texts[i]);
	}
}

static void test_texts_that_are_no_keys(void **state UNUSED)
{
	static const char *const texts[] = {"", "x", "k1:x", "k0:" A, "k01:" A, "k:" A, "j1:" A, "k1x:" A, "k1:" A " k1:" B, "k1:" A " k2:" B " k3:" A, "k1:" A "A"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct encryption_keys k = {0};

		assert_failure(encryption_parse(texts[i], &k, &test_error), "is no list of keys");
		assert_int_equal(k.n, 0);
	}
}

static void test_what_can_be_read(void **state UNUSED)
{
	assert_true(encryption_covers(A, A));
	assert_true(encryption_covers(A, "k1:" A));
	assert_true(encryption_covers("k2:" B " k1:" A, A));
	assert_true(encryption_covers("k2:" B " k1:" A, "k1:" A " k2:" B));
	assert_false(encryption_covers("k2:" B, A));
	assert_false(encryption_covers("k2:" B, "k2:" B " k1:" A));
	assert_false(encryption_covers("k2:" A, A)); /* by its name what is in etcd finds its key */
	assert_false(encryption_covers(A, "rubbish"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rotation),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_texts_that_are_no_keys),
		cmocka_unit_test(test_what_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
