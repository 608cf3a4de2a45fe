#include "bootstrap/etcd.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SNAPSHOT_MS = 30 * 60 * 1000, /* of at most 8 GiB, etcd's quota */ LINE_MAX_BYTES = 4096 };

/* ---- the line before it */

static bool is_version(const char *s)
{
	return isdigit((unsigned char)*s) && s[strspn(s, "0123456789.")] == '\0';
}

/* The next word into to; false where it does not fit, or nothing follows it. */
static bool take_word(const char **line, char *to, size_t size)
{
	size_t n = strcspn(*line, " ");

	if (n == 0 || n >= size || (*line)[n] != ' ')
		return false;
	memcpy(to, *line, n);
	to[n] = '\0';
	*line += n + 1;
	return true;
}

/* "SIZE SHA256 VERSION all|alone ", what follows is JSON; false where a word is not right. */
static bool read_words(const char *line, struct etcd_snapshot *ret, const char **ret_json)
{
	char size[20], knows[8];

	*ret_json = line;
	if (!take_word(ret_json, size, sizeof(size)) || !take_word(ret_json, ret->sha256, sizeof(ret->sha256)) ||
	    !take_word(ret_json, ret->version, sizeof(ret->version)) || !take_word(ret_json, knows, sizeof(knows)))
		return false;
	ret->alone = strcmp(knows, "all") != 0;
	ret->size = size[strspn(size, "0123456789")] == '\0' ? strtoll(size, NULL, 10) : 0;
	return ret->size > 0 && ret->size < INT64_MAX && strspn(ret->sha256, "0123456789abcdef") == DIGEST_HEX_LEN && is_version(ret->version);
}

int etcd_read_snapshot(const char *line, struct etcd_snapshot *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct etcd_snapshot s = {0};
	const char *json = NULL;

	if (!read_words(line, &s, &json) || json_parse(json, strlen(json), "etcdutl", &o, NULL) < 0)
		return error_set(err, ERROR_NODE, "what the node says of it cannot be understood: %.200s", line);
	s.revision = json_get_int(o, "revision", 0);
	s.keys = json_get_int(o, "totalKey", 0);
	/* before 3.6 etcdutl does not say it */
	snprintf(s.storage, sizeof(s.storage), "%s", json_get_str(o, "version", ""));
	if (!is_version(s.storage))
		snprintf(s.storage, sizeof(s.storage), "%s", s.version);
	*ret = s;
	return 0;
}

/* ---- on its way */

struct stream {
	const struct etcd_sink *sink;
	struct buf line;
	bool begun;
	struct etcd_snapshot snapshot;
	struct digest *digest;
	int64_t arrived;
};

static int begin(struct stream *t, struct error **err)
{
	t->begun = true;
	return etcd_read_snapshot(buf_str(&t->line), &t->snapshot, err) < 0 ? -1 : t->sink->begin(&t->snapshot, t->sink->context, err);
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
	if (t->begun && t->arrived == t->snapshot.size && strcmp(hex, t->snapshot.sha256) == 0)
		return 0;
	return error_set(err, ERROR_NODE, "what arrived (%lld bytes) is not what etcd has written", (long long)t->arrived);
}

static int stream(struct ssh *s, const char *kept, const struct etcd_sink *sink, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	struct stream t = {.sink = sink, .digest = digest_new()};
	struct ssh_command c = {.write = on_output, .write_context = &t, .errors = &errors, .deadline = clock_deadline(SNAPSHOT_MS)};
	int status = 0, r;

	remote_command(&command, text_snapshot);
	if (kept != NULL) {
		buf_add_char(&command, ' ');
		buf_add_shell(&command, kept);
	}
	c.command = buf_str(&command);
	r = ssh_run(s, &c, &status, err);
	if (r == 0 && status != 0) {
		CLEANUP_FREE char *words = remote_words(buf_str(&errors));

		r = error_set(err, ERROR_NODE, "etcdctl ended with status %d: %s", status, words);
	}
	if (r == 0)
		r = check(&t, err);
	digest_free(t.digest);
	buf_free(&t.line);
	return r < 0 ? error_wrap(err, "the snapshot of etcd") : 0;
}

int etcd_take_snapshot(struct ssh *s, const struct etcd_sink *sink, struct error **err)
{
	return stream(s, NULL, sink, err);
}

int etcd_fetch_kept(struct ssh *s, const char *name, const struct etcd_sink *sink, struct error **err)
{
	return stream(s, name, sink, err);
}

/* ---- into a file */

struct target {
	const char *path;
	int fd;
};

static int on_begin(const struct etcd_snapshot *snapshot UNUSED, void *context UNUSED, struct error **err UNUSED)
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

int kubernetes_snapshot(struct ssh *s, const char *path, struct error **err)
{
	CLEANUP_FREE char *part = xasprintf("%s.part", path);
	struct target t = {part, open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
	struct etcd_sink sink = {on_begin, on_piece, &t};
	int r = t.fd < 0 ? error_errno(err, errno, "%s", part) : etcd_take_snapshot(s, &sink, err);

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
