#include "bootstrap/upgrade.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SNAPSHOT_MS = 30 * 60 * 1000 }; /* of at most 8 GiB, etcd's quota */

struct snapshot {
	const char *path;
	int fd;
	struct digest *digest;
	int64_t size;
};

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	struct snapshot *t = context;

	for (size_t done = 0; done < n;) {
		ssize_t written = write(t->fd, (const char *)p + done, n - done);

		if (written < 0 && errno != EINTR)
			return error_errno(err, errno, "%s", t->path);
		done += written > 0 ? (size_t)written : 0;
	}
	digest_update(t->digest, p, n);
	t->size += (int64_t)n;
	return 0;
}

/* "DIGEST  -", what sha256sum has said last. */
static bool is_whole(struct snapshot *t, const char *errors)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_final(steal_ptr(t->digest), hex);
	return t->size > 0 && strstr(errors, hex) != NULL;
}

static int fetch(struct ssh *s, struct snapshot *t, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	struct ssh_command c = {.write = on_output, .write_context = t, .errors = &errors, .deadline = clock_deadline(SNAPSHOT_MS)};
	int status = 0;

	remote_command(&command, text_snapshot);
	c.command = buf_str(&command);
	if (ssh_run(s, &c, &status, err) < 0)
		return -1;
	words = remote_words(buf_str(&errors));
	if (status != 0)
		return error_set(err, ERROR_NODE, "etcdctl ended with status %d: %s", status, words);
	if (!is_whole(t, buf_str(&errors)))
		return error_set(err, ERROR_NODE, "what arrived (%lld bytes) is not what etcd has written", (long long)t->size);
	return fsync(t->fd) < 0 ? error_errno(err, errno, "%s", t->path) : 0;
}

int kubernetes_snapshot(struct ssh *s, const char *path, struct error **err)
{
	CLEANUP_FREE char *part = xasprintf("%s.part", path);
	struct snapshot t = {.path = part, .fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), .digest = digest_new()};
	int r = t.fd < 0 ? error_errno(err, errno, "%s", part) : fetch(s, &t, err);

	if (t.fd >= 0)
		close(t.fd);
	digest_free(t.digest);
	if (r == 0 && rename(part, path) < 0)
		r = error_errno(err, errno, "%s", path);
	if (r < 0)
		(void)unlink(part);
	return r < 0 ? error_wrap(err, "the snapshot of etcd") : 0;
}
