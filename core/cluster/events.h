/*
 * events: what happens to what, when: feeds the progress display, the JSON log and the table of the state that
 * `davit report` reads.  Thread-safe.
 */
#pragma once
#include "core/base/macros.h"

enum event_type { EVENT_BEGIN, EVENT_PROGRESS, EVENT_END, EVENT_FAIL };

struct event {
	enum event_type type;
	const char *subject; /* "demo-w-1", "network", "bundle": one line of the display */
	const char *phase;   /* "server", "ssh", "push", "install", "join" */
	const char *text;    /* a detail for people, or "" */
	int64_t at_ms;	     /* clock_ms() */
	int64_t wall_ms;
};

struct events;
typedef void event_listener(const struct event *e, void *context);

struct events *events_new(void);
void events_free(struct events *e);
void events_listen(struct events *e, event_listener *listener, void *context); /* called under a lock, one event at a time */
/* e may be NULL: nothing happens. */
void event_begin(struct events *e, const char *subject, const char *phase);
void event_progress(struct events *e, const char *subject, const char *phase, const char *fmt, ...) PRINTF_LIKE(4, 5);
void event_end(struct events *e, const char *subject, const char *phase);
void event_fail(struct events *e, const char *subject, const char *phase, const char *text);
