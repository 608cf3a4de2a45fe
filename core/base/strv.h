/* strv: a growing list of strings, each owned by the list.  Initialise with STRV_INIT. */
#pragma once
#include "core/base/macros.h"

struct strv {
	char **v;
	size_t n, cap;
};
#define STRV_INIT ((struct strv){0})

void strv_add(struct strv *l, const char *s);		      /* a copy */
void strv_addf(struct strv *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_take(struct strv *l, char *s);		      /* s becomes the list's */
bool strv_has(const struct strv *l, const char *s);
char *strv_join(const struct strv *l, const char *separator) MUST_USE; /* the caller frees */
/* Split s at each of the separator's characters; empty parts are dropped. */
void strv_split(struct strv *l, const char *s, const char *separators);
void strv_sort(struct strv *l);
void strv_copy(struct strv *to, const struct strv *from); /* appends copies */
void strv_free(struct strv *l);
#define CLEANUP_STRV CLEANUP(strv_free)
/* The entry nearest to s by edit distance, or NULL where none is near enough to be meant ("did you mean"). */
const char *str_nearest(const char *s, const char *const *names, size_t n);
/* The same as the end of a message: "; did you mean \"NAME\"?", or "".  The caller frees. */
char *str_meant(const char *s, const struct strv *names) MUST_USE;
