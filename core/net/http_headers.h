/* http_headers: the lines of an answer's head.  Pure. */
#pragma once
#include "core/base/strv.h"

/* Keeps a line of n bytes, without its end, as "name: value": the name in lower case, what a terminal would obey as blanks.  A folded
 * line goes behind the one before it; what is no header is dropped. */
void http_headers_keep(struct strv *headers, const char *line, size_t n);
