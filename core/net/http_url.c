/* URLs by libcurl's own parser, so that nobody disagrees with it on which host is meant. */
#include "core/base/alloc.h"
#include "core/net/http_private.h"
#include "core/net/mask.h"

void place_free(struct place *p)
{
	free(p->scheme);
	free(p->host);
}

static char *url_part(CURLU *u, CURLUPart part)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return xstrdup("");
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

int place_parse(const char *url, struct place *ret, struct error **err)
{
	CURLU *u = curl_url();
	CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
	CLEANUP_FREE char *port = NULL;

	if (code != CURLUE_OK) {
		CLEANUP_FREE char *shown = mask_url(url);

		curl_url_cleanup(u);
		return error_set(err, ERROR_CONFIG, "\"%s\" is not a URL: %s (expected https://HOST[:PORT]/…)", shown,
				 curl_url_strerror(code));
	}
	ret->scheme = url_part(u, CURLUPART_SCHEME);
	ret->host = url_part(u, CURLUPART_HOST);
	port = url_part(u, CURLUPART_PORT);
	ret->port = (uint16_t)strtoul(port, NULL, 10);
	curl_url_cleanup(u);
	if (ret->host[0] == '[') { /* getaddrinfo() and dial() want an IPv6 address bare */
		ret->host[strcspn(ret->host, "]")] = '\0';
		memmove(ret->host, ret->host + 1, strlen(ret->host));
	}
	for (char *p = ret->host; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return 0;
}

char *place_origin(const struct place *p)
{
	if (strcmp(p->scheme, "file") == 0)
		return xstrdup("file://");
	return xasprintf(strchr(p->host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", p->scheme, p->host, p->port);
}

int http_origin(const char *url, char **ret, struct error **err)
{
	CLEANUP(place_free) struct place p = {0};

	if (place_parse(url, &p, err) < 0)
		return -1;
	*ret = place_origin(&p);
	return 0;
}

char *url_join(const char *base, const char *location)
{
	CURLU *u = curl_url();
	char *text = NULL, *copy = NULL;

	if (curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return copy;
}

char *http_escape(const char *s)
{
	struct buf out = BUF_INIT;

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL)
			buf_add_char(&out, *s);
		else
			buf_addf(&out, "%%%02X", c);
	}
	return buf_steal(&out);
}
