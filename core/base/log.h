/*
 * log: lines for people or JSON lines for machines on stderr, one writer at a time.
 * Nothing secret is ever passed in: what a module logs it has masked itself.
 */
#pragma once
#include "core/base/macros.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

void log_init(enum log_level level, bool json);
bool log_enabled(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Where finished lines (with their newline) go instead of stderr; the progress display uses it to keep its screen whole. */
typedef void log_sink(const char *line, void *context);
void log_set_sink(log_sink *sink, void *context);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_verbose(...) log_at(LOG_VERBOSE, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
