#include "cmd/lines.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include <pthread.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 * 1024 }; /* what is longer goes on in another line */

struct lines {
	pthread_mutex_t lock; /* held while lines are written, so that they do not mix: who waits for it could not write either */
	int width;
	bool gone;
};

struct lines *lines_new(int width)
{
	struct lines *l = xnew(struct lines);

	pthread_mutex_init(&l->lock, NULL);
	l->width = width;
	return l;
}

void lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void lines_free_ptr(struct lines **l)
{
	lines_free(*l);
	*l = NULL;
}

bool lines_gone(struct lines *l)
{
	bool gone;

	pthread_mutex_lock(&l->lock);
	gone = l->gone;
	pthread_mutex_unlock(&l->lock);
	return gone;
}

static int put(struct line_stream *s, const struct buf *text, struct error **err)
{
	int r;

	if (text->len == 0)
		return 0;
	pthread_mutex_lock(&s->lines->lock);
	r = cancel_write(s->fd, text->data, text->len, err);
	if (r > 0 && s->fd == STDOUT_FILENO)
		s->lines->gone = true;
	pthread_mutex_unlock(&s->lines->lock);
	if (r > 0 && s->fd == STDOUT_FILENO)
		cancel_stop();
	return r < 0 ? -1 : 0;
}

static void add_line(const struct line_stream *s, const char *line, size_t n, struct buf *ret)
{
	buf_addf(ret, "%-*s | ", s->lines->width, s->name);
	buf_add_mem(ret, line, n);
	buf_add_char(ret, '\n');
}

int lines_write(const void *p, size_t n, void *context, struct error **err)
{
	struct line_stream *s = context;
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t at = 0;

	buf_add_mem(&s->part, p, n);
	while (at < s->part.len) {
		const char *line = s->part.data + at, *end = memchr(line, '\n', s->part.len - at);
		size_t len = end != NULL ? (size_t)(end - line) : s->part.len - at;

		if (end == NULL && len < LINE_MAX_BYTES)
			break;
		add_line(s, line, len, &text);
		at += len + (end != NULL);
	}
	memmove(s->part.data, s->part.data + at, s->part.len - at);
	buf_truncate(&s->part, s->part.len - at);
	return put(s, &text, err);
}

int lines_end(struct line_stream *s, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (s->part.len > 0)
		add_line(s, s->part.data, s->part.len, &text);
	buf_free(&s->part);
	return put(s, &text, err);
}
