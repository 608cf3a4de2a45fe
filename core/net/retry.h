/*
 * retry: the one place that repeats requests: backoff with jitter, Retry-After, a deadline, cancellation.
 *
 * Classes: A may be repeated freely (GET, HEAD, PUT of tags, DELETE, whose 404 after a repeat is success);
 * B has a natural key: repeat, and the caller takes a conflict as "exists: adopt"; C (no key: network, router, volume, …) is
 * repeated only after an unambiguous "not applied" (not sent, 429, a proxy's "no server is available"); anything ambiguous
 * goes to the caller, who looks the resource up by its mark.
 */
#pragma once
#include "core/net/http.h"

enum retry_class { RETRY_NONE, RETRY_A, RETRY_B, RETRY_C };

/* As http_perform(), repeated by its class.  RETRY_A and B: connect errors, timeouts, 429, 500, 502–504; 5 tries of a GET
 * (0.5 s ×2, cap 8 s), 4 of a write (1 s ×2, cap 15 s), 10 of a 429 (its Retry-After, cap 60 s); ±20 % jitter; never past
 * deadline (clock_ms()). A streamed body (request->read) is never repeated. */
int retry_perform(struct http *h, const struct http_request *request, enum retry_class class, int64_t deadline,
		  struct http_response *ret, struct error **err) MUST_USE;
