#include "provision/s3.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include "core/base/xml.h"
#include "core/net/retry.h"
#include "provision/answer.h"
#include "provision/cloud.h"
#include <stdlib.h>
#include <string.h>

enum { ALL_MS = 6 * 60 * 60 * 1000, STALL_MS = 60 * 1000 };

struct s3 {
	struct http *http;
	char *endpoint, *id, *secret;
	char *signature; /* http.h's */
};

/* ---- by whom */

static const char *variable(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && *value != '\0')
			return value;
	}
	return NULL;
}
#define VARIABLE(...) variable((const char *const[]){__VA_ARGS__, NULL})

/* "key = value"; *ret points behind the sign and blanks. */
static bool is_value(const char *line, const char *key, const char **ret)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0)
		return false;
	line += n + strspn(line + n, " \t");
	if (*line != '=')
		return false;
	*ret = line + 1 + strspn(line + 1, " \t");
	return true;
}

static void take(const char *value, char **ret)
{
	size_t n = strcspn(value, " \t\r");

	secret_free(*ret);
	*ret = n > 0 ? xstrndup(value, n) : NULL;
}

void s3_profile(const char *text, const char *profile, char **ret_id, char **ret_secret)
{
	CLEANUP_FREE char *heading = xasprintf("[%s]", profile);
	CLEANUP_SECRET char *line = NULL;
	bool inside = false;

	*ret_id = *ret_secret = NULL;
	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		const char *value = NULL;

		n = strcspn(text, "\n");
		secret_free(line);
		line = xstrndup(text, n);
		if (line[0] == '[')
			inside = strncmp(line, heading, strlen(heading)) == 0;
		else if (inside && is_value(line, "aws_access_key_id", &value))
			take(value, ret_id);
		else if (inside && is_value(line, "aws_secret_access_key", &value))
			take(value, ret_secret);
	}
}

static int read_profile(struct s3 *s, struct error **err)
{
	const char *file = VARIABLE("AWS_SHARED_CREDENTIALS_FILE"), *profile = VARIABLE("AWS_PROFILE");
	CLEANUP_FREE char *path = path_expand(file != NULL ? file : "~/.aws/credentials");
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	profile = profile != NULL ? profile : "default";
	if (path_exists(path) && path_read(path, &text, err) < 0)
		return -1;
	s3_profile(buf_str(&text), profile, &s->id, &s->secret);
	if (s->id != NULL && s->secret != NULL)
		return 0;
	return error_set(err, ERROR_CONFIG, "there are no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them into %s below [%s]", path, profile);
}

static int find_keys(struct s3 *s, struct error **err)
{
	const char *id = VARIABLE("AWS_ACCESS_KEY_ID"), *secret = VARIABLE("AWS_SECRET_ACCESS_KEY");

	if (id == NULL || secret == NULL)
		return read_profile(s, err);
	s->id = xstrdup(id);
	s->secret = xstrdup(secret);
	return 0;
}

int s3_open(struct s3 **ret, struct error **err)
{
	const char *endpoint = VARIABLE("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), *region = VARIABLE("AWS_REGION", "AWS_DEFAULT_REGION");
	struct s3 *s = xnew(struct s3);

	region = region != NULL ? region : "us-east-1";
	s->endpoint = endpoint != NULL ? xstrdup(endpoint) : xasprintf("https://s3.%s.amazonaws.com", region);
	for (size_t n = strlen(s->endpoint); n > 0 && s->endpoint[n - 1] == '/'; n--)
		s->endpoint[n - 1] = '\0';
	s->signature = xasprintf("aws:amz:%s:s3", region);
	if (find_keys(s, err) < 0 || http_new(&(struct http_options){0}, &s->http, err) < 0) {
		s3_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void s3_close(struct s3 *s)
{
	if (s == NULL)
		return;
	http_free(s->http);
	free(s->endpoint);
	free(s->signature);
	free(s->id);
	secret_free(s->secret);
	free(s);
}

/* ---- one request */

int s3_bytes(struct s3 *s, const struct cloud_bytes *b, struct http_response *ret, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("%s%s", s->endpoint, b->path);
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {
		.method = b->method,
		.url = url,
		.headers = &headers,
		.user = s->id,
		.password = s->secret,
		.signature = s->signature,
		.body = b->body,
		.body_len = b->len,
		.write = b->write,
		.write_context = b->context,
		.timeout_ms = ALL_MS,
		.stall_ms = STALL_MS,
	};
	char sha256[DIGEST_HEX_LEN + 1];

	digest_hex(b->body != NULL ? b->body : "", b->len, sha256);
	strv_addf(&headers, "X-Amz-Content-Sha256: %s", sha256);
	return retry_perform(s->http, &request, b->write != NULL ? RETRY_NONE : RETRY_A, clock_deadline(ALL_MS), ret, err);
}

/* ---- what it says */

struct listing {
	struct s3_list list;
	struct s3_entry next; /* what is known of the entry that is being read */
	bool is_one;
};

static void take_entry(struct listing *l)
{
	if (l->next.key != NULL) {
		array_grow(l->list.entries, l->list.n, l->list.cap);
		l->list.entries[l->list.n++] = l->next;
	}
	l->next = (struct s3_entry){0};
}

static void take_element(void *context, const char *path, const char *text)
{
	struct listing *l = context;

	if (strcmp(path, "ListBucketResult/Contents/Key") == 0) {
		free(l->next.key);
		l->next.key = xstrdup(text);
	} else if (strcmp(path, "ListBucketResult/Contents/Size") == 0) {
		l->next.size = strtoll(text, NULL, 10);
	} else if (strcmp(path, "ListBucketResult/Contents") == 0) {
		take_entry(l);
	} else if (strcmp(path, "ListBucketResult/IsTruncated") == 0) {
		l->list.more = strcmp(text, "true") == 0;
	} else if (strcmp(path, "ListBucketResult") == 0) {
		l->is_one = true;
	}
}

int s3_list_read(const char *xml, size_t len, struct s3_list *ret, struct error **err)
{
	struct listing l = {0};
	int r = xml_read(xml, len, take_element, &l, err);

	if (r < 0)
		r = error_wrap(err, "the answer is no listing of S3");
	else if (!l.is_one)
		r = error_set(err, ERROR_REMOTE, "the answer is no listing of S3: is that the address of one?");
	free(l.next.key);
	if (r < 0)
		s3_list_clear(&l.list);
	else
		*ret = l.list;
	return r;
}

void s3_list_clear(struct s3_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entries[i].key);
	free(l->entries);
	*l = (struct s3_list){0};
}

struct fault {
	char *code, *message;
};

/* The first of each, wherever it is: some wrap <Error>. */
static void take_fault(void *context, const char *path, const char *text)
{
	struct fault *f = context;
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	if (f->code == NULL && strcmp(name, "Code") == 0)
		f->code = answer_strip_html(text, strlen(text));
	else if (f->message == NULL && strcmp(name, "Message") == 0)
		f->message = answer_strip_html(text, strlen(text));
}

char *s3_fault(const char *xml, size_t len)
{
	CLEANUP_ERROR struct error *ignored = NULL; /* what was told before is worth telling */
	struct fault f = {0};
	char *text;

	(void)!xml_read(xml, len, take_fault, &f, &ignored);
	if (f.code == NULL || f.message == NULL)
		text = xstrdup(f.code != NULL ? f.code : "");
	else
		text = xasprintf("%s: %s", f.code, f.message);
	free(f.code);
	free(f.message);
	return text;
}
