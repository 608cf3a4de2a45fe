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
/* Appends "Name: value", values of credentials hashed or starred; mask_headers(): several, with ", " between. */
void mask_header(struct buf *out, const char *header);
void mask_headers(struct buf *out, const struct strv *headers);

enum mask_body {
	MASK_REQUEST, /* JSON up to 64 KiB: it is to be sent again */
	MASK_ANSWER,  /* JSON up to 4 KiB */
	MASK_ERROR,   /* the same, and the beginning of any other text */
};
/* Appends a body as it may be shown: JSON with its secrets starred, of anything else its length.  A string that holds a private
 * key is a secret, whatever its name.  Bodies of /auth/tokens, of application credentials and EC2 keys are never shown. */
void mask_body(struct buf *out, const char *url, const void *body, size_t len, enum mask_body what);
