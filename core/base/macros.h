/* macros: compiler attributes and the few idioms used everywhere. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_USE __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define CLEANUP(f) __attribute__((cleanup(f)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Give up ownership of a pointer: `return steal_ptr(p);` with p under CLEANUP. */
#define steal_ptr(p)                                                                                                             \
	__extension__({                                                                                                                       \
		__typeof__(p) steal_tmp_ = (p);                                                                                  \
		(p) = NULL;                                                                                                      \
		steal_tmp_;                                                                                                      \
	})
