/*
 * answer: what the services say, made into one form: errors and the next page.  Pure.
 *
 * Errors read `create server "demo-w-1": No valid host was found (HTTP 403, forbidden, req-…)`.  Kinds: AUTH 401 and 403,
 * NOT_FOUND 404, CONFLICT 409, QUOTA in each service's own way (nova 403 or 413, neutron 409 OverQuota, cinder 413, octavia
 * 403, glance 413), REMOTE else.
 */
#pragma once
#include "core/net/http.h"
#include "provision/cloud.h"

struct answer_fault {
	char *message; /* one line; "" where the body says nothing */
	char *type;    /* "OverQuota", "itemNotFound", or NULL */
};
/* body of a failed request: JSON of any service, HTML, text or nothing. */
void answer_fault(const char *body, size_t len, struct answer_fault *ret);
void answer_fault_free(struct answer_fault *f);
enum error_kind answer_kind(enum cloud_service service, int status, const struct answer_fault *f);
/* Sets *err for an answer whose status is a failure; returns -1. */
int answer_error(const char *what, enum cloud_service service, const struct http_response *r, struct error **err);
/* Text of HTML: no tags, scripts and styles, the few entities that matter, white space in one; at most 400 bytes. */
char *answer_strip_html(const char *html, size_t len) MUST_USE;

/* The query ("marker=x&limit=2") of the next page of the collection key, NULL on the last; the caller frees.  Never another host
 * or path than the one that was asked. */
char *answer_next_query(struct json_object *answer, const char *key) MUST_USE;
