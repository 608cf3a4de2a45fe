#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/net/http_private.h"
#include "core/net/limiter.h"
#include "core/net/mask.h"
#include <signal.h>
#include <stdatomic.h>

enum { IDLE_MAX = 32, REDIRECTS_MAX = 10 };

static atomic_uint_fast64_t requests_total;

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	signal(SIGPIPE, SIG_IGN); /* CURLOPT_NOSIGNAL leaves that to the program */
}

void http_global_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

uint64_t http_requests_total(void)
{
	return atomic_load(&requests_total);
}

uint64_t http_requests(struct http *h)
{
	return atomic_load(&h->requests);
}

static void share_lock(CURL *easy UNUSED, curl_lock_data data, curl_lock_access access UNUSED, void *context)
{
	struct http *h = context;

	pthread_mutex_lock(&h->share_locks[data]);
}

static void share_unlock(CURL *easy UNUSED, curl_lock_data data, void *context)
{
	struct http *h = context;

	pthread_mutex_unlock(&h->share_locks[data]);
}

static void share_init(struct http *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(h->share_locks); i++)
		pthread_mutex_init(&h->share_locks[i], NULL);
	h->share = curl_share_init();
	if (h->share == NULL)
		abort();
	curl_share_setopt(h->share, CURLSHOPT_LOCKFUNC, share_lock);
	curl_share_setopt(h->share, CURLSHOPT_UNLOCKFUNC, share_unlock);
	curl_share_setopt(h->share, CURLSHOPT_USERDATA, h);
	curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

/* libcurl takes one file and one folder of authorities: where the system's are a file, both are joined in memory. */
static int trust_file(struct http *h, struct error **err)
{
	curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	CLEANUP_BUF struct buf both = BUF_INIT;

	if (path_read(h->ca_file, &both, err) < 0)
		return error_wrap(err, "read the authorities to trust (cacert)");
	if (strstr(buf_str(&both), "-----BEGIN ") == NULL)
		return error_set(err, ERROR_CONFIG, "%s: holds no PEM certificate (cacert must name a PEM file)", h->ca_file);
	if ((info->capath != NULL && path_exists(info->capath)) || info->cainfo == NULL || !path_exists(info->cainfo))
		return 0;
	buf_add_char(&both, '\n');
	if (path_read(info->cainfo, &both, err) < 0)
		return error_wrap(err, "read the system's authorities");
	h->ca_both = buf_steal(&both);
	return 0;
}

static int check_file(const char *path, const char *what, struct error **err)
{
	if (path == NULL || path_exists(path))
		return 0;
	return error_set(err, ERROR_CONFIG, "%s: there is no such file (the %s of the TLS client)", path, what);
}

static char *expand(const char *path)
{
	return path != NULL ? path_expand(path) : NULL;
}

int http_new(const struct http_options *options, struct http **ret, struct error **err)
{
	struct http *h = xnew(struct http);

	http_global_init();
	h->options = *options;
	h->ca_file = expand(options->ca_file);
	h->ca_pem = xstrdup(options->ca_pem);
	h->client_cert = expand(options->client_cert);
	h->client_key = expand(options->client_key);
	h->limiter = limiter_new();
	pthread_mutex_init(&h->lock, NULL);
	share_init(h);
	/* An address that is never used: the connection comes from dial(), and nobody asks DNS for the host. */
	if (options->dial != NULL)
		h->connect_to = curl_slist_append(NULL, "::127.0.0.1:");
	if ((h->ca_file != NULL && h->ca_pem == NULL && trust_file(h, err) < 0) ||
	    check_file(h->client_cert, "certificate", err) < 0 || check_file(h->client_key, "key", err) < 0) {
		http_free(h);
		return -1;
	}
	*ret = h;
	return 0;
}

static void worker_free(struct worker *w)
{
	curl_easy_cleanup(w->easy);
	curl_multi_cleanup(w->multi);
	free(w->origin);
	free(w);
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (h->idle != NULL) {
		struct worker *w = h->idle;

		h->idle = w->next;
		worker_free(w);
	}
	curl_share_cleanup(h->share);
	for (size_t i = 0; i < ARRAY_SIZE(h->share_locks); i++)
		pthread_mutex_destroy(&h->share_locks[i]);
	pthread_mutex_destroy(&h->lock);
	curl_slist_free_all(h->connect_to);
	limiter_free(h->limiter);
	free(h->ca_file);
	free(h->ca_pem);
	free(h->ca_both);
	free(h->client_cert);
	free(h->client_key);
	free(h);
}

void http_free_ptr(struct http **h)
{
	http_free(*h);
	*h = NULL;
}

struct limiter *http_limiter(struct http *h)
{
	return h->limiter;
}

static struct worker *worker_new(void)
{
	struct worker *w = xnew(struct worker);

	w->easy = curl_easy_init();
	w->multi = curl_multi_init();
	if (w->easy == NULL || w->multi == NULL)
		abort(); /* out of memory or of file descriptors */
	return w;
}

/* An idle worker that talked to this origin last, else any, else a new one. */
static struct worker *worker_take(struct http *h, const char *origin)
{
	struct worker **found = NULL;
	struct worker *w = NULL;

	pthread_mutex_lock(&h->lock);
	for (struct worker **p = &h->idle; *p != NULL; p = &(*p)->next)
		if (strcmp((*p)->origin, origin) == 0) {
			found = p;
			break;
		}
	if (found == NULL && h->n_idle == IDLE_MAX)
		found = &h->idle;
	if (found != NULL) {
		w = *found;
		*found = w->next;
		h->n_idle--;
	}
	pthread_mutex_unlock(&h->lock);
	if (w == NULL)
		w = worker_new();
	free(w->origin);
	w->origin = xstrdup(origin);
	return w;
}

static void worker_give(struct http *h, struct worker *w)
{
	bool kept = false;

	curl_easy_reset(w->easy); /* its options point into what the caller is about to free */
	pthread_mutex_lock(&h->lock);
	if (h->n_idle < IDLE_MAX) {
		w->next = h->idle;
		h->idle = w;
		h->n_idle++;
		kept = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (!kept)
		worker_free(w);
}

/* How an end of libcurl is told; what libcurl itself says goes behind it in parentheses. */
static const struct failure {
	CURLcode code;
	enum error_kind kind;
	bool hopeless;
	const char *text;
} failures[] = {
	{CURLE_COULDNT_RESOLVE_HOST, ERROR_NETWORK, false,
	 "the host name cannot be resolved: check its spelling and this machine's DNS"},
	{CURLE_COULDNT_RESOLVE_PROXY, ERROR_NETWORK, false,
	 "the proxy's name cannot be resolved: check proxy in the cluster file, else http_proxy and https_proxy"},
	{CURLE_COULDNT_CONNECT, ERROR_NETWORK, false,
	 "no connection: is the address right, the service up, and the way there open?"},
	{CURLE_SSL_CONNECT_ERROR, ERROR_NETWORK, false, "the TLS handshake failed: does the port speak TLS 1.2 or later?"},
	{CURLE_SSL_CERTPROBLEM, ERROR_NETWORK, true,
	 "the client's certificate or key cannot be used: check cert and key in clouds.yaml"},
	{CURLE_SSL_CACERT_BADFILE, ERROR_NETWORK, true,
	 "the file of trusted authorities cannot be read: check cacert in clouds.yaml"},
	{CURLE_URL_MALFORMAT, ERROR_CONFIG, true, "the URL is malformed"},
	{CURLE_UNSUPPORTED_PROTOCOL, ERROR_CONFIG, true, "the URL is of a kind that is not supported (http, https and file are)"},
	{CURLE_GOT_NOTHING, ERROR_NETWORK, false, "the connection was closed without an answer"},
	{CURLE_SEND_FAIL_REWIND, ERROR_NETWORK, false, "the connection was closed without an answer"},
	{CURLE_PARTIAL_FILE, ERROR_NETWORK, false, "the answer broke off"},
	{CURLE_RECV_ERROR, ERROR_NETWORK, false, "the connection broke while the answer was awaited"},
	{CURLE_SEND_ERROR, ERROR_NETWORK, false, "the connection broke while the request was sent"},
	{CURLE_WEIRD_SERVER_REPLY, ERROR_NETWORK, false, "the answer is not HTTP"},
};

static const char *certificate_advice(const struct transfer *t)
{
	if (strstr(t->message, "expired") != NULL || strstr(t->message, "not yet valid") != NULL)
		return "the server's certificate is not valid now: renew it, or set this machine's clock";
	if (strstr(t->message, "subject name") != NULL || strstr(t->message, "does not match") != NULL)
		return "the server's certificate is for another name: use a host name that it holds";
	if (t->http->ca_pem != NULL)
		return "the server's certificate is not signed by the authority that is expected here";
	return "the server's certificate is not trusted: name the file of the authority that signed it as cacert in clouds.yaml";
}

/* Signed by another authority of the same name: what OpenSSL says first comes from the arithmetic, not from TLS. */
static bool is_bad_signature(CURLcode code, const char *said)
{
	return code == CURLE_SSL_CONNECT_ERROR && strstr(said, "error:") != NULL && strstr(said, "SSL routines") == NULL;
}

/* "CONNECT tunnel failed, response 407": the service has not seen anything, and another try gets no further. */
static bool is_refused_by_proxy(const struct transfer *t, const char *said)
{
	return t->begun == 0 && (strstr(said, "CONNECT tunnel failed") != NULL || strstr(said, "from proxy after CONNECT") != NULL);
}

static int fail(struct transfer *t, CURLcode code, struct error **err)
{
	CLEANUP_FREE char *url = mask_url(t->url);
	const char *method = http_method(t->request);
	const char *said = t->message[0] != '\0' ? t->message : curl_easy_strerror(code);

	if (code == CURLE_COULDNT_RESOLVE_PROXY && strchr(said, '@') != NULL)
		said = "what is set holds more than http://[USER:PASSWORD@]HOST:PORT"; /* libcurl would repeat it with its password */
	if (code == CURLE_UNSUPPORTED_PROTOCOL && t->begun > 0)
		code = CURLE_WEIRD_SERVER_REPLY; /* no status line: HTTP/0.9, says libcurl */
	if (code == CURLE_PEER_FAILED_VERIFICATION || is_bad_signature(code, said)) {
		t->response->hopeless = true;
		return error_set(err, ERROR_NETWORK, "%s %s: %s (%s)", method, url, certificate_advice(t), said);
	}
	if (is_refused_by_proxy(t, said)) {
		t->response->hopeless = strstr(said, " 502") == NULL && strstr(said, " 503") == NULL && strstr(said, " 504") == NULL;
		return error_set(err, ERROR_NETWORK,
				 "%s %s: the proxy refused to connect: check proxy in the cluster file, else https_proxy and no_proxy (%s)",
				 method, url, said);
	}
	if (code == CURLE_OPERATION_TIMEDOUT && t->begun == 0)
		return error_set(err, ERROR_NETWORK,
				 "%s %s: no connection in time: is the address right, and the way there open? (%s)", method, url,
				 said);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, ERROR_TIMEOUT, "%s %s: no complete answer within %.1f s (%s)", method, url,
				 (double)t->timeout_ms / 1000, said);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].code != code)
			continue;
		t->response->hopeless = failures[i].hopeless;
		return error_set(err, failures[i].kind, "%s %s: %s (%s)", method, url, failures[i].text, said);
	}
	return error_set(err, ERROR_NETWORK, "%s %s: %s", method, url, said);
}

/* The result of one hop.  A file is answered as if by a server. */
static int conclude(struct transfer *t, CURLcode code, struct error **err)
{
	struct http_response *r = t->response;
	bool is_file = strcmp(t->place.scheme, "file") == 0;
	long status = 0;

	curl_easy_getinfo(t->worker->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	r->outcome = t->begun > 0 ? HTTP_AMBIGUOUS : HTTP_NOT_SENT;
	if (code != CURLE_OK && cancel_check(err) < 0)
		return -1;
	if (t->error != NULL) {
		CLEANUP_FREE char *url = mask_url(t->url);

		error_move(err, steal_ptr(t->error));
		return error_wrap(err, "%s %s", http_method(t->request), url);
	}
	if (is_file && (code == CURLE_OK || code == CURLE_FILE_COULDNT_READ_FILE)) {
		r->status = code == CURLE_OK ? 200 : 404;
		code = CURLE_OK;
	}
	if (code != CURLE_OK)
		return fail(t, code, err);
	r->outcome = HTTP_ANSWERED;
	return 0;
}

static int hop(struct transfer *t, struct error **err)
{
	CLEANUP_FREE char *origin = NULL;
	CLEANUP_ERROR struct error *error = NULL;
	int64_t start = clock_ms();
	int r;

	if (cancel_check(err) < 0)
		return -1;
	if (place_parse(t->url, &t->place, err) < 0) {
		t->response->hopeless = true;
		return -1;
	}
	if (strcmp(t->place.scheme, "file") == 0 && !http_is_safe(t->request)) {
		t->response->hopeless = true;
		return error_set(err, ERROR_CONFIG, "%s %s: files can only be read", http_method(t->request), t->url);
	}
	origin = place_origin(&t->place);
	t->number = atomic_fetch_add(&requests_total, 1) + 1;
	atomic_fetch_add(&t->http->requests, 1);
	if (log_enabled(LOG_DEBUG))
		transfer_log_request(t);
	t->worker = worker_take(t->http, origin);
	r = conclude(t, transfer_run(t), &error);
	t->response->seconds = (double)(clock_ms() - start) / 1000;
	if (log_enabled(LOG_DEBUG))
		transfer_log_answer(t, error);
	worker_give(t->http, t->worker);
	return r < 0 ? error_move(err, steal_ptr(error)) : 0;
}

/* The next URL, or NULL when this answer is the last. */
static char *redirection(const struct http_request *request, const char *url, const struct http_response *r)
{
	const char *location = http_header(r, "location");
	bool any_method = r->status == 307 || r->status == 308;

	if (!request->follow || location == NULL)
		return NULL;
	if (!any_method && (r->status < 301 || r->status > 303 || !http_is_safe(request)))
		return NULL;
	if (!http_is_safe(request) && request->read != NULL)
		return NULL;
	return url_join(url, location);
}

static bool same_origin(const char *a, const char *b)
{
	CLEANUP_FREE char *origin_a = NULL, *origin_b = NULL;

	return http_origin(a, &origin_a, NULL) == 0 && http_origin(b, &origin_b, NULL) == 0 && strcmp(origin_a, origin_b) == 0;
}

int http_perform(struct http *h, const struct http_request *request, struct http_response *ret, struct error **err)
{
	int64_t start = clock_ms(), total = request->timeout_ms > 0 ? request->timeout_ms : HTTP_TIMEOUT_MS;
	CLEANUP_FREE char *url = xstrdup(request->url);
	bool credentials = true;

	*ret = HTTP_RESPONSE_INIT;
	for (int hops = 0;; hops++) {
		struct transfer t = {.http = h, .request = request, .response = ret, .url = url, .credentials = credentials};
		CLEANUP_FREE char *next = NULL;
		int64_t left = start + total - clock_ms();
		int r;

		t.timeout_ms = left > 0 ? left : 1;
		ret->outcome = HTTP_NOT_SENT;
		r = hop(&t, err);
		ret->seconds = (double)(clock_ms() - start) / 1000;
		place_free(&t.place);
		error_clear(&t.error);
		next = r == 0 ? redirection(request, url, ret) : NULL;
		if (next == NULL)
			return r;
		if (hops == REDIRECTS_MAX || strncmp(next, "http", 4) != 0) {
			CLEANUP_FREE char *shown = mask_url(next);

			ret->hopeless = true;
			return error_set(err, ERROR_REMOTE,
					 "%s %s: not following to %s (more than %d redirections, or no web address)",
					 http_method(request), url, shown, REDIRECTS_MAX);
		}
		credentials = credentials && same_origin(url, next);
		http_response_free(ret);
		free(url);
		url = steal_ptr(next);
	}
}

const char *http_header(const struct http_response *r, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < r->headers.n; i++)
		if (strncmp(r->headers.v[i], name, n) == 0 && r->headers.v[i][n] == ':')
			return r->headers.v[i] + n + (r->headers.v[i][n + 1] == ' ' ? 2 : 1);
	return NULL;
}

void http_response_free(struct http_response *r)
{
	strv_free(&r->headers);
	buf_wipe(&r->body); /* may hold a token */
	*r = HTTP_RESPONSE_INIT;
}
