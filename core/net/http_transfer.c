#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/net/http_headers.h"
#include "core/net/http_private.h"
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECT_MS = 10000,
	IDLE_AGE_S = 8, /* front ends close idle connections after as little as 10 s */
	HEADERS_MAX = 256 * 1024,
	UPLOAD_CHUNK = 512 * 1024, /* read at once of a streamed body */
	TICK_MS = 1000
};
static const size_t answer_default = 64u * 1024 * 1024;

static size_t on_read(char *p, size_t size, size_t items, void *context)
{
	struct transfer *t = context;
	const struct http_request *r = t->request;
	size_t room = size * items, left = r->body_len - t->sent, n = 0;

	if (room > left)
		room = left;
	t->active_ms = clock_ms();
	if (room == 0)
		return 0;
	if (r->read == NULL) {
		memcpy(p, (const char *)r->body + t->sent, room);
		n = room;
	} else if (r->read(p, room, &n, r->read_context, &t->error) < 0) {
		return CURL_READFUNC_ABORT;
	}
	if (n == 0) {
		error_set(&t->error, ERROR_INTERNAL, "the body ended %zu bytes early", left);
		return CURL_READFUNC_ABORT;
	}
	t->sent += n;
	return n;
}

/* The body cannot be rewound: libcurl must not send a request again by itself. */
static int on_seek(void *context UNUSED, curl_off_t offset UNUSED, int origin UNUSED)
{
	return CURL_SEEKFUNC_FAIL;
}

const char *http_method(const struct http_request *r)
{
	return r->method != NULL ? r->method : "GET";
}

bool http_is_safe(const struct http_request *r)
{
	return strcmp(http_method(r), "GET") == 0 || strcmp(http_method(r), "HEAD") == 0;
}

static bool is_success(const struct transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->worker->easy, CURLINFO_RESPONSE_CODE, &status);
	return status / 100 == 2 || status == 0; /* 0: a file */
}

static size_t answer_max(const struct transfer *t)
{
	return t->request->answer_max != 0 ? t->request->answer_max : answer_default;
}

static bool is_streamed(const struct transfer *t)
{
	return t->request->write != NULL && is_success(t);
}

static void refuse_size(struct transfer *t)
{
	t->response->hopeless = true;
	error_set(&t->error, ERROR_REMOTE, "the answer is larger than the %zu bytes that are taken", answer_max(t));
}

static size_t on_write(char *p, size_t size, size_t n, void *context)
{
	struct transfer *t = context;
	const struct http_request *r = t->request;

	n *= size;
	t->active_ms = clock_ms();
	if (cancel_requested()) /* a file is read in one go */
		return 0;
	if (is_streamed(t)) {
		if (r->write(p, n, r->write_context, &t->error) == 0)
			return n;
		return 0;
	}
	if (n > answer_max(t) - t->response->body.len) {
		refuse_size(t);
		return 0;
	}
	buf_add_mem(&t->response->body, p, n);
	return n;
}

static size_t on_header(char *line, size_t size, size_t items, void *context)
{
	struct transfer *t = context;
	size_t all = size * items, n = all;
	const char *length;

	t->active_ms = clock_ms();
	t->headers_len += n;
	if (t->headers_len > HEADERS_MAX) {
		error_set(&t->error, ERROR_REMOTE, "the answer's headers are larger than %d bytes", HEADERS_MAX);
		return 0;
	}
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
		strv_free(&t->response->headers); /* the one before was an interim answer */
	else if (n > 0)
		http_headers_keep(&t->response->headers, line, n);
	length = n == 0 ? http_header(t->response, "content-length") : NULL;
	if (length != NULL && strcmp(http_method(t->request), "HEAD") != 0 && !is_streamed(t) &&
	    strtoull(length, NULL, 10) > answer_max(t)) {
		refuse_size(t);
		return 0;
	}
	return all;
}

/*
 * A dialled connection.  libcurl 7.88 connects every socket, also one that CURL_SOCKOPT_ALREADY_CONNECTED says is connected.
 * So it gets a datagram socket, which connects at once and sends nothing, and before the first byte is written (by TLS, else by
 * HTTP) its descriptor is made to mean the dialled connection.
 */
static curl_socket_t on_open(void *context, curlsocktype purpose UNUSED, struct curl_sockaddr *address)
{
	struct transfer *t = context;
	const struct http_options *o = &t->http->options;
	int placeholder = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (placeholder < 0) {
		error_errno(&t->error, errno, "socket");
		return CURL_SOCKET_BAD;
	}
	if (o->dial(o->dial_context, t->place.host, t->place.port, &t->dialled, &t->error) < 0) {
		close(placeholder);
		return CURL_SOCKET_BAD;
	}
	t->placeholder = placeholder;
	return placeholder;
}

static void drop_dialled(struct transfer *t)
{
	if (t->dialled >= 0)
		close(t->dialled);
	t->dialled = -1;
}

static void use_dialled(struct transfer *t)
{
	if (t->dialled < 0)
		return;
	fcntl(t->dialled, F_SETFL, fcntl(t->dialled, F_GETFL) | O_NONBLOCK);
	dup3(t->dialled, t->placeholder, O_CLOEXEC);
	drop_dialled(t);
}

static CURLcode on_tls(CURL *easy UNUSED, void *ssl_context UNUSED, void *context)
{
	use_dialled(context);
	return CURLE_OK;
}

/* Called each time that libcurl has a connection and is about to send.  A second time means that a reused connection died
 * without an answer and libcurl tries another one: fine for a GET, but a POST without a body would slip past on_seek(). */
static int on_begin(void *context, char *remote UNUSED, char *local UNUSED, int remote_port UNUSED, int local_port UNUSED)
{
	struct transfer *t = context;

	use_dialled(t);
	t->active_ms = clock_ms();
	return t->begun++ > 0 && !http_is_safe(t->request) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- one transfer ---- */

#define SET(option, value) curl_easy_setopt(easy, option, value)

static void set_trust(CURL *easy, const struct http *h)
{
	const char *pem = h->ca_pem != NULL ? h->ca_pem : h->ca_both;
	struct curl_blob blob = {.data = (void *)(uintptr_t)pem, .len = pem != NULL ? strlen(pem) : 0, .flags = CURL_BLOB_NOCOPY};

	if (h->ca_file != NULL)
		SET(CURLOPT_CAINFO, h->ca_file);
	if (pem != NULL) {
		SET(CURLOPT_CAINFO, NULL);
		SET(CURLOPT_CAPATH, NULL);
		SET(CURLOPT_CAINFO_BLOB, &blob);
	}
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, h->options.insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, h->options.insecure ? 0L : 2L);
	if (h->client_cert != NULL)
		SET(CURLOPT_SSLCERT, h->client_cert);
	if (h->client_key != NULL)
		SET(CURLOPT_SSLKEY, h->client_key);
}

static void set_connection(CURL *easy, struct transfer *t)
{
	struct http *h = t->http;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_SHARE, h->share);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a cancelled request does not wait for the resolver's thread */
	SET(CURLOPT_PROTOCOLS_STR, "http,https,file");
	SET(CURLOPT_HTTP_VERSION, t->request->http1 ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	SET(CURLOPT_MAXAGE_CONN, (long)IDLE_AGE_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	transfer_set_proxy(t);
	if (h->options.dial != NULL) {
		SET(CURLOPT_CONNECT_TO, h->connect_to);
		SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
		SET(CURLOPT_OPENSOCKETDATA, t);
		SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
		SET(CURLOPT_SSL_CTX_DATA, t);
	}
}

static bool is_credential(const char *header)
{
	static const char *const names[] = {"Authorization:", "Cookie:", "X-Auth-Token:", "X-Subject-Token:", "X-Service-Token:"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncasecmp(header, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

bool transfer_sends(const struct transfer *t, const char *header)
{
	return t->credentials || !is_credential(header);
}

static void set_headers(CURL *easy, struct transfer *t)
{
	const struct strv *own = t->request->headers;

	/* one round trip less, and some front ends never answer it; libcurl 7.88 would sign that there is one */
	if (t->request->signature == NULL)
		t->headers = curl_slist_append(t->headers, "Expect:");
	for (size_t i = 0; own != NULL && i < own->n; i++)
		if (transfer_sends(t, own->v[i]))
			t->headers = curl_slist_append(t->headers, own->v[i]);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_USERAGENT, "davit/" DAVIT_VERSION);
	if (t->credentials && t->request->user != NULL) {
		if (t->request->signature != NULL)
			SET(CURLOPT_AWS_SIGV4, t->request->signature);
		else
			SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, t->request->user);
		SET(CURLOPT_PASSWORD, t->request->password);
	}
}

static bool has_body(const struct http_request *r)
{
	const char *m = http_method(r);

	return r->body_len > 0 || r->read != NULL || strcmp(m, "POST") == 0 || strcmp(m, "PUT") == 0 || strcmp(m, "PATCH") == 0;
}

static void set_request(CURL *easy, struct transfer *t)
{
	const struct http_request *r = t->request;
	const char *method = http_method(r);

	SET(CURLOPT_URL, t->url);
	if (has_body(r)) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_len);
		SET(CURLOPT_READFUNCTION, on_read);
		SET(CURLOPT_READDATA, t);
		SET(CURLOPT_SEEKFUNCTION, on_seek);
		SET(CURLOPT_UPLOAD_BUFFERSIZE, r->read != NULL ? (long)UPLOAD_CHUNK : 64L * 1024);
	}
	if (strcmp(method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0)
		SET(CURLOPT_CUSTOMREQUEST, method);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_write);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_PREREQFUNCTION, on_begin);
	SET(CURLOPT_PREREQDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->message);
}

/* How long the loop may sleep; 0 when the peer has stalled. */
static int64_t stall_left(const struct transfer *t)
{
	int64_t left;

	if (t->request->stall_ms <= 0 || t->begun == 0)
		return TICK_MS;
	left = t->active_ms + t->request->stall_ms - clock_ms();
	return left < 0 ? 0 : left > TICK_MS ? TICK_MS : left;
}

static CURLcode result_of(struct worker *w)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(w->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_FAILED_INIT;
}

/* libcurl until it has ended, or until we end it: then *t has the error. */
static CURLcode drive(struct transfer *t)
{
	struct curl_waitfd cancel = {.fd = cancel_fd(), .events = CURL_WAIT_POLLIN};
	int running = 1;

	for (;;) {
		int64_t left;

		if (curl_multi_perform(t->worker->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			return result_of(t->worker);
		if (cancel_requested())
			return CURLE_ABORTED_BY_CALLBACK;
		left = stall_left(t);
		if (left == 0) {
			error_set(&t->error, ERROR_TIMEOUT, "no byte moved for %lld ms", (long long)t->request->stall_ms);
			return CURLE_ABORTED_BY_CALLBACK;
		}
		if (curl_multi_poll(t->worker->multi, &cancel, cancel.fd >= 0 ? 1 : 0, (int)left, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
}

CURLcode transfer_run(struct transfer *t)
{
	CURL *easy = t->worker->easy;
	CURLcode code;

	t->active_ms = clock_ms();
	t->dialled = -1;
	set_request(easy, t);
	set_headers(easy, t);
	set_connection(easy, t);
	set_trust(easy, t->http);
	if (curl_multi_add_handle(t->worker->multi, easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	code = drive(t);
	curl_multi_remove_handle(t->worker->multi, easy);
	drop_dialled(t);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	return code;
}
