/* Proxies: the program's own settings before those of the environment. */
#include "core/base/alloc.h"
#include "core/net/http_private.h"
#include "core/net/mask.h"

static struct {
	bool set;
	char *http, *https, *no;
} own;

void http_use_proxies(const char *http, const char *https, const char *no)
{
	secret_free(own.http);
	secret_free(own.https);
	free(own.no);
	own.http = xstrdup(http);
	own.https = xstrdup(https);
	own.no = xstrdup(no);
	own.set = http != NULL || https != NULL;
}

static const char *own_proxy(const char *scheme)
{
	const char *proxy = strcmp(scheme, "https") == 0 ? own.https : own.http;

	return proxy != NULL ? proxy : ""; /* not the environment's */
}

static bool refuses(const struct transfer *t)
{
	return t->http->options.no_proxy || t->http->options.dial != NULL;
}

void transfer_set_proxy(const struct transfer *t)
{
	CURL *easy = t->worker->easy;

	if (refuses(t)) {
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	} else if (own.set) {
		curl_easy_setopt(easy, CURLOPT_PROXY, own_proxy(t->place.scheme));
		curl_easy_setopt(easy, CURLOPT_NOPROXY, own.no != NULL ? own.no : "");
	}
}

char *transfer_proxy(const struct transfer *t)
{
	return own.set && !refuses(t) ? mask_url(own_proxy(t->place.scheme)) : NULL;
}

/* As libcurl reads them: HTTP_PROXY is not among them, since a CGI's client may set that. */
static const char *of_environment(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return NULL;
}

static void describe(struct buf *b, const char *scheme, const char *proxy)
{
	CLEANUP_FREE char *shown = proxy != NULL && proxy[0] != '\0' ? mask_url(proxy) : xstrdup("none");

	buf_addf(b, "%s%s for %s", b->len > 0 ? ", " : "", shown, scheme);
}

char *http_describe_proxies(void)
{
	static const char *const https_names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
	static const char *const http_names[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
	const char *https = own.set ? own.https : of_environment(https_names);
	const char *http = own.set ? own.http : of_environment(http_names);
	struct buf b = BUF_INIT;

	if (https == NULL && http == NULL)
		return NULL;
	describe(&b, "https", https);
	describe(&b, "http", http);
	return buf_steal(&b);
}
