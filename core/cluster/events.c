#include "core/cluster/events.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <pthread.h>

struct listener {
	event_listener *call;
	void *context;
};

struct events {
	pthread_mutex_t lock;
	struct listener *listeners;
	size_t n, cap;
};

struct events *events_new(void)
{
	struct events *e = xnew(struct events);

	pthread_mutex_init(&e->lock, NULL);
	return e;
}

void events_free(struct events *e)
{
	if (e == NULL)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e->listeners);
	free(e);
}

void events_listen(struct events *e, event_listener *listener, void *context)
{
	pthread_mutex_lock(&e->lock);
	array_grow(e->listeners, e->n, e->cap);
	e->listeners[e->n++] = (struct listener){listener, context};
	pthread_mutex_unlock(&e->lock);
}

static void emit(struct events *e, enum event_type type, const char *subject, const char *phase, const char *text)
{
	struct event event = {.type = type, .subject = subject, .phase = phase, .text = text};

	if (e == NULL)
		return;
	pthread_mutex_lock(&e->lock);
	event.at_ms = clock_ms();
	event.wall_ms = clock_wall_ms();
	for (size_t i = 0; i < e->n; i++)
		e->listeners[i].call(&event, e->listeners[i].context);
	pthread_mutex_unlock(&e->lock);
}

void event_begin(struct events *e, const char *subject, const char *phase)
{
	emit(e, EVENT_BEGIN, subject, phase, "");
}

void event_progress(struct events *e, const char *subject, const char *phase, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	if (e == NULL)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	emit(e, EVENT_PROGRESS, subject, phase, text);
}

void event_end(struct events *e, const char *subject, const char *phase)
{
	emit(e, EVENT_END, subject, phase, "");
}

void event_fail(struct events *e, const char *subject, const char *phase, const char *text)
{
	emit(e, EVENT_FAIL, subject, phase, text);
}
