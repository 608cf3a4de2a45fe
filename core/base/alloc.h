/*
 * alloc: memory that never fails.  Out-of-memory ends the process in one place; nobody else checks.
 * Everything is freed by free().
 */
#pragma once
#include "core/base/macros.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void *xcalloc(size_t n, size_t size) MUST_USE;
void *xrealloc(void *p, size_t n, size_t size) MUST_USE; /* n * size bytes, overflow checked */
char *xstrdup(const char *s) MUST_USE;			  /* NULL gives NULL */
char *xstrndup(const char *s, size_t n) MUST_USE;
void *xmemdup(const void *p, size_t n) MUST_USE; /* one NUL byte follows the copy */
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_USE;
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0) MUST_USE;

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))
#define xnew_n(type, n) ((type *)xcalloc((n), sizeof(type)))

/* Room for one more element: array of *n elements, capacity grows by doubling. */
#define array_grow(array, n, cap)                                                                                                \
	do {                                                                                                                     \
		if ((n) >= (cap)) {                                                                                              \
			(cap) = (cap) ? (cap) * 2 : 8;                                                                           \
			(array) = xrealloc((array), (cap), sizeof(*(array)));                                                    \
		}                                                                                                                \
	} while (0)

void free_ptr(void *pp); /* for CLEANUP on any pointer that free() frees */
#define CLEANUP_FREE CLEANUP(free_ptr)
/* Wipe, then free; for keys and passwords.  NULL is fine. */
void secret_free(char *s);
void secret_free_ptr(char **s);
#define CLEANUP_SECRET CLEANUP(secret_free_ptr)
