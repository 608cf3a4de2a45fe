#include "cmd/backup_away.h"
#include "cmd/backup_file.h"
#include "cmd/backup_header.h"
#include "cmd/backup_open.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void row(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *[]){what, value});
}

static char *describe(const struct backup *b)
{
	if (b->docker != NULL)
		return xasprintf("%lld bytes", (long long)b->size);
	return xasprintf("%lld bytes, %lld keys, revision %lld", (long long)b->size, (long long)b->keys, (long long)b->revision);
}

static void print_table(const struct backup *b)
{
	static const char *const headings[] = {"WHAT", "VALUE"};
	struct table *t = table_new(headings, ARRAY_SIZE(headings));
	CLEANUP_FREE char *taken = clock_rfc3339(b->taken_ms), *sealed = strv_join(&b->sealed_for, ", ");
	CLEANUP_FREE char *etcd = b->docker == NULL ? xasprintf("%s (data of %s)", b->etcd, b->storage) : NULL, *snapshot = describe(b);

	row(t, "cluster", b->cluster);
	row(t, "uuid", b->uuid);
	row(t, "taken", taken);
	row(t, "of", b->node);
	if (b->docker != NULL) {
		row(t, "docker", b->docker);
		if (b->mke != NULL)
			row(t, "mke", b->mke);
	} else {
		row(t, "kubernetes", b->kubernetes);
		row(t, "etcd", etcd);
	}
	row(t, "snapshot", snapshot);
	row(t, "sha256 of it", b->sha256);
	row(t, "encrypted for", sealed);
	table_print(t);
}

/* ---- what it holds */

static int copy(struct backup_pull *from, int fd, const char *path, struct error **err)
{
	for (;;) {
		char piece[64 * 1024];
		size_t n = 0;

		if (backup_pull_read(piece, sizeof(piece), &n, from, err) < 0)
			return -1;
		if (n == 0)
			return 0;
		for (size_t done = 0; done < n;) {
			ssize_t written = write(fd, piece + done, n - done);

			if (written < 0 && errno != EINTR)
				return error_errno(err, errno, "%s", path);
			done += written > 0 ? (size_t)written : 0;
		}
	}
}

static int write_whole(const struct backup_file *f, const char *path, struct error **err)
{
	CLEANUP_FREE char *part = xasprintf("%s.part", path);
	CLEANUP_BACKUP_PULL struct backup_pull pull = {0};
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0)
		return error_errno(err, errno, "%s", part);
	backup_pull_begin(&pull, f);
	r = copy(&pull, fd, part, err);
	if (r == 0 && fsync(fd) < 0)
		r = error_errno(err, errno, "%s", part);
	close(fd);
	if (r == 0 && rename(part, path) < 0)
		r = error_errno(err, errno, "%s", path);
	if (r < 0)
		(void)unlink(part);
	return r;
}

/* All of the file is read and compared before anything of it is written. */
static int extract(const struct options *o, struct backup_file *f, struct error **err)
{
	CLEANUP(buf_wipe) struct buf recovery = BUF_INIT;

	if (path_exists(o->output_file))
		return error_set(err, ERROR_USAGE, "%s is there already, and is not written over", o->output_file);
	if (backup_unseal(o, f, &recovery, err) < 0 || backup_file_verify(f, err) < 0)
		return -1;
	return write_whole(f, o->output_file, err);
}

int verb_backup_show(const struct options *o, struct error **err)
{
	CLEANUP_BACKUP_FILE struct backup_file f = {.fd = -1};
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;

	if (backup_away_local(o->args.v[0], o->cloud, &folder, &path, err) < 0 || backup_file_open(path, &f, err) < 0)
		return -1;
	if (o->output_file != NULL && extract(o, &f, err) < 0)
		return -1;
	if (o->format == OUTPUT_JSON)
		output_json(backup_header_json(&f.header));
	else
		print_table(&f.header);
	return 0;
}
