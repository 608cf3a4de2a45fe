/* proxy: an HTTP proxy on the loopback: absolute addresses and CONNECT, to ports of the loopback alone. */
#pragma once
#include "core/base/macros.h"

struct proxy;
/* password: "user:password" that it wants, or NULL. */
struct proxy *proxy_start(const char *password);
void proxy_stop(struct proxy *p);
char *proxy_url(const struct proxy *p, const char *user_info); /* "user:password" or NULL; the caller frees */
unsigned proxy_count(struct proxy *p, const char *method); /* requests that it passed on: "CONNECT", "GET" */
unsigned proxy_refusals(struct proxy *p);		   /* 407 */
