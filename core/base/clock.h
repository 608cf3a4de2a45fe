/* clock: monotonic milliseconds for deadlines and durations, wall time for people and records. */
#pragma once
#include "core/base/macros.h"
#include <time.h>

int64_t clock_ms(void);		/* CLOCK_MONOTONIC, milliseconds */
int64_t clock_wall_ms(void);	/* since 1970-01-01 UTC, milliseconds */
char *clock_rfc3339(int64_t wall_ms) MUST_USE; /* "2026-11-22T16:48:17.123Z"; the caller frees */
/* Deadlines are clock_ms() values; CLOCK_NEVER means none. */
#define CLOCK_NEVER INT64_MAX
int64_t clock_deadline(int64_t ms_from_now);
/* RFC 3339 in UTC, as Kubernetes and OpenStack write it, to the second; false for anything else. */
bool clock_parse(const char *text, int64_t *ret_wall_ms) MUST_USE;
/* For people, in one unit: "90s", "12m", "47h", "3d"; the caller frees. */
char *clock_age(int64_t ms) MUST_USE;
/* "90s", "10m", "1h" as milliseconds; false for anything else. */
bool clock_span(const char *text, int64_t *ret_ms) MUST_USE;
