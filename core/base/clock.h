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
