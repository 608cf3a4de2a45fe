#include "provision/objects.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "provision/answer.h"
#include "provision/cloud.h"
#include "provision/s3.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 4, PAUSE_MS = 1000 };

struct objects {
	const struct kind *kind;
	struct cloud *cloud;
	struct s3 *s3;
	char *bucket, *prefix; /* "" or "a/b" */
};

/* ---- the two kinds */

/* One page of a listing: whole names; *ret_more: behind the last one. */
struct page {
	struct object_list list;
	bool more;
};

static int swift_open(struct objects *o, const char *cloud, struct error **err)
{
	return cloud_open(cloud, &o->cloud, err);
}

static int swift_bytes(struct objects *o, const struct cloud_bytes *b, struct http_response *ret, struct error **err)
{
	return cloud_bytes(o->cloud, b, ret, err);
}

static int swift_complain(const char *what, const struct http_response *r, struct error **err)
{
	return answer_error(what, CLOUD_OBJECT_STORE, r, err);
}

static void add(struct object_list *l, const char *name, int64_t size)
{
	array_grow(l->objects, l->n, l->cap);
	l->objects[l->n++] = (struct object){xstrdup(name), size};
}

/* An empty page is the last one. */
static int swift_read(const struct http_response *r, struct page *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;

	if (r->status == 204)
		return 0;
	if (json_parse(r->body.data, r->body.len, "the listing", &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_get_str(o, "name", NULL);

		if (name != NULL)
			add(&ret->list, name, json_get_int(o, "bytes", 0));
	}
	ret->more = ret->list.n > 0;
	return 0;
}

static int s3_begin(struct objects *o, const char *cloud UNUSED, struct error **err)
{
	return s3_open(&o->s3, err);
}

static int s3_ask(struct objects *o, const struct cloud_bytes *b, struct http_response *ret, struct error **err)
{
	return s3_bytes(o->s3, b, ret, err);
}

static int s3_complain(const char *what, const struct http_response *r, struct error **err)
{
	CLEANUP_FREE char *fault = s3_fault(r->body.len > 0 ? r->body.data : "", r->body.len);
	enum error_kind kind = r->status == 401 || r->status == 403 ? ERROR_AUTH : r->status == 404 ? ERROR_NOT_FOUND : ERROR_REMOTE;

	return error_set(err, kind, "%s: %s%s(HTTP %d)", what, fault, *fault != '\0' ? " " : "", r->status);
}

static int s3_read(const struct http_response *r, struct page *ret, struct error **err)
{
	CLEANUP_S3_LIST struct s3_list l = {0};

	if (s3_list_read(buf_str(&r->body), r->body.len, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		add(&ret->list, l.entries[i].key, l.entries[i].size);
	ret->more = l.more && l.n > 0;
	return 0;
}

static const struct kind {
	const char *scheme, *title, *place; /* as people call them */
	const char *listing, *after;	    /* of a listing's query: in the order in which signatures of S3 want the keys */
	int (*open)(struct objects *o, const char *cloud, struct error **err);
	int (*bytes)(struct objects *o, const struct cloud_bytes *b, struct http_response *ret, struct error **err);
	int (*complain)(const char *what, const struct http_response *r, struct error **err);
	int (*read)(const struct http_response *r, struct page *ret, struct error **err);
} kinds[] = {
	{"swift://", "Swift", "container", "format=json", "marker", swift_open, swift_bytes, swift_complain, swift_read},
	{"s3://", "S3", "bucket", "list-type=2", "start-after", s3_begin, s3_ask, s3_complain, s3_read},
};

/* ---- places */

static const struct kind *kind_of(const char *url)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(url, kinds[i].scheme, strlen(kinds[i].scheme)) == 0)
			return &kinds[i];
	return NULL;
}

bool objects_is_url(const char *s)
{
	return kind_of(s) != NULL;
}

int objects_open(const char *url, const char *cloud, struct objects **ret, struct error **err)
{
	CLEANUP_OBJECTS struct objects *o = xnew(struct objects);
	const char *rest;
	size_t n;

	o->kind = kind_of(url);
	assert(o->kind != NULL);
	rest = url + strlen(o->kind->scheme);
	n = strcspn(rest, "/");
	if (n == 0)
		return error_set(err, ERROR_USAGE, "%s names no %s: write %sNAME, or %sNAME/PREFIX", url, o->kind->place, o->kind->scheme, o->kind->scheme);
	o->bucket = xstrndup(rest, n);
	o->prefix = xstrdup(rest + n + strspn(rest + n, "/"));
	for (n = strlen(o->prefix); n > 0 && o->prefix[n - 1] == '/'; n--)
		o->prefix[n - 1] = '\0';
	if (o->kind->open(o, cloud, err) < 0)
		return -1;
	*ret = steal_ptr(o);
	return 0;
}

void objects_close(struct objects *o)
{
	if (o == NULL)
		return;
	cloud_close(o->cloud);
	s3_close(o->s3);
	free(o->bucket);
	free(o->prefix);
	free(o);
}

void objects_close_ptr(struct objects **o)
{
	objects_close(*o);
	*o = NULL;
}

void object_list_clear(struct object_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->objects[i].name);
	free(l->objects);
	*l = (struct object_list){0};
}

/* With the prefix. */
static char *whole_name(const struct objects *o, const char *name)
{
	return xasprintf("%s%s%s", o->prefix, *o->prefix != '\0' && *name != '\0' ? "/" : "", name);
}

char *objects_url(const struct objects *o, const char *name)
{
	CLEANUP_FREE char *whole = whole_name(o, name);

	return xasprintf("%s%s/%s", o->kind->scheme, o->bucket, whole);
}

/* "/bucket/a/b": each part escaped, slashes stay. */
static char *path_of(const struct objects *o, const char *name)
{
	CLEANUP_FREE char *whole = whole_name(o, name), *bucket = http_escape(o->bucket), *escaped = http_escape(whole);
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_addf(&b, "/%s/", bucket);
	for (const char *p = escaped; *p != '\0'; p++) {
		if (strncmp(p, "%2F", 3) == 0) {
			buf_add_char(&b, '/');
			p += 2;
		} else {
			buf_add_char(&b, *p);
		}
	}
	return buf_steal(&b);
}

/* ---- requests */

static int conclude(const struct objects *o, const char *verb, const char *url, const struct http_response *r, struct error **err)
{
	CLEANUP_FREE char *what = xasprintf("%s %s", verb, url);

	if (r->status / 100 == 2)
		return 0;
	if (r->status == 404)
		return error_set(err, ERROR_NOT_FOUND, "%s: there is no such %s or object (HTTP 404)", what, o->kind->place);
	return o->kind->complain(what, r, err);
}

static int list_page(struct objects *o, const char *begin, const char *after, struct page *ret, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *bucket = http_escape(o->bucket), *prefix = http_escape(begin), *marker = after != NULL ? http_escape(after) : NULL;
	CLEANUP_FREE char *behind = marker != NULL ? xasprintf("&%s=%s", o->kind->after, marker) : xstrdup("");
	CLEANUP_FREE char *path = xasprintf("/%s?%s&prefix=%s%s", bucket, o->kind->listing, prefix, behind);
	CLEANUP_FREE char *url = xasprintf("%s%s", o->kind->scheme, o->bucket);
	struct cloud_bytes b = {.method = "GET", .path = path};

	return o->kind->bytes(o, &b, &r, err) < 0 || conclude(o, "list", url, &r, err) < 0 || o->kind->read(&r, ret, err) < 0 ? -1 : 0;
}

int objects_list(struct objects *o, const char *begin, struct object_list *ret, struct error **err)
{
	CLEANUP_FREE char *whole = whole_name(o, begin), *after = NULL;
	size_t skip = strlen(whole) - strlen(begin);

	for (bool more = true; more;) {
		struct page page = {0};
		int r = list_page(o, whole, after, &page, err);

		for (size_t i = 0; i < page.list.n; i++)
			if (strncmp(page.list.objects[i].name, whole, strlen(whole)) == 0)
				add(ret, page.list.objects[i].name + skip, page.list.objects[i].size);
		if (page.more) {
			free(after);
			after = xstrdup(page.list.objects[page.list.n - 1].name);
		}
		more = page.more;
		object_list_clear(&page.list);
		if (r < 0 || cancel_check(err) < 0)
			return -1;
	}
	return 0;
}

static int put(struct objects *o, const char *name, const void *p, size_t n, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *path = path_of(o, name), *url = objects_url(o, name);
	struct cloud_bytes b = {.method = "PUT", .path = path, .body = p, .len = n};

	return o->kind->bytes(o, &b, &r, err) < 0 ? error_wrap(err, "write %s", url) : conclude(o, "write", url, &r, err);
}

/* So that a request may be repeated; the caller unmaps. */
static int map(const char *path, void **ret, size_t *ret_n, struct error **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	void *p = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= OBJECTS_MAX)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (st.st_size > OBJECTS_MAX)
		return error_set(err, ERROR_CONFIG, "%s has %lld bytes, and one object takes 5 GiB at most", path, (long long)st.st_size);
	if (p == MAP_FAILED)
		return error_errno(err, errno, "cannot read %s", path);
	*ret = p;
	*ret_n = (size_t)st.st_size;
	return 0;
}

int objects_put(struct objects *o, const char *name, const char *path, struct error **err)
{
	void *p = NULL;
	size_t n = 0;
	int r;

	if (map(path, &p, &n, err) < 0)
		return -1;
	r = put(o, name, p, n, err);
	munmap(p, n);
	return r;
}

static int on_bytes(const void *p, size_t n, void *context, struct error **err)
{
	const int *fd = context;

	for (size_t done = 0; done < n;) {
		ssize_t written = write(*fd, (const char *)p + done, n - done);

		if (written < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot write what comes from the object store");
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

static int get(struct objects *o, const char *path, const char *url, int fd, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct cloud_bytes b = {.method = "GET", .path = path, .write = on_bytes, .context = &fd};

	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "cannot write what comes from the object store");
	return o->kind->bytes(o, &b, &r, err) < 0 ? error_wrap(err, "read %s", url) : conclude(o, "read", url, &r, err);
}

static bool may_pass(const struct error *why)
{
	return error_is(why, ERROR_NETWORK) || error_is(why, ERROR_TIMEOUT) || error_is(why, ERROR_REMOTE);
}

int objects_get(struct objects *o, const char *name, int fd, struct error **err)
{
	CLEANUP_FREE char *path = path_of(o, name), *url = objects_url(o, name);

	for (int i = 1;; i++) {
		CLEANUP_ERROR struct error *why = NULL;

		if (get(o, path, url, fd, &why) == 0)
			return 0;
		if (!may_pass(why) || i == TRIES)
			return error_move(err, steal_ptr(why));
		log_warning("%s; once more", error_message(why));
		if (cancel_sleep(PAUSE_MS << i, err) < 0)
			return -1;
	}
}

int objects_remove(struct objects *o, const char *name, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *path = path_of(o, name), *url = objects_url(o, name);
	struct cloud_bytes b = {.method = "DELETE", .path = path};

	if (o->kind->bytes(o, &b, &r, err) < 0)
		return error_wrap(err, "remove %s", url);
	return r.status == 404 ? 0 : conclude(o, "remove", url, &r, err);
}
