#include "core/base/xml.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "tests/unit/test.h"
#include <string.h>

static void write_down(void *context, const char *path, const char *text)
{
	buf_addf(context, "%s=%s;", path, text);
}

static void assert_told(const char *xml, const char *expected)
{
	CLEANUP_BUF struct buf told = BUF_INIT;

	assert_success(xml_read(xml, strlen(xml), write_down, &told, &test_error));
	assert_string_equal(buf_str(&told), expected);
}

static void test_elements_end_with_their_text(void **state UNUSED)
{
	assert_told("<a/>", "a=;");
	assert_told("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x='1'> <b>1</b>\n<b>2<!-- - -->3</b><c><d>4</d></c>5</a>\n", "a/b=1;a/b=23;a/c/d=4;a/c=;a=5;");
	assert_told("<a xmlns='http://x/y z'><n:b xmlns:n='other'>1</n:b></a>", "a/b=1;a=;");
	assert_told("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;<b><![CDATA[<&c>]]></b>\xc3\xa4</a>", "a/b=<&c>;a=\xc3\xa4;");
	assert_told("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>", "a=\xc3\xa4;");
}

static void test_what_is_no_document_is_told_with_its_place(void **state UNUSED)
{
	static const struct {
		const char *xml, *why, *told; /* before */
	} rows[] = {
		{"", "line 1, column 1: no element found", ""},
		{"{}", "line 1, column 1: not well-formed", ""},
		{"<a>\n<b>1</b><b>2", "line 2, column 13: no element found", "a/b=1;"},
		{"<a><b></a>", "line 1, column 9: mismatched tag", ""},
		{"<a>1</a><a>2</a>", "line 1, column 9: junk after document element", "a=1;"},
		{"<a>&b;</a>", "line 1, column 4: undefined entity", ""},
		{"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>1</a>", "a document type, which is not read", ""},
		{"<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>", "a document type, which is not read", ""},
		{"<a>\xff</a>", "line 1, column 4: not well-formed", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf told = BUF_INIT;

		assert_failure(xml_read(rows[i].xml, strlen(rows[i].xml), write_down, &told, &test_error), rows[i].why);
		assert_string_equal(buf_str(&told), rows[i].told);
	}
}

static void many(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(b, s);
}

static void test_limits(void **state UNUSED)
{
	CLEANUP_BUF struct buf deep = BUF_INIT, deeper = BUF_INIT, large = BUF_INIT, larger = BUF_INIT, told = BUF_INIT;

	many(&deep, "<a>", 16);
	many(&deep, "</a>", 16);
	many(&deeper, "<a>", 16);
	buf_add(&deeper, "<b/>");
	many(&deeper, "</a>", 16);
	assert_success(xml_read(deep.data, deep.len, write_down, &told, &test_error));
	buf_truncate(&told, 0);
	assert_failure(xml_read(deeper.data, deeper.len, write_down, &told, &test_error), "more elements in one another than 16");
	assert_int_equal(told.len, 0);
	buf_add(&large, "<a>");
	many(&large, "x", 64 * 1024);
	buf_add_mem(&larger, large.data, large.len);
	buf_add(&large, "</a>");
	buf_add(&larger, "x</a>");
	assert_success(xml_read(large.data, large.len, write_down, &told, &test_error));
	assert_failure(xml_read(larger.data, larger.len, write_down, &told, &test_error), "more than 64 KiB of text in an element");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements_end_with_their_text),
		cmocka_unit_test(test_what_is_no_document_is_told_with_its_place),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
