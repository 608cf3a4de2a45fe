#include "core/base/buf.h"
#include "core/base/alloc.h"
#include <openssl/crypto.h>
#include <stdio.h>

void buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->len + more + 1;

	if (want <= b->cap)
		return;
	b->cap = b->cap ? b->cap : 64;
	while (b->cap < want)
		b->cap *= 2;
	b->data = xrealloc(b->data, b->cap, 1);
}

void buf_add_mem(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const char *s)
{
	buf_add_mem(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add_mem(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	CLEANUP_FREE char *s = xvasprintf(fmt, ap);

	buf_add(b, s);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_add_json(struct buf *b, const char *s)
{
	buf_add_char(b, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c == '\n')
			buf_add(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_addf(b, "\\u%04x", c);
		else
			buf_add_char(b, *s);
	}
	buf_add_char(b, '"');
}

void buf_add_shell(struct buf *b, const char *s)
{
	buf_add_char(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_add(b, "'\\''");
		else
			buf_add_char(b, *s);
	}
	buf_add_char(b, '\'');
}

void buf_truncate(struct buf *b, size_t len)
{
	if (b->data == NULL)
		return;
	b->len = len;
	b->data[len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

char *buf_steal(struct buf *b)
{
	char *s = b->data == NULL ? xstrdup("") : b->data;

	*b = BUF_INIT;
	return s;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT;
}

void buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		OPENSSL_cleanse(b->data, b->cap);
	buf_free(b);
}
