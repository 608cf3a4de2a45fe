#include "core/base/log.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include <pthread.h>
#include <stdio.h>

static const char *const names[] = {"error", "warning", "info", "verbose", "debug"};
static enum log_level threshold = LOG_INFO;
static bool as_json;
static log_sink *out;
static void *out_context;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void log_init(enum log_level level, bool json)
{
	threshold = level;
	as_json = json;
}

bool log_enabled(enum log_level level)
{
	return level <= threshold;
}

void log_set_sink(log_sink *sink, void *context)
{
	pthread_mutex_lock(&lock);
	out = sink;
	out_context = context;
	pthread_mutex_unlock(&lock);
}

static void format(struct buf *line, enum log_level level, const char *text)
{
	CLEANUP_FREE char *time = NULL;

	if (!as_json) {
		buf_addf(line, "davit: %s%s%s\n", level <= LOG_WARNING ? names[level] : "", level <= LOG_WARNING ? ": " : "", text);
		return;
	}
	time = clock_rfc3339(clock_wall_ms());
	buf_addf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, names[level]);
	buf_add_json(line, text);
	buf_add(line, "}\n");
}

void log_at(enum log_level level, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_BUF struct buf line = BUF_INIT;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	format(&line, level, text);
	pthread_mutex_lock(&lock);
	if (out != NULL)
		out(buf_str(&line), out_context);
	else
		fputs(buf_str(&line), stderr);
	pthread_mutex_unlock(&lock);
}
