#include "registry/fetch.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/net/retry.h"
#include "registry/layout.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 1024 * 1024,
	TRIES = 5, /* in a row, without a byte of progress */
	WAIT_MAX_MS = 60 * 1000,
	STALL_MS = 30 * 1000,
	WHOLE_MS = 6 * 3600 * 1000,
	TEXT_DEADLINE_MS = 120 * 1000,
};

/* A download under way. */
struct partial {
	const struct fetch *f;
	char *path;
	int fd;
	struct digest *digest; /* of the first `done` bytes */
	int64_t done, total;   /* total 0: not known */
	bool resumed;	       /* not all bytes came in one piece */
	const struct http_response *answer;
	bool begun;	 /* the answer's first bytes have been looked at */
	bool hopeless;	 /* the last try failed in a way that no other try can mend */
	int64_t wait_ms; /* what the server asked for before the next try */
};

const char *fetch_file_path(const char *url)
{
	return strncmp(url, "file:///", 8) == 0 ? url + 7 : NULL;
}

/* The first line of an error page, for people. */
static char *first_words(const struct http_response *r)
{
	const char *text = buf_str(&r->body);
	size_t n = 0;

	while (n < 120 && text[n] != '\0' && text[n] != '\n' && text[n] != '\r' && isprint((unsigned char)text[n]))
		n++;
	return xstrndup(text, n);
}

int fetch_status_error(const char *method, const char *url, const struct http_response *r, struct error **err)
{
	static const struct {
		int status;
		enum error_kind kind;
	} kinds[] = {{401, ERROR_AUTH}, {403, ERROR_AUTH}, {404, ERROR_NOT_FOUND}, {410, ERROR_NOT_FOUND}, {408, ERROR_TIMEOUT}};
	CLEANUP_FREE char *words = first_words(r);
	enum error_kind kind = ERROR_REMOTE;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].status == r->status)
			kind = kinds[i].kind;
	return error_set(err, kind, "%s %s: answered %d%s%s", method, url, r->status, *words == '\0' ? "" : ": ", words);
}

static int read_file(const char *path, size_t max, struct buf *ret, struct error **err)
{
	if (path_read(path, ret, err) < 0)
		return -1;
	return ret->len <= max
		       ? 0
		       : error_set(err, ERROR_REMOTE, "%s: is larger than the %zu bytes that are expected at most", path, max);
}

int fetch_text(struct http *http, const char *url, const struct strv *headers, size_t max, struct buf *ret, struct error **err)
{
	struct http_request request = {.url = url, .headers = headers, .answer_max = max, .follow = true, .timeout_ms = STALL_MS};
	CLEANUP_HTTP_RESPONSE struct http_response response = HTTP_RESPONSE_INIT;
	const char *path = fetch_file_path(url);

	if (path != NULL)
		return read_file(path, max, ret, err);
	if (retry_perform(http, &request, RETRY_A, clock_deadline(TEXT_DEADLINE_MS), &response, err) < 0)
		return -1;
	if (response.status != 200)
		return fetch_status_error("GET", url, &response, err);
	buf_add_mem(ret, buf_str(&response.body), response.body.len);
	return 0;
}

/* ---- the partial file ---- */

static int rewind_partial(struct partial *p, struct error **err)
{
	if (lseek(p->fd, 0, SEEK_SET) < 0 || ftruncate(p->fd, 0) < 0)
		return error_errno(err, errno, "cannot empty %s", p->path);
	digest_free(p->digest);
	p->digest = digest_new();
	p->done = 0;
	p->resumed = false;
	return 0;
}

/* Hash what an earlier run left; the offset stands behind it then. */
static int hash_existing(struct partial *p, struct error **err)
{
	CLEANUP_FREE char *chunk = xrealloc(NULL, CHUNK, 1);
	ssize_t n;

	while ((n = read(p->fd, chunk, CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot read %s", p->path);
		if (n < 0)
			continue;
		if (cancel_check(err) < 0)
			return -1;
		digest_update(p->digest, chunk, (size_t)n);
		p->done += n;
	}
	p->resumed = p->done > 0;
	return 0;
}

/* Bytes that nobody published a digest of are not taken up from an earlier run: the file may have changed since. */
static int open_partial(const struct fetch *f, struct partial *p, struct error **err)
{
	char name[DIGEST_HEX_LEN + 1];

	digest_hex(f->url, strlen(f->url), name);
	p->f = f;
	p->path = layout_partial_path(f->folder, f->digest == NULL ? name : f->digest + 7);
	p->digest = digest_new();
	p->total = f->size;
	p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | (f->digest == NULL ? O_TRUNC : 0), 0644);
	if (p->fd < 0)
		return error_errno(err, errno, "cannot open %s", p->path);
	return hash_existing(p, err);
}

static void close_partial(struct partial *p)
{
	if (p->fd >= 0)
		close(p->fd);
	digest_free(p->digest);
	free(p->path);
}

static int append(struct partial *p, const char *data, size_t n, struct error **err)
{
	digest_update(p->digest, data, n);
	for (size_t at = 0; at < n;) {
		ssize_t w = write(p->fd, data + at, n - at);

		if (w < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot write %s", p->path);
		at += w < 0 ? 0 : (size_t)w;
	}
	p->done += (int64_t)n;
	return p->f->progress == NULL ? 0 : p->f->progress(p->done, p->total, p->f->context, err);
}

static int wrong_size(const struct partial *p, struct error **err)
{
	return error_set(err, ERROR_REMOTE, "more than the expected %lld bytes came", (long long)p->f->size);
}

/* ---- by http ---- */

/* Decimal digits, then `end`; moves behind it. */
static bool take_number(const char **s, char end, int64_t *ret)
{
	char *stop = NULL;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*ret = strtoll(*s, &stop, 10);
	if (errno != 0 || *stop != end)
		return false;
	*s = end == '\0' ? stop : stop + 1;
	return true;
}

/* "bytes 100-199/200": from where, of how many (0: "*"). */
static bool parse_content_range(const char *s, int64_t *ret_from, int64_t *ret_total)
{
	int64_t to = 0;

	if (strncmp(s, "bytes ", 6) != 0)
		return false;
	s += 6;
	if (!take_number(&s, '-', ret_from) || !take_number(&s, '/', &to) || to < *ret_from)
		return false;
	*ret_total = 0;
	return strcmp(s, "*") == 0 || take_number(&s, '\0', ret_total);
}

/* A server that mixes ranges up is asked for all of it. */
static int wrong_range(struct partial *p, struct error **err)
{
	const char *range = http_header(p->answer, "content-range");
	int64_t done = p->done;

	if (rewind_partial(p, err) < 0)
		return -1;
	return error_set(err, ERROR_NETWORK, "asked for the bytes from %lld, the answer's Content-Range is \"%s\"",
			 (long long)done, range);
}

/* The answer's headers are known before its first byte: does it go on where we are?  Only a 206 has a Content-Range. */
static int begin_answer(struct partial *p, struct error **err)
{
	const char *length = http_header(p->answer, "content-length"), *range = http_header(p->answer, "content-range");
	int64_t from = 0, total = 0;

	p->begun = true;
	if (range != NULL) {
		if (!parse_content_range(range, &from, &total) || from != p->done)
			return wrong_range(p, err);
		p->total = total > 0 ? total : p->total;
		return 0;
	}
	if (p->done > 0 && rewind_partial(p, err) < 0) /* 200: the server sends all of it */
		return -1;
	if (length != NULL && p->f->size == 0)
		p->total = strtoll(length, NULL, 10);
	return 0;
}

static int receive(const void *data, size_t n, void *context, struct error **err)
{
	struct partial *p = context;

	if (!p->begun && begin_answer(p, err) < 0)
		return -1;
	if (p->f->size > 0 && p->done + (int64_t)n > p->f->size)
		return wrong_size(p, err);
	return append(p, data, n, err);
}

static int refused(struct partial *p, const struct http_response *r, struct error **err)
{
	const char *after = http_header(r, "retry-after");

	if (r->status != 408 && r->status != 429 && r->status < 500)
		return fetch_status_error("GET", p->f->url, r, err);
	p->wait_ms = after == NULL ? 0 : strtol(after, NULL, 10) * 1000;
	return error_set(err, ERROR_NETWORK, "GET %s: answered %d", p->f->url, r->status);
}

/* One request for what is missing.  0 and *ret_more false: all is here; true: try again. */
static int request_rest(struct partial *p, bool *ret_more, struct error **err)
{
	CLEANUP_STRV struct strv headers = STRV_INIT;
	CLEANUP_HTTP_RESPONSE struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {.url = p->f->url,
				       .headers = &headers,
				       .write = receive,
				       .write_context = p,
				       .follow = true,
				       .timeout_ms = WHOLE_MS,
				       .stall_ms = STALL_MS};

	if (p->f->headers != NULL)
		strv_copy(&headers, p->f->headers);
	if (p->done > 0)
		strv_addf(&headers, "Range: bytes=%lld-", (long long)p->done);
	p->answer = &response;
	p->begun = false;
	*ret_more = true;
	if (http_perform(p->f->http, &request, &response, err) < 0) {
		p->hopeless = response.hopeless;
		return -1;
	}
	/* 416: there is nothing behind what we have, which is whole or wrong; its digest tells */
	if (response.status != 200 && response.status != 206 && !(response.status == 416 && p->done > 0))
		return refused(p, &response, err);
	*ret_more = false;
	return 0;
}

static bool passing(const struct error *error)
{
	return error_is(error, ERROR_NETWORK) || error_is(error, ERROR_TIMEOUT);
}

static int64_t wait_before_try(struct partial *p, int tries)
{
	int64_t asked = p->wait_ms;

	p->wait_ms = 0;
	if (asked <= 0)
		return 500 << tries;
	return asked < WAIT_MAX_MS ? asked : WAIT_MAX_MS;
}

/* Go on until the end, past connections that break. */
static int download(struct partial *p, struct error **err)
{
	bool more = p->f->size == 0 || p->done < p->f->size;

	for (int tries = 0; more;) {
		CLEANUP_ERROR struct error *why = NULL;
		int64_t before = p->done;

		if (request_rest(p, &more, &why) == 0)
			continue;
		tries = p->done > before ? 0 : tries + 1;
		if (p->hopeless || !passing(why) || tries >= TRIES)
			return error_move(err, steal_ptr(why));
		if (p->f->digest == NULL && rewind_partial(p, err) < 0) /* parts of two answers could not be told from a whole */
			return -1;
		log_verbose("%s; going on at byte %lld", error_message(why), (long long)p->done);
		p->resumed = p->done > 0;
		if (cancel_sleep(wait_before_try(p, tries), err) < 0)
			return -1;
	}
	return 0;
}

/* ---- from a file ---- */

static int copy_bytes(struct partial *p, int from, struct error **err)
{
	CLEANUP_FREE char *chunk = xrealloc(NULL, CHUNK, 1);
	ssize_t n;

	while ((n = read(from, chunk, CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot read %s", p->f->url);
		if (cancel_check(err) < 0 || (n > 0 && append(p, chunk, (size_t)n, err) < 0))
			return -1;
	}
	return 0;
}

/* A copy always, never a link: a mirror may be changed in place.  Where the file system can share blocks, it costs nothing. */
static int copy_file(struct partial *p, const char *path, struct error **err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), r;
	struct stat st;

	if (from < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "%s: there is no such file", path);
	if (from < 0)
		return error_errno(err, errno, "cannot open %s", path);
	r = rewind_partial(p, err);
	if (r == 0 && fstat(from, &st) == 0)
		p->total = st.st_size;
	if (r == 0)
		r = ioctl(p->fd, FICLONE, from) == 0 ? hash_existing(p, err) : copy_bytes(p, from, err);
	p->resumed = false;
	close(from);
	return r;
}

/* ---- the end ---- */

/* 1: bytes put together from several answers are wrong: all of it once more.  0: it is a blob now. */
static int settle(struct partial *p, char ret_digest[OCI_DIGEST_LEN + 1], struct error **err)
{
	CLEANUP_FREE char *blob = NULL;
	bool whole = p->f->size == 0 || p->done == p->f->size;

	memcpy(ret_digest, "sha256:", 7);
	digest_final(steal_ptr(p->digest), ret_digest + 7);
	if (p->f->digest != NULL && (!whole || strcmp(ret_digest, p->f->digest) != 0)) {
		unlink(p->path);
		if (p->resumed)
			return 1;
		return error_set(err, ERROR_REMOTE,
				 "GET %s: %lld bytes came with the digest %s, expected is %s; the file was changed on the way, "
				 "or the checksum is another file's",
				 p->f->url, (long long)p->done, ret_digest, p->f->digest);
	}
	blob = layout_blob_path(p->f->folder, ret_digest);
	if (rename(p->path, blob) < 0)
		return error_errno(err, errno, "cannot rename %s to %s", p->path, blob);
	return 0;
}

static int fetch_once(const struct fetch *f, char ret_digest[OCI_DIGEST_LEN + 1], int64_t *ret_size, struct error **err)
{
	struct partial p = {.fd = -1};
	const char *path = fetch_file_path(f->url);
	int r = open_partial(f, &p, err);

	if (r == 0)
		r = path != NULL ? copy_file(&p, path, err) : download(&p, err);
	if (r == 0)
		r = settle(&p, ret_digest, err);
	*ret_size = p.done;
	close_partial(&p);
	return r;
}

int fetch_blob(const struct fetch *f, char ret_digest[OCI_DIGEST_LEN + 1], int64_t *ret_size, struct error **err)
{
	int r = fetch_once(f, ret_digest, ret_size, err);

	if (r == 1) {
		log_verbose("%s: the parts do not make the whole; fetching all of it again", f->url);
		r = fetch_once(f, ret_digest, ret_size, err);
	}
	if (r == 1)
		return error_set(err, ERROR_REMOTE,
				 "GET %s: came twice in parts that together have the digest %s, expected is %s; the file may be "
				 "changing on the server",
				 f->url, ret_digest, f->digest);
	return r;
}
