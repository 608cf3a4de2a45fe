/*
 * buf: a growing byte string.  data is never NULL after the first write and always NUL-terminated at data[len], so it can
 * be read as a C string.  Initialise with BUF_INIT; buf_free() (or CLEANUP_BUF) releases; buf_wipe() for secrets.
 */
#pragma once
#include "core/base/macros.h"
#include <stdarg.h>

struct buf {
	char *data;
	size_t len, cap;
};
#define BUF_INIT ((struct buf){0})

void buf_reserve(struct buf *b, size_t more); /* room for so many bytes more: adding those moves nothing */
void buf_add(struct buf *b, const char *s);
void buf_add_mem(struct buf *b, const void *p, size_t n);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* s as JSON string, with the quotes; bytes that are not UTF-8 pass as they are. */
void buf_add_json(struct buf *b, const char *s);
/* s quoted for a POSIX shell: 'it'\''s'. */
void buf_add_shell(struct buf *b, const char *s);
void buf_truncate(struct buf *b, size_t len); /* len <= b->len */
const char *buf_str(const struct buf *b);     /* "" when nothing was written */
char *buf_steal(struct buf *b) MUST_USE;      /* the caller frees; "" when empty; b is empty afterwards */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b); /* wipes the memory, then frees */
#define CLEANUP_BUF CLEANUP(buf_free)
