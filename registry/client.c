#include "registry/client.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/net/retry.h"
#include "registry/fetch.h"
#include "registry/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	DEADLINE_MS = 120 * 1000,
	ANSWER_MS = 60 * 1000,
	STALL_MS = 60 * 1000,
	WHOLE_MS = 6 * 3600 * 1000,
	TRIES = 4,
	POLL_MS = 100,
	PAGES_MAX = 1000
};

/* ---- requests ---- */

/* What a registry says in {"errors":[{"code":…,"message":…}]}. */
static char *reason(const struct http_response *r)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *code, *message;

	if (r->body.len == 0 || json_parse(buf_str(&r->body), r->body.len, "answer", &o, NULL) < 0)
		return xstrdup("");
	code = json_get_str(o, "errors[0].code", NULL);
	message = json_get_str(o, "errors[0].message", "");
	return code == NULL ? xstrdup("") : xasprintf(": %s (%s)", message, code);
}

static int refused(const struct client *c, const char *method, const char *url, const struct http_response *r, struct error **err)
{
	CLEANUP_FREE char *why = reason(r);

	if (r->status == 401 || r->status == 403)
		return error_set(err, ERROR_AUTH,
				 "%s %s: the registry refuses user \"%s\" with this password (status %d)%s; is it the registry "
				 "of this cluster?",
				 method, url, c->user == NULL ? "" : c->user, r->status, why);
	if (*why != '\0')
		return error_set(err, ERROR_REMOTE, "%s %s: answered %d%s", method, url, r->status, why);
	return fetch_status_error(method, url, r, err);
}

static struct http_request request_of(const struct client *c, const char *method, const char *url)
{
	return (struct http_request){
		.method = method, .url = url, .user = c->user, .password = c->password, .timeout_ms = ANSWER_MS, .http1 = true};
}

static int ask(const struct client *c, const char *method, const char *url, const struct strv *headers, struct http_response *ret,
	       struct error **err)
{
	struct http_request request = request_of(c, method, url);

	request.headers = headers;
	return retry_perform(c->http, &request, RETRY_A, clock_deadline(DEADLINE_MS), ret, err);
}

/* The bytes of an answer's digest header must be what was sent. */
static int check_digest(const char *method, const char *url, const struct http_response *r, const char *digest,
			struct error **err)
{
	const char *found = http_header(r, "docker-content-digest");

	if (found == NULL || strcmp(found, digest) == 0)
		return 0;
	return error_set(err, ERROR_REMOTE, "%s %s: the registry says that it has got %s, sent was %s", method, url, found,
			 digest);
}

int client_blob(const struct client *c, const char *repository, const char *digest, int64_t *ret_size, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s/v2/%s/blobs/%s", c->host, repository, digest);
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	const char *length;

	if (ask(c, "HEAD", url, NULL, &r, err) < 0)
		return -1;
	if (r.status == 404) {
		*ret_size = -1;
		return 0;
	}
	if (r.status != 200)
		return refused(c, "HEAD", url, &r, err);
	length = http_header(&r, "content-length");
	if (length == NULL)
		return error_set(err, ERROR_REMOTE, "HEAD %s: the answer has no Content-Length", url);
	*ret_size = strtoll(length, NULL, 10);
	return 0;
}

/* ---- uploads ---- */

/* The bytes of an upload, from a file or from memory. */
struct body {
	const struct client_upload *u;
	int fd;		    /* -1: */
	const char *memory; /* at the next byte */
	struct digest *digest;
	int64_t sent;
};

static int read_some(struct body *b, void *p, size_t n, size_t *ret_n, struct error **err)
{
	ssize_t got;

	if (b->fd < 0) {
		memcpy(p, b->memory, n);
		b->memory += n;
		*ret_n = n;
		return 0;
	}
	do
		got = read(b->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_errno(err, errno, "cannot read %s", b->u->path);
	if (got == 0)
		return error_set(err, ERROR_CONFIG, "%s ends after %lld of %lld bytes; fetch it again: davit bundle create",
				 b->u->path, (long long)b->sent, (long long)b->u->size);
	*ret_n = (size_t)got;
	return 0;
}

static int check_sent(struct body *b, struct error **err)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_final(steal_ptr(b->digest), hex);
	if (strcmp(hex, b->u->digest + 7) == 0)
		return 0;
	return error_set(
		err, ERROR_CONFIG,
		"%s is damaged: its bytes have the digest sha256:%s; remove that file, then fetch it again: davit bundle create",
		b->u->path, hex);
}

static int read_body(void *p, size_t n, size_t *ret_n, void *context, struct error **err)
{
	struct body *b = context;
	int64_t left = b->u->size - b->sent;

	if (read_some(b, p, (int64_t)n < left ? n : (size_t)left, ret_n, err) < 0)
		return -1;
	digest_update(b->digest, p, *ret_n);
	b->sent += (int64_t)*ret_n;
	if (b->u->progress != NULL)
		b->u->progress((int64_t)*ret_n, b->u->context);
	return b->sent == b->u->size ? check_sent(b, err) : 0;
}

/* Whatever host a Location names, the way to the registry is ours, and credentials go nowhere else. */
static char *own_url(const struct client *c, const char *location, const char *digest)
{
	const char *path = strstr(location, "://");

	path = path == NULL ? location : path + 3 + strcspn(path + 3, "/");
	return xasprintf("https://%s%s%s%cdigest=%s", c->host, *path == '/' ? "" : "/", path,
			 strchr(path, '?') == NULL ? '?' : '&', digest);
}

static int open_session(const struct client *c, const struct client_upload *u, char **ret_url, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s/v2/%s/blobs/uploads/", c->host, u->repository);
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	const char *location;

	if (ask(c, "POST", url, NULL, &r, err) < 0)
		return -1;
	location = http_header(&r, "location");
	if (r.status != 202 || location == NULL)
		return refused(c, "POST", url, &r, err);
	*ret_url = own_url(c, location, u->digest);
	return 0;
}

static int send_body(const struct client *c, struct body *b, const char *url, struct http_response *ret, struct error **err)
{
	struct http_request request = request_of(c, "PUT", url);
	CLEANUP_STRV struct strv headers = STRV_INIT;

	strv_add(&headers, "Content-Type: application/octet-stream");
	request.headers = &headers;
	request.read = read_body;
	request.read_context = b;
	request.body_len = (size_t)b->u->size;
	request.timeout_ms = WHOLE_MS;
	request.stall_ms = STALL_MS;
	return http_perform(c->http, &request, ret, err);
}

/* One attempt.  *ret_again: another may help. */
static int try_upload(const struct client *c, struct body *b, bool *ret_again, struct error **err)
{
	CLEANUP_FREE char *url = NULL;
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_ERROR struct error *why = NULL;

	*ret_again = false;
	if (open_session(c, b->u, &url, err) < 0) /* has its own retries */
		return -1;
	if (send_body(c, b, url, &r, &why) < 0) {
		*ret_again = (error_is(why, ERROR_NETWORK) || error_is(why, ERROR_TIMEOUT)) && !r.hopeless;
		return error_move(err, steal_ptr(why));
	}
	if (r.status == 201)
		return check_digest("PUT", url, &r, b->u->digest, err);
	*ret_again = r.status == 404 || r.status == 408 || r.status == 416 || r.status == 429 ||
		     r.status >= 500; /* 404: the session was lost by a restart */
	return refused(c, "PUT", url, &r, err);
}

/* An attempt that broke may have been taken all the same. */
static bool arrived(const struct client *c, const struct client_upload *u)
{
	int64_t size = -1;

	return client_blob(c, u->repository, u->digest, &size, NULL) == 0 && size == u->size;
}

static int upload(const struct client *c, const struct client_upload *u, const void *memory, struct error **err)
{
	struct body b = {.u = u, .fd = -1};
	bool again = true;
	int r = -1;

	if (memory == NULL && (b.fd = open(u->path, O_RDONLY | O_CLOEXEC)) < 0)
		return error_errno(err, errno, "cannot open %s", u->path);
	for (int tries = 1; again; tries++) {
		CLEANUP_ERROR struct error *why = NULL;

		b.memory = memory;
		b.digest = digest_new();
		b.sent = 0;
		r = b.fd >= 0 && lseek(b.fd, 0, SEEK_SET) < 0 ? error_errno(&why, errno, "cannot read %s", u->path)
							      : try_upload(c, &b, &again, &why);
		digest_free(steal_ptr(b.digest));
		if (r == 0 || (again && arrived(c, u))) {
			r = 0;
			break;
		}
		if (b.sent > 0 && u->progress != NULL)
			u->progress(-b.sent, u->context);
		again = again && tries < TRIES;
		if (!again) {
			error_move(err, steal_ptr(why));
			break;
		}
		log_verbose("%s; sending it again", error_message(why));
		if (cancel_sleep(500 << tries, err) < 0)
			break;
	}
	if (b.fd >= 0)
		close(b.fd);
	return r;
}

int client_upload(const struct client *c, const struct client_upload *u, struct error **err)
{
	return upload(c, u, NULL, err);
}

int client_upload_small(const struct client *c, const char *repository, const char *digest, const void *p, size_t n,
			struct error **err)
{
	struct client_upload u = {.repository = repository, .digest = digest, .path = digest, .size = (int64_t)n};

	return upload(c, &u, p, err);
}

/* ---- manifests ---- */

int client_tag(const struct client *c, const char *repository, const char *tag, char ret_digest[OCI_DIGEST_LEN + 1],
	       struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s/v2/%s/manifests/%s", c->host, repository, tag);
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_STRV struct strv headers = STRV_INIT;
	const char *digest;

	strv_add(&headers, "Accept: " OCI_MANIFEST ", " OCI_INDEX ", " DOCKER_MANIFEST ", " DOCKER_LIST);
	if (ask(c, "HEAD", url, &headers, &r, err) < 0)
		return -1;
	if (r.status != 200 && r.status != 404)
		return refused(c, "HEAD", url, &r, err);
	digest = r.status == 404 ? NULL : http_header(&r, "docker-content-digest");
	snprintf(ret_digest, OCI_DIGEST_LEN + 1, "%s", digest == NULL ? "" : digest);
	return 0;
}

int client_put_manifest(const struct client *c, const char *repository, const char *tag, const char *media_type, const void *p,
			size_t n, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s/v2/%s/manifests/%s", c->host, repository, tag);
	struct http_request request = request_of(c, "PUT", url);
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_STRV struct strv headers = STRV_INIT;
	char digest[OCI_DIGEST_LEN + 1];

	strv_addf(&headers, "Content-Type: %s", media_type);
	request.headers = &headers;
	request.body = p;
	request.body_len = n;
	if (retry_perform(c->http, &request, RETRY_A, clock_deadline(DEADLINE_MS), &r, err) < 0)
		return -1;
	if (r.status != 201)
		return refused(c, "PUT", url, &r, err);
	oci_digest(p, n, digest);
	return check_digest("PUT", url, &r, digest, err);
}

/* ---- what the rest of davit asks of a registry ---- */

int registry_wait(struct http *http, const char *host, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s/v2/", host);
	struct http_request request = {.url = url, .http1 = true};
	CLEANUP_ERROR struct error *last = NULL;

	while (clock_ms() < deadline) {
		CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
		int64_t left = deadline - clock_ms();

		error_clear(&last);
		request.timeout_ms = left < 5000 ? left : 5000;
		if (http_perform(http, &request, &r, &last) == 0) {
			if (r.status == 200 || r.status == 401)
				return 0;
			fetch_status_error("GET", url, &r, &last);
		}
		if (r.hopeless || error_is(last, ERROR_CANCELLED))
			return error_move(err, steal_ptr(last));
		if (cancel_sleep(POLL_MS, err) < 0)
			return -1;
	}
	return error_set(err, ERROR_TIMEOUT, "the registry at %s did not begin to serve in time; the last try: %s", host,
			 last == NULL ? "none" : error_message(last));
}

/* One page of a list; *ret_next: the path and query of the next, or NULL (RFC 8288: <path>; rel="next"). */
static int get_page(const struct client *c, const char *path, struct json_object **ret, char **ret_next, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s%s", c->host, path);
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	const char *link, *from, *to;

	*ret_next = NULL;
	if (ask(c, "GET", url, NULL, &r, err) < 0)
		return -1;
	if (r.status != 200)
		return refused(c, "GET", url, &r, err);
	if (json_parse(buf_str(&r.body), r.body.len, url, ret, err) < 0)
		return -1;
	link = http_header(&r, "link");
	from = link == NULL || strstr(link, "rel=\"next\"") == NULL ? NULL : strchr(link, '<');
	to = from == NULL ? NULL : strchr(from, '>');
	if (to != NULL && from[1] == '/')
		*ret_next = xstrndup(from + 1, (size_t)(to - from - 1));
	return 0;
}

/* All strings of the list `key` over all pages. */
static int get_list(const struct client *c, const char *first, const char *key, struct strv *ret, struct error **err)
{
	CLEANUP_FREE char *path = xstrdup(first);

	for (int page = 0; path != NULL && page < PAGES_MAX; page++) {
		CLEANUP_JSON struct json_object *o = NULL;
		char *next = NULL;

		if (get_page(c, path, &o, &next, err) < 0)
			return -1;
		free(path);
		path = next;
		for (size_t i = 0; i < json_len(json_at(o, key)); i++)
			strv_add(ret, json_object_get_string(json_object_array_get_idx(json_at(o, key), i)));
	}
	return 0;
}

static struct json_object *strings_json(const struct strv *l)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(o, json_object_new_string(l->v[i]));
	return o;
}

static int add_repository(const struct client *c, const char *name, struct json_object *list, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/v2/%s/tags/list", name);
	CLEANUP_STRV struct strv tags = STRV_INIT;
	CLEANUP_ERROR struct error *why = NULL;
	struct json_object *o;

	if (get_list(c, path, "tags", &tags, &why) < 0 &&
	    !error_is(why, ERROR_NOT_FOUND)) /* a repository without a manifest has no list */
		return error_move(err, steal_ptr(why));
	strv_sort(&tags);
	o = json_object_new_object();
	json_add_str(o, "name", name);
	json_add(o, "tags", strings_json(&tags));
	json_object_array_add(list, o);
	return 0;
}

int registry_catalogue(struct http *http, const char *host, const char *user, const char *password, struct json_object **ret,
		       struct error **err)
{
	const struct client c = {.http = http, .host = host, .user = user, .password = password};
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	CLEANUP_STRV struct strv names = STRV_INIT;
	struct json_object *list = json_object_new_array();

	json_add(o, "repositories", list);
	if (get_list(&c, "/v2/_catalog?n=500", "repositories", &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_repository(&c, names.v[i], list, err) < 0)
			return -1;
	*ret = steal_ptr(o);
	return 0;
}
