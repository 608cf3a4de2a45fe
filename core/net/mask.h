/*
 * mask: what may be shown of requests and answers in messages and debug logs.  Pure.
 *
 * Tokens become {SHA256}hex, as the Python clients of OpenStack print them, so that two lines can be compared.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/strv.h"

/* url without user info, and with *** for the values of query keys that carry secrets (signatures, tokens, passwords). */
char *mask_url(const char *url) MUST_USE;
/* Appends "Name: value, Name: value", values of credentials hashed or starred. */
void mask_headers(struct buf *out, const struct strv *headers);
/* Appends a body as it may be shown: JSON with its secrets starred (at most 4 KiB), of anything else its length and, for an
 * error, its beginning.  Bodies of /auth/tokens, of application credentials and EC2 keys are never shown. */
void mask_body(struct buf *out, const char *url, const void *body, size_t len, bool is_error);
