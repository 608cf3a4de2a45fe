/* What --debug shows: each request as a line of curl that can be run again once its secrets are put back, and its answer. */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/net/http_private.h"
#include "core/net/mask.h"

static void add_option(struct buf *line, const char *option, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(line, " %s ", option);
	buf_add_shell(line, value);
}

/* -X HEAD would wait for a body. */
static void add_method(struct buf *line, const struct transfer *t)
{
	const char *method = http_method(t->request);

	if (strcmp(method, "HEAD") == 0)
		buf_add(line, " --head");
	else if (strcmp(method, "GET") != 0 || t->request->body_len > 0)
		buf_addf(line, " -X %s", method);
}

static void add_trust(struct buf *line, const struct http *h)
{
	add_option(line, "--cacert", h->ca_file);
	add_option(line, "--cert", h->client_cert);
	add_option(line, "--key", h->client_key);
	if (h->options.insecure)
		buf_add(line, " --insecure");
}

static void add_proxy(struct buf *line, const struct transfer *t)
{
	CLEANUP_FREE char *proxy = transfer_proxy(t);

	add_option(line, "--proxy", proxy);
	if (t->http->options.no_proxy || t->http->options.dial != NULL)
		buf_add(line, " --noproxy '*'");
}

static void add_headers(struct buf *line, const struct transfer *t)
{
	const struct http_request *r = t->request;

	for (size_t i = 0; r->headers != NULL && i < r->headers->n; i++) {
		CLEANUP_BUF struct buf masked = BUF_INIT;

		if (!transfer_sends(t, r->headers->v[i]))
			continue;
		mask_header(&masked, r->headers->v[i]);
		add_option(line, "-H", buf_str(&masked));
	}
	if (t->credentials && r->user != NULL) {
		CLEANUP_FREE char *user = xasprintf("%s:***", r->user);

		if (r->signature != NULL)
			add_option(line, "--aws-sigv4", r->signature);
		add_option(line, "-u", user);
	}
}

static void add_body(struct buf *line, const struct transfer *t)
{
	const struct http_request *r = t->request;
	CLEANUP_BUF struct buf masked = BUF_INIT;

	if (r->body_len == 0)
		return;
	if (r->read != NULL) {
		buf_addf(&masked, "@FILE OF %zu BYTES", r->body_len);
		add_option(line, "--data-binary", buf_str(&masked));
		return;
	}
	mask_body(&masked, t->url, r->body, r->body_len, MASK_REQUEST);
	add_option(line, "--data-raw", buf_str(&masked));
}

void transfer_log_request(const struct transfer *t)
{
	CLEANUP_FREE char *url = mask_url(t->url);
	CLEANUP_BUF struct buf line = BUF_INIT;

	buf_addf(&line, "[%llu] curl -gsS", (unsigned long long)t->number); /* -g: brackets of a query are no patterns */
	add_method(&line, t);
	add_trust(&line, t->http);
	add_proxy(&line, t);
	add_headers(&line, t);
	add_body(&line, t);
	buf_add_char(&line, ' ');
	buf_add_shell(&line, url);
	log_debug("%s", buf_str(&line));
}

static const char *request_id(const struct http_response *r)
{
	const char *id = http_header(r, "x-openstack-request-id");

	return id != NULL ? id : http_header(r, "x-compute-request-id");
}

void transfer_log_answer(const struct transfer *t, const struct error *error)
{
	CLEANUP_FREE char *url = mask_url(t->url);
	CLEANUP_BUF struct buf line = BUF_INIT;
	const struct http_response *r = t->response;
	const char *id = request_id(r);

	if (error != NULL) {
		log_debug("[%llu] after %.3f s: %s", (unsigned long long)t->number, r->seconds, error_message(error));
		return;
	}
	buf_addf(&line, "[%llu] %s %s: %d in %.3f s%s%s [", (unsigned long long)t->number, http_method(t->request), url, r->status,
		 r->seconds, id != NULL ? ", " : "", id != NULL ? id : "");
	mask_headers(&line, &r->headers);
	buf_add(&line, "]");
	if (r->body.len > 0) {
		buf_add_char(&line, ' ');
		mask_body(&line, t->url, r->body.data, r->body.len, r->status >= 400 ? MASK_ERROR : MASK_ANSWER);
	}
	log_debug("%s", buf_str(&line));
}
