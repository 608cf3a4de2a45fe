#include "core/net/http_headers.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

static void add_shown(struct buf *b, const char *p, const char *end)
{
	for (; p < end; p++)
		buf_add_char(b, (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p); /* headers go to terminals and logs */
}

static void fold(struct strv *headers, const char *p, const char *end)
{
	CLEANUP_FREE char *last = headers->v[headers->n - 1];
	struct buf b = BUF_INIT;

	buf_add(&b, last);
	buf_add_char(&b, ' ');
	add_shown(&b, p, end);
	headers->v[headers->n - 1] = buf_steal(&b);
}

void http_headers_keep(struct strv *headers, const char *line, size_t n)
{
	const char *end = line + n, *colon = memchr(line, ':', n), *value;
	struct buf b = BUF_INIT;

	if (n > 0 && (line[0] == ' ' || line[0] == '\t')) {
		if (headers->n > 0)
			fold(headers, line + 1, end);
		return;
	}
	if (colon == NULL)
		return;
	add_shown(&b, line, colon);
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] >= 'A' && b.data[i] <= 'Z')
			b.data[i] = (char)(b.data[i] + 32);
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	buf_add(&b, ": ");
	add_shown(&b, value, end);
	strv_take(headers, buf_steal(&b));
}
