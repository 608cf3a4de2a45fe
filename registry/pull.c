#include "registry/pull.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/net/retry.h"
#include <pthread.h>
#include <strings.h>

enum { DEADLINE_MS = 120 * 1000, ANSWER_MS = 30 * 1000, TOKEN_MAX = 64 * 1024 };

#define ACCEPT "Accept: " OCI_INDEX ", " OCI_MANIFEST ", " DOCKER_LIST ", " DOCKER_MANIFEST

struct pull {
	struct http *http;
	struct reference reference;
	char *name;  /* "registry.k8s.io/pause:3.10.2", for messages */
	char *base;  /* "https://registry.k8s.io/v2/pause", "file:///m/oci/registry.k8s.io/pause" */
	bool layout; /* base is an OCI layout's */
	pthread_mutex_t lock;
	char *token;	   /* under the lock; NULL: none yet */
	unsigned renewals; /* under the lock: how often token was got */
};

/* A registry on this machine may go without TLS, as Docker has it. */
static bool is_local(const char *host)
{
	size_t n = strcspn(host, ":");

	return (n == 9 && strncmp(host, "localhost", 9) == 0) || (n == 9 && strncmp(host, "127.0.0.1", 9) == 0);
}

struct pull *pull_new(struct http *http, const struct reference *reference, const char *mirror)
{
	struct pull *p = xnew(struct pull);
	const char *host = reference_api_host(reference);
	size_t n = mirror == NULL ? 0 : strlen(mirror);

	while (n > 0 && mirror[n - 1] == '/')
		n--;
	p->http = http;
	p->reference = (struct reference){.host = xstrdup(reference->host),
					  .repository = xstrdup(reference->repository),
					  .tag = xstrdup(reference->tag),
					  .digest = xstrdup(reference->digest)};
	p->name = xasprintf("%s/%s:%s", reference->host, reference->repository, reference->tag);
	p->layout = mirror != NULL;
	if (p->layout)
		p->base = xasprintf("%.*s/oci/%s/%s", (int)n, mirror, reference->host, reference->repository);
	else
		p->base = xasprintf("%s://%s/v2/%s", is_local(host) ? "http" : "https", host, reference->repository);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	reference_free(&p->reference);
	free(p->name);
	free(p->base);
	secret_free(p->token);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- tokens ---- */

/* The value of key="value" in a challenge; "" where it is not there. */
static char *challenge_field(const char *s, const char *key)
{
	size_t n = strlen(key);

	while (*s != '\0') {
		const char *value, *end;

		s += strspn(s, " ,\t");
		end = s + strcspn(s, "=,");
		if (*end != '=') {
			s = end;
			continue;
		}
		value = end + 1;
		if (*value == '"') {
			const char *close = strchr(++value, '"');

			if (close == NULL)
				break;
			if ((size_t)(end - s) == n && strncasecmp(s, key, n) == 0)
				return xstrndup(value, (size_t)(close - value));
			s = close + 1;
		} else {
			size_t len = strcspn(value, " ,\t");

			if ((size_t)(end - s) == n && strncasecmp(s, key, n) == 0)
				return xstrndup(value, len);
			s = value + len;
		}
	}
	return xstrdup("");
}

bool pull_parse_challenge(const char *header, char **ret_realm, char **ret_service, char **ret_scope)
{
	CLEANUP_FREE char *realm = NULL;

	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	realm = challenge_field(header + 7, "realm");
	if (strncmp(realm, "https://", 8) != 0 && !(strncmp(realm, "http://", 7) == 0 && is_local(realm + 7)))
		return false;
	*ret_realm = steal_ptr(realm);
	*ret_service = challenge_field(header + 7, "service");
	*ret_scope = challenge_field(header + 7, "scope");
	return true;
}

static char *token_url(const struct pull *p, const char *realm, const char *service, const char *scope)
{
	CLEANUP_FREE char *own = xasprintf("repository:%s:pull", p->reference.repository);
	CLEANUP_FREE char *s = http_escape(*scope == '\0' ? own : scope), *v = http_escape(service);

	return xasprintf("%s%cservice=%s&scope=%s", realm, strchr(realm, '?') == NULL ? '?' : '&', v, s);
}

static int ask_for_token(struct pull *p, const char *url, char **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	const char *token;

	if (fetch_text(p->http, url, NULL, TOKEN_MAX, &text, err) < 0)
		return error_wrap(err, "get an anonymous token for %s", p->name);
	if (json_parse(buf_str(&text), text.len, url, &o, err) < 0)
		return -1;
	token = json_get_str(o, "token", json_get_str(o, "access_token", NULL));
	if (token == NULL)
		return error_set(err, ERROR_AUTH, "GET %s: the answer holds no token for %s", url, p->name);
	*ret = xstrdup(token);
	return 0;
}

/* Another thread may have got a new one since `seen` was current: then there is nothing to do. */
static int renew_token(struct pull *p, const char *challenge, unsigned seen, struct error **err)
{
	CLEANUP_FREE char *realm = NULL, *service = NULL, *scope = NULL, *url = NULL;
	char *token = NULL;
	bool newer;

	pthread_mutex_lock(&p->lock);
	newer = p->renewals != seen;
	pthread_mutex_unlock(&p->lock);
	if (newer)
		return 0;
	if (!pull_parse_challenge(challenge, &realm, &service, &scope))
		return error_set(err, ERROR_AUTH,
				 "%s: the registry asks for a login (WWW-Authenticate: %s); davit pulls public images only: put "
				 "the image into a mirror and name that by --mirror",
				 p->name, challenge == NULL ? "none" : challenge);
	url = token_url(p, realm, service, scope);
	if (ask_for_token(p, url, &token, err) < 0)
		return -1;
	pthread_mutex_lock(&p->lock);
	secret_free(p->token);
	p->token = token;
	p->renewals++;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* Adds the Authorization header where there is a token; the number tells which. */
static unsigned add_token(struct pull *p, struct strv *headers)
{
	unsigned n;

	pthread_mutex_lock(&p->lock);
	if (p->token != NULL)
		strv_addf(headers, "Authorization: Bearer %s", p->token);
	n = p->renewals;
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* ---- manifests ---- */

/* One GET with the token there is; 401 is for the caller. */
static int get_with_token(struct pull *p, const char *url, struct http_response *ret, unsigned *ret_seen, struct error **err)
{
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {
		.url = url, .headers = &headers, .follow = true, .answer_max = OCI_MANIFEST_MAX, .timeout_ms = ANSWER_MS};

	strv_add(&headers, ACCEPT);
	*ret_seen = add_token(p, &headers);
	return retry_perform(p->http, &request, RETRY_A, clock_deadline(DEADLINE_MS), ret, err);
}

static int get_from_registry(struct pull *p, const char *url, struct buf *ret, struct error **err)
{
	for (int tries = 0;; tries++) {
		CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
		unsigned seen = 0;

		if (get_with_token(p, url, &r, &seen, err) < 0)
			return -1;
		if (r.status == 200) {
			buf_add_mem(ret, buf_str(&r.body), r.body.len);
			return 0;
		}
		if (r.status != 401 || tries == 2)
			return fetch_status_error("GET", url, &r, err);
		if (renew_token(p, http_header(&r, "www-authenticate"), seen, err) < 0)
			return -1;
	}
}

/* A manifest or index: by digest, checked, or (NULL) what the tag or the layout's index.json says. */
static int get_document(struct pull *p, const char *digest, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *url = NULL;

	if (p->layout && digest == NULL)
		url = xasprintf("%s/index.json", p->base);
	else if (p->layout)
		url = xasprintf("%s/blobs/sha256/%s", p->base, digest + 7);
	else
		url = xasprintf("%s/manifests/%s", p->base, digest == NULL ? p->reference.tag : digest);
	if ((p->layout ? fetch_text(p->http, url, NULL, OCI_MANIFEST_MAX, ret, err) : get_from_registry(p, url, ret, err)) < 0)
		return -1;
	return digest == NULL ? 0 : oci_check(buf_str(ret), ret->len, digest, url, err);
}

/* From an index down to a manifest; ref: the name in a layout's index.json. */
static int descend(struct pull *p, struct json_object *index, const char *ref, struct buf *bytes, struct error **err)
{
	CLEANUP_DESCRIPTOR struct descriptor d = {0};

	if (index_pick(index, ref, &d, err) < 0)
		return -1;
	buf_truncate(bytes, 0);
	return get_document(p, d.digest, bytes, err);
}

/* Where the file pins a digest, the document that the tag names must be it: the index of several platforms, or the manifest. */
static int first_document(struct pull *p, struct buf *bytes, struct error **err)
{
	CLEANUP_JSON struct json_object *index = NULL;

	if (!p->layout)
		return get_document(p, p->reference.digest, bytes, err);
	if (get_document(p, NULL, bytes, err) < 0 || json_parse(buf_str(bytes), bytes->len, "index.json", &index, err) < 0)
		return -1;
	if (descend(p, index, p->reference.tag, bytes, err) < 0)
		return -1;
	return p->reference.digest == NULL ? 0
					   : oci_check(buf_str(bytes), bytes->len, p->reference.digest, "the pinned image", err);
}

int pull_manifest(struct pull *p, struct buf *ret_bytes, struct manifest *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (first_document(p, ret_bytes, err) < 0 || json_parse(buf_str(ret_bytes), ret_bytes->len, "manifest", &o, err) < 0)
		return error_wrap(err, "image %s", p->name);
	for (int depth = 0; oci_is_index(o) && depth < 2; depth++) { /* an index may hold an index, once */
		if (descend(p, o, NULL, ret_bytes, err) < 0)
			return error_wrap(err, "image %s", p->name);
		json_free_ptr(&o);
		if (json_parse(buf_str(ret_bytes), ret_bytes->len, "manifest", &o, err) < 0)
			return error_wrap(err, "image %s", p->name);
	}
	return manifest_parse(o, ret, err) < 0 ? error_wrap(err, "image %s: manifest", p->name) : 0;
}

/* ---- blobs ---- */

static int try_blob(struct pull *p, struct fetch *f, unsigned *ret_seen, struct error **err)
{
	CLEANUP_STRV struct strv headers = STRV_INIT;
	char digest[OCI_DIGEST_LEN + 1];
	int64_t size;

	*ret_seen = add_token(p, &headers);
	f->headers = &headers;
	return fetch_blob(f, digest, &size, err);
}

/* The challenge of a blob that was refused: ask again without wanting the bytes. */
static int renew_for(struct pull *p, const char *url, unsigned seen, struct error **err)
{
	struct http_request request = {.method = "HEAD", .url = url, .timeout_ms = ANSWER_MS};
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

	if (retry_perform(p->http, &request, RETRY_A, clock_deadline(DEADLINE_MS), &r, err) < 0)
		return -1;
	if (r.status != 401)
		return fetch_status_error("HEAD", url, &r, err);
	return renew_token(p, http_header(&r, "www-authenticate"), seen, err);
}

int pull_blob(struct pull *p, const char *folder, const struct descriptor *blob, fetch_progress *progress, void *context,
	      struct error **err)
{
	CLEANUP_FREE char *url = p->layout ? xasprintf("%s/blobs/sha256/%s", p->base, blob->digest + 7)
					   : xasprintf("%s/blobs/%s", p->base, blob->digest);
	struct fetch f = {.http = p->http,
			  .folder = folder,
			  .url = url,
			  .digest = blob->digest,
			  .size = blob->size,
			  .progress = progress,
			  .context = context};

	for (int tries = 0;; tries++) { /* a token lives minutes, a large layer may take longer */
		CLEANUP_ERROR struct error *why = NULL;
		unsigned seen = 0;

		if (try_blob(p, &f, &seen, &why) == 0)
			return 0;
		if (p->layout || !error_is(why, ERROR_AUTH) || tries == 5) {
			error_move(err, steal_ptr(why));
			return error_wrap(err, "image %s", p->name);
		}
		if (renew_for(p, url, seen, err) < 0)
			return error_wrap(err, "image %s", p->name);
	}
}
