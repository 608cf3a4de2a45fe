#include "bootstrap/download.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

/* ---- the line before it */

bool download_word(const char **line, char *to, size_t size)
{
	size_t n = strcspn(*line, " ");

	if (n == 0 || n >= size || (*line)[n] != ' ')
		return false;
	memcpy(to, *line, n);
	to[n] = '\0';
	*line += n + 1;
	return true;
}

int download_read(const char *line, struct download *ret, struct error **err)
{
	struct download d = {.words = line};
	char size[20];

	if (download_word(&d.words, size, sizeof(size)) && download_word(&d.words, d.sha256, sizeof(d.sha256)))
		d.size = size[strspn(size, "0123456789")] == '\0' ? strtoll(size, NULL, 10) : 0;
	if (d.size <= 0 || d.size == INT64_MAX || strspn(d.sha256, "0123456789abcdef") != DIGEST_HEX_LEN)
		return error_set(err, ERROR_NODE, "what the node says of it cannot be understood: %.200s", line);
	*ret = d;
	return 0;
}

/* ---- on its way */

struct stream {
	const struct download_sink *sink;
	struct buf line;
	bool begun;
	struct download head;
	struct digest *digest;
	int64_t arrived;
};

static int begin(struct stream *t, struct error **err)
{
	t->begun = true;
	return download_read(buf_str(&t->line), &t->head, err) < 0 ? -1 : t->sink->begin(&t->head, t->sink->context, err);
}

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	struct stream *t = context;
	const char *bytes = p, *end = t->begun ? NULL : memchr(bytes, '\n', n);
	size_t head = t->begun ? 0 : end != NULL ? (size_t)(end - bytes) : n;

	if (!t->begun) {
		buf_add_mem(&t->line, bytes, head);
		if (t->line.len > LINE_MAX_BYTES)
			return error_set(err, ERROR_NODE, "what the node says of it has no end");
		if (end == NULL)
			return 0;
		if (begin(t, err) < 0)
			return -1;
		head++;
	}
	if (head == n)
		return 0;
	digest_update(t->digest, bytes + head, n - head);
	t->arrived += (int64_t)(n - head);
	return t->sink->write(bytes + head, n - head, t->sink->context, err);
}

static int check(struct stream *t, struct error **err)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_final(steal_ptr(t->digest), hex);
	if (t->begun && t->arrived == t->head.size && strcmp(hex, t->head.sha256) == 0)
		return 0;
	return error_set(err, ERROR_NODE, "what arrived (%lld bytes) is not what the node has written", (long long)t->arrived);
}

int download_run(struct ssh *s, const char *who, const char *command, int64_t deadline, const struct download_sink *sink,
		 struct error **err)
{
	CLEANUP_BUF struct buf errors = BUF_INIT;
	struct stream t = {.sink = sink, .digest = digest_new()};
	struct ssh_command c = {
		.command = command, .write = on_output, .write_context = &t, .errors = &errors, .deadline = deadline};
	int status = 0, r;

	r = ssh_run(s, &c, &status, err);
	if (r == 0 && status != 0) {
		CLEANUP_FREE char *words = remote_words(buf_str(&errors));

		r = error_set(err, ERROR_NODE, "%s ended with status %d: %s", who, status, words);
	}
	if (r == 0)
		r = check(&t, err);
	digest_free(t.digest);
	buf_free(&t.line);
	return r;
}

/* ---- into a file */

struct target {
	const char *path;
	int fd;
};

static int on_begin(const struct download *d UNUSED, void *context UNUSED, struct error **err UNUSED)
{
	return 0;
}

static int on_piece(const void *p, size_t n, void *context, struct error **err)
{
	const struct target *t = context;

	for (size_t done = 0; done < n;) {
		ssize_t written = write(t->fd, (const char *)p + done, n - done);

		if (written < 0 && errno != EINTR)
			return error_errno(err, errno, "%s", t->path);
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

int download_file(struct ssh *s, const char *who, const char *command, int64_t deadline, const char *path, struct error **err)
{
	CLEANUP_FREE char *part = xasprintf("%s.part", path);
	struct target t = {part, open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
	struct download_sink sink = {on_begin, on_piece, &t};
	int r = t.fd < 0 ? error_errno(err, errno, "%s", part) : download_run(s, who, command, deadline, &sink, err);

	if (r == 0 && fsync(t.fd) < 0)
		r = error_errno(err, errno, "%s", part);
	if (t.fd >= 0)
		close(t.fd);
	if (r == 0 && rename(part, path) < 0)
		r = error_errno(err, errno, "%s", path);
	if (r < 0)
		(void)unlink(part);
	return r;
}
