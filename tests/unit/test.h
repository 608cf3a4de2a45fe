/* test: what every unit test includes; cmocka and two assertions on functions with an error argument. */
#pragma once
#include "core/base/error.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

static struct error *test_error UNUSED;

/* Within this what is told "at once" has happened, on the busiest machine; what it must not wait for takes 20 s or more. */
#define AT_ONCE_MS 12000

/* assert_success(f(…, &test_error)) prints the message of the error where f fails */
#define assert_success(call)                                                                                                     \
	do {                                                                                                                     \
		if ((call) < 0)                                                                                                  \
			fail_msg("%s: %s", #call, error_message(test_error));                                                    \
	} while (0)

/* assert_failure(f(…, &test_error), "part of the message") */
#define assert_failure(call, part)                                                                                               \
	do {                                                                                                                     \
		assert_int_equal((call), -1);                                                                                    \
		if (strstr(error_message(test_error), (part)) == NULL)                                                           \
			fail_msg("\"%s\" does not hold \"%s\"", error_message(test_error), (part));                              \
		error_clear(&test_error);                                                                                        \
	} while (0)
