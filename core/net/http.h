/*
 * http: requests over libcurl; the only home of curl.h.  Threads may share one client.
 *
 * Each request is one attempt: retry.h repeats.  The body of a request is handed to libcurl through a reader that cannot
 * rewind, so that libcurl never sends a POST a second time by itself when a reused connection dies.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/strv.h"

#define HTTP_TIMEOUT_MS 75000 /* of an attempt, where the request says nothing: outlasts a front end's usual 60 s */

struct http; /* DNS and TLS sessions, idle connections, trust */

struct http_options {
	const char *ca_file; /* PEM bundle beside the system's, or NULL */
	const char *ca_pem;  /* trust these certificates only, or NULL */
	bool insecure;	     /* TLS peers are not verified: clouds.yaml's "verify: false" and nothing else sets it */
	const char *client_cert, *client_key; /* files, or NULL */
	/* When set, connections are made by this instead of DNS and connect(2): e.g. through a bastion.  ret_fd becomes the client's.
	 * libcurl 7.88 keeps a TLS connection for the next request only where getpeername(2) gives a name: of a socketpair the far
	 * end has to be bound to a path (which may be unlinked at once). */
	int (*dial)(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err);
	void *dial_context;
	bool no_proxy; /* never through a proxy, neither of the environment nor of http_use_proxies() */
};

/* Proxies in place of those of the environment, as curl's http_proxy, https_proxy and no_proxy; NULL: none for that scheme.  For
 * all clients that do not refuse proxies, those that are there too.  In main(), before any thread. */
void http_use_proxies(const char *http, const char *https, const char *no);
/* For people, without credentials: "http://proxy:3128 for https, none for http"; NULL where no request goes through one.
 * The caller frees. */
char *http_describe_proxies(void) MUST_USE;

int http_new(const struct http_options *options, struct http **ret, struct error **err) MUST_USE;
void http_free(struct http *h);
void http_free_ptr(struct http **h);
void http_global_init(void); /* in main(), before any thread */

typedef int http_write(const void *p, size_t n, void *context, struct error **err);
typedef int http_read(void *p, size_t n, size_t *ret_n, void *context, struct error **err); /* *ret_n 0: the end */

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *service; /* under which its kind is counted: the limiter's; NULL: the origin of url */
	const struct strv *headers;  /* "Name: value"; NULL: none */
	const char *user, *password; /* HTTP basic, or NULL */
	const char *signature; /* instead of that what AWS calls Signature Version 4, by these two: "aws:amz:eu-west-1:s3" */
	const void *body;	     /* or: */
	size_t body_len;
	http_read *read; /* a streamed body of exactly body_len bytes */
	void *read_context;
	http_write *write; /* receives the body of a 2xx answer instead of response.body */
	void *write_context;
	int64_t timeout_ms; /* for the whole attempt; 0: 75 s; streams: use stall_ms with CLOCK-long timeouts */
	int64_t stall_ms;   /* no byte in either direction for so long ends it; 0: no such limit */
	size_t answer_max;  /* largest response.body; 0: 64 MiB */
	bool http1;  /* HTTP/1.1, also where the server speaks HTTP/2: uploads of many megabytes wait for its windows there */
	bool follow; /* redirects (never carrying credentials to another host); see http_perform() */
};

/* What is known of a request that failed; decides whether a create may be repeated. */
enum http_outcome {
	HTTP_ANSWERED, /* response.status is set */
	HTTP_NOT_SENT, /* DNS, connect or TLS failed: the service did not see it */
	HTTP_AMBIGUOUS /* it may or may not have been applied */
};

struct http_response {
	enum http_outcome outcome;
	bool hopeless; /* failed, and a repeat would fail the same way: an untrusted certificate, a malformed URL, too large an answer */
	int status;
	struct strv headers; /* "name: value", names in lower case, of the last hop */
	struct buf body;
	double seconds;
	unsigned tries; /* attempts that retry_perform() made: a 404 for a DELETE's second try means that the first one worked */
	bool maybe_applied; /* set by retry_perform(): one of the tries may have been applied although its answer does not say so */
};

/* 0 for every status that was answered, also 404 and 500; -1 with an error (NETWORK, TIMEOUT, CANCELLED, a callback's) else.
 * ret is always valid: http_response_free() it.  An answer that broke off has its status set and is HTTP_AMBIGUOUS.
 * file:// URLs can be read (GET, HEAD): status 200, or 404 where there is no such file.
 * Redirects of GET and HEAD are followed, 307 and 308 also of the others unless their body is streamed; credentials (Authorization,
 * X-Auth-Token, cookies, user and password) stay behind where scheme, host or port change. */
int http_perform(struct http *h, const struct http_request *request, struct http_response *ret, struct error **err) MUST_USE;
const char *http_header(const struct http_response *r, const char *name); /* lower-case name; NULL where it is not there */
void http_response_free(struct http_response *r);
#define HTTP_RESPONSE_INIT ((struct http_response){0})
#define CLEANUP_HTTP_RESPONSE CLEANUP(http_response_free)

/* How many requests are in flight to each service; used by retry_perform(). */
struct limiter *http_limiter(struct http *h);
/* "https://host:port" of a URL in lower case with the port filled in, "file://" for files; the caller frees. */
int http_origin(const char *url, char **ret, struct error **err) MUST_USE;

/* Requests begun since the start of the process, for reports. */
uint64_t http_requests_total(void);
uint64_t http_requests(struct http *h); /* of one client */
/* s with all but unreserved characters as %XX; the caller frees. */
char *http_escape(const char *s) MUST_USE;
