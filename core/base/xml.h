/*
 * xml: reads a document element by element, over expat.
 *
 * Limits, each a clear error: depth 16, 64 KiB of text in an element.  A document type is refused, and with it all entities but characters by number and
 * XML's own five: nothing is expanded, and nothing is fetched.
 */
#pragma once
#include "core/base/error.h"

/*
 * Tells each element when it ends: its path without namespaces ("ListBucketResult/Contents/Key"), and the text in it, UTF-8 (of one with elements in it
 * what stands behind the last of them).  ERROR_REMOTE with line and column where it is no document, or a part of one; what ended before that was told.
 */
int xml_read(const char *text, size_t len, void (*ended)(void *context, const char *path, const char *text), void *context, struct error **err) MUST_USE;
