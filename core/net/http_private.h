/* http_private: what the files of the HTTP module share: http.c (clients, requests), http_log.c, http_transfer.c (libcurl), http_url.c. */
#pragma once
#include "core/net/http.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

/* An easy handle and the private multi that holds its idle connections.  One request at a time uses it. */
struct worker {
	struct worker *next;
	CURL *easy;
	CURLM *multi;
	char *origin; /* of its last request */
};

struct http {
	struct http_options options;
	char *ca_file, *ca_pem, *client_cert, *client_key;
	char *ca_both; /* the system's bundle and ca_file, where libcurl cannot use both by itself */
	struct curl_slist *connect_to;
	CURLSH *share;
	pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
	pthread_mutex_t lock; /* of idle */
	struct worker *idle;
	size_t n_idle;
	struct limiter *limiter;
	atomic_uint_fast64_t requests; /* begun by this client */
};

/* Where a URL leads; host in lower case, an IPv6 address without brackets. */
struct place {
	char *scheme, *host;
	uint16_t port;
};

int place_parse(const char *url, struct place *ret, struct error **err) MUST_USE;
char *place_origin(const struct place *p) MUST_USE;
void place_free(struct place *p);
/* Where a Location leads, or NULL. */
char *url_join(const char *base, const char *location) MUST_USE;

/* One hop of one request. */
struct transfer {
	struct http *http;
	const struct http_request *request;
	struct http_response *response;
	struct worker *worker;
	const char *url;
	uint64_t number; /* of all of this process, from 1 */
	struct place place;
	bool credentials;   /* may be sent to this hop */
	int64_t timeout_ms; /* what is left of the request's */
	struct curl_slist *headers;
	char message[CURL_ERROR_SIZE];
	size_t sent; /* bytes of the body */
	size_t headers_len;
	unsigned begun;		  /* how often libcurl was about to send the request on a connection that stands */
	int64_t active_ms;	  /* when the last byte moved */
	int dialled, placeholder; /* a connection made by options.dial, and the descriptor that it will have; -1: none */
	struct error *error;	  /* why a callback of ours ended it */
};

/* http_proxy.c: the options of this hop. */
void transfer_set_proxy(const struct transfer *t);
/* Its proxy, for people: NULL where it is none, or the environment's. */
char *transfer_proxy(const struct transfer *t) MUST_USE;

/* http_log.c: what --debug shows of it. */
void transfer_log_request(const struct transfer *t);
void transfer_log_answer(const struct transfer *t, const struct error *error);
/* Whether this header of the request goes along: credentials stay behind when a redirection leads elsewhere. */
bool transfer_sends(const struct transfer *t, const char *header);
/* Runs it to its end: libcurl's result; t->error is set where we ended it ourselves. */
CURLcode transfer_run(struct transfer *t);
const char *http_method(const struct http_request *r);
bool http_is_safe(const struct http_request *r); /* GET or HEAD */
