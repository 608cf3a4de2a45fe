/*
 * lines: what many nodes say at the same time, as whole lines on this program's own streams, each behind the name of its node.
 * Thread-safe; one line_stream belongs to one thread.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

struct lines;
/* width: of the column of names. */
struct lines *lines_new(int width);
void lines_free(struct lines *l);
void lines_free_ptr(struct lines **l);
#define CLEANUP_LINES CLEANUP(lines_free_ptr)
bool lines_gone(struct lines *l); /* nobody reads standard output any more */

struct line_stream {
	struct lines *lines;
	const char *name;
	int fd; /* STDOUT_FILENO or STDERR_FILENO */
	struct buf part; /* of the line that has not ended */
};
/* An ssh_write; context is the struct line_stream.  Where nobody reads standard output any more, the whole run is cancelled. */
int lines_write(const void *p, size_t n, void *context, struct error **err);
/* Also the last line, where it has no newline; frees what the stream holds. */
int lines_end(struct line_stream *s, struct error **err) MUST_USE;
