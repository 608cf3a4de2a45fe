/*
 * edit: the cluster file with one number changed: every other byte, comments and order included, stays as it is.  Pure.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

/*
 * ret: the text with `count` of that worker pool set.  ERROR_CONFIG (file:line:column) where the file cannot be read, has no such
 * pool (with those that it has), or where the number does not stand in the pool itself (an alias, a merge key).
 */
int edit_count(const char *path, const char *text, size_t len, const char *pool, int count, struct buf *ret, struct error **err) MUST_USE;
