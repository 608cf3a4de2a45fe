/* http_paths: what the hostile server of the HTTP tests does at which path; the table stands at the end of the source. */
#pragma once
#include "core/base/error.h"
#include "tests/integration/server.h"
#include <stdatomic.h>

extern struct server *server, *other; /* two origins with one handler */
extern atomic_uint flaky;	      /* requests to /flaky/… so far */

void http_paths_start(void); /* both servers; flaky begins at 0 */
void http_paths_stop(void);
bool http_paths_handle(struct server_peer *p, const struct server_request *r);
/* The write of a request, into the struct buf that is its context. */
int http_collect(const void *p, size_t n, void *context, struct error **err);
