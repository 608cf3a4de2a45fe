#include "core/base/alloc.h"
#include "provision/s3.h"
#include "tests/unit/test.h"

static void test_a_listing(void **state UNUSED)
{
	static const char xml[] = "<?xml version='1.0'?>\n<ListBucketResult xmlns='x'><Name>b</Name><IsTruncated>true</IsTruncated>"
				  "<Contents><Key>a&amp;b&lt;c&gt;&quot;&apos;</Key><LastModified>x</LastModified><Size>12345678901</Size></Contents>"
				  "<Contents><Size>3</Size><Key>d</Key><Owner><Key>no</Key></Owner></Contents><Contents><Key>f&#252;nf</Key></Contents>"
				  "<Contents><Size>1</Size></Contents></ListBucketResult>";
	static const char other[] = "<s:ListBucketResult xmlns:s='y'>\n <s:Contents>\n  <s:Key><![CDATA[a&b]]></s:Key>\n </s:Contents>\n</s:ListBucketResult>";
	CLEANUP_S3_LIST struct s3_list l = {0}, of_another = {0}, none = {0};

	assert_success(s3_list_read(xml, strlen(xml), &l, &test_error));
	assert_int_equal(l.n, 3);
	assert_string_equal(l.entries[0].key, "a&b<c>\"'");
	assert_int_equal(l.entries[0].size, 12345678901);
	assert_string_equal(l.entries[1].key, "d");
	assert_int_equal(l.entries[1].size, 3);
	assert_string_equal(l.entries[2].key, "fünf");
	assert_int_equal(l.entries[2].size, 0);
	assert_true(l.more);
	assert_success(s3_list_read(other, strlen(other), &of_another, &test_error));
	assert_int_equal(of_another.n, 1);
	assert_string_equal(of_another.entries[0].key, "a&b");
	assert_false(of_another.more);
	assert_failure(s3_list_read(xml, strlen(xml) - 3, &none, &test_error), "the answer is no listing of S3: line 2");
	assert_failure(s3_list_read("<html/>", 7, &none, &test_error), "is that the address of one?");
	assert_int_equal(none.n, 0);
}

static void test_a_fault(void **state UNUSED)
{
	static const struct {
		const char *xml, *fault;
	} rows[] = {{"<Error><Code>NoSuchBucket</Code><Message>None</Message></Error>", "NoSuchBucket: None"},
		    {"<Error><Message>None</Message><Code>C</Code></Error>", "C: None"},
		    {"<Error><Code>C</Code>", "C"},
		    {"<Error><Code>C</Code><Message>two\n  lines &amp; &lt;b>more&lt;/b></Message></Error>", "C: two lines & more"},
		    {"<html>no</html>", ""},
		    {"", ""}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *fault = s3_fault(rows[i].xml, strlen(rows[i].xml));

		assert_string_equal(fault, rows[i].fault);
	}
}

/* What is said stays one line of a screen or two: each of its two parts is cut, and whole with the sign of that. */
static void test_a_long_fault(void **state UNUSED)
{
	char text[1001];
	CLEANUP_FREE char *xml = NULL, *fault = NULL;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	xml = xasprintf("<Error><Code>%s</Code><Message>%s</Message></Error>", text, text);
	fault = s3_fault(xml, strlen(xml));
	assert_int_equal(strlen(fault), 400 + strlen(": ") + 400);
	assert_string_equal(fault + strlen(fault) - strlen("x…"), "x…");
}

static void test_profiles(void **state UNUSED)
{
	static const char text[] = "aws_access_key_id = outside\n[other]\naws_access_key_id=o\naws_secret_access_key = p\r\n"
				   "[default]\n# a remark\naws_access_key_id\t=  AKIA  \naws_secret_access_key=a/b+c==\nregion = x";
	static const struct {
		const char *profile, *id, *secret;
	} rows[] = {{"default", "AKIA", "a/b+c=="}, {"other", "o", "p"}, {"nobody", NULL, NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *id = NULL, *secret = NULL;

		s3_profile(text, rows[i].profile, &id, &secret);
		if (rows[i].id == NULL) {
			assert_null(id);
			assert_null(secret);
		} else {
			assert_string_equal(id, rows[i].id);
			assert_string_equal(secret, rows[i].secret);
		}
		secret_free(id);
		secret_free(secret);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_listing),
		cmocka_unit_test(test_a_fault),
		cmocka_unit_test(test_a_long_fault),
		cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
