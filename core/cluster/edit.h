/*
 * edit: the cluster file with one number changed: every other byte, comments and order included, stays as it is.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

/*
 * ret: the text with `count` of that worker pool set.  ERROR_CONFIG (file:line:column) where the file cannot be read, has no such
 * pool (with those that it has), or where the number does not stand in the pool itself (an alias, a merge key).  Pure.
 */
int edit_count(const char *path, const char *text, size_t len, const char *pool, int count, struct buf *ret, struct error **err) MUST_USE;
/*
 * Writes it in place for people: a link stays a link, who may read the file and whose it is stays the same.  Where it holds something else than
 * `before` by now, or cannot be written, it stays as it is, with an error that says so.
 */
int edit_save(const char *path, const struct buf *before, const struct buf *after, struct error **err) MUST_USE;
