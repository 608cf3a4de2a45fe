#include "bootstrap/tarball.h"
#include "core/base/alloc.h"
#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

struct tarball {
	struct fileset *files;
	bool (*wanted)(const struct file *f, void *context);
	void *context;
	const struct file *last;
	struct archive *archive;
	struct buf out;		 /* packed and not yet read */
	size_t taken;		 /* bytes of out that were */
	size_t at;		 /* next entry; files->n: `last`; beyond: closed */
	const struct file *open; /* the entry whose source is being copied */
	int fd;
	int64_t left;
};

static int digest_entry(struct digest *d, const struct file *f, struct error **err)
{
	char content[DIGEST_HEX_LEN + 1] = "";
	CLEANUP_FREE char *head = NULL;

	if (f->source != NULL) {
		if (digest_file(f->source, content, NULL, err) < 0)
			return -1;
	} else if (f->link == NULL) {
		digest_hex(buf_str(&f->content), f->content.len, content);
	}
	head = xasprintf("%s\n%o\n%s\n%s\n", f->path, f->mode, f->link != NULL ? f->link : "", content);
	digest_update(d, head, strlen(head));
	return 0;
}

int tarball_digest(struct fileset *files, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err)
{
	struct digest *d = digest_new();

	fileset_sort(files);
	for (size_t i = 0; i < files->n; i++) {
		if (digest_entry(d, &files->files[i], err) < 0) {
			digest_free(d);
			return -1;
		}
	}
	digest_final(d, ret_hex);
	return 0;
}

static la_ssize_t collect(struct archive *a UNUSED, void *context, const void *p, size_t n)
{
	struct tarball *t = context;

	buf_add_mem(&t->out, p, n);
	return (la_ssize_t)n;
}

/* Only fails where libarchive lacks tar or gzip, or memory. */
static void must(int status)
{
	if (status != ARCHIVE_OK)
		abort();
}

struct tarball *tarball_new(struct fileset *files, bool (*wanted)(const struct file *f, void *context), void *context,
			    const struct file *last, bool gzip)
{
	struct tarball *t = xnew(struct tarball);

	assert(last == NULL || last->source == NULL);
	*t = (struct tarball){.files = files, .wanted = wanted, .context = context, .last = last, .fd = -1};
	fileset_sort(files);
	t->archive = archive_write_new();
	if (t->archive == NULL)
		abort();
	must(archive_write_set_format_pax_restricted(t->archive));
	if (gzip) {
		must(archive_write_add_filter_gzip(t->archive));
		must(archive_write_set_filter_option(t->archive, "gzip", "timestamp", NULL));
	}
	must(archive_write_set_bytes_in_last_block(t->archive, 1));
	must(archive_write_open(t->archive, t, NULL, collect, NULL));
	return t;
}

void tarball_free(struct tarball *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		close(t->fd);
	archive_write_free(t->archive);
	buf_wipe(&t->out);
	free(t);
}

void tarball_free_ptr(struct tarball **t)
{
	tarball_free(*t);
}

static int open_source(struct tarball *t, const struct file *f, struct error **err)
{
	struct stat st = {0};

	t->fd = open(f->source, O_RDONLY | O_CLOEXEC);
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		return error_errno(err, errno, "cannot open %s, which is to become %s on the node", f->source, f->path);
	t->left = st.st_size;
	t->open = f;
	return 0;
}

static int write_data(struct tarball *t, const struct file *f, const void *p, size_t n, struct error **err)
{
	if (n > 0 && archive_write_data(t->archive, p, n) != (la_ssize_t)n)
		return error_set(err, ERROR_INTERNAL, "cannot pack %s: %s", f->path, archive_error_string(t->archive));
	return 0;
}

static int write_header(struct tarball *t, const struct file *f, int64_t size, struct error **err)
{
	struct archive_entry *e = archive_entry_new();
	int status = 0;

	archive_entry_set_pathname(e, f->path + 1); /* relative to / */
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_perm(e, f->mode);
	archive_entry_set_filetype(e, f->link != NULL ? AE_IFLNK : AE_IFREG);
	archive_entry_set_size(e, size);
	if (f->link != NULL)
		archive_entry_set_symlink(e, f->link);
	status = archive_write_header(t->archive, e);
	archive_entry_free(e);
	if (status != ARCHIVE_OK)
		return error_set(err, ERROR_INTERNAL, "cannot pack %s: %s", f->path, archive_error_string(t->archive));
	return 0;
}

static int write_entry(struct tarball *t, const struct file *f, struct error **err)
{
	if (f->source != NULL && open_source(t, f, err) < 0)
		return -1;
	if (write_header(t, f, f->source != NULL ? t->left : (int64_t)f->content.len, err) < 0)
		return -1;
	if (f->source != NULL)
		return 0;
	return write_data(t, f, buf_str(&f->content), f->content.len, err);
}

/* The next bytes of the open source. */
static int write_source(struct tarball *t, struct error **err)
{
	char chunk[CHUNK];
	ssize_t n = 0;

	if (t->left == 0) {
		close(t->fd);
		t->fd = -1;
		t->open = NULL;
		return 0;
	}
	n = read(t->fd, chunk, t->left < CHUNK ? (size_t)t->left : CHUNK);
	if (n < 0)
		return error_errno(err, errno, "cannot read %s", t->open->source);
	if (n == 0)
		return error_set(err, ERROR_INTERNAL, "%s became shorter while it was sent: run the same command again",
				 t->open->source);
	t->left -= n;
	return write_data(t, t->open, chunk, (size_t)n, err);
}

/* Pack a bit more; false in *ret_more once everything is packed. */
static int advance(struct tarball *t, bool *ret_more, struct error **err)
{
	const struct file *f = NULL;

	*ret_more = true;
	if (t->open != NULL)
		return write_source(t, err);
	if (t->at > t->files->n) {
		*ret_more = false;
		return 0;
	}
	if (t->at < t->files->n)
		f = &t->files->files[t->at];
	else
		f = t->last;
	t->at++;
	if (f != NULL && (f == t->last || t->wanted == NULL || t->wanted(f, t->context)) && write_entry(t, f, err) < 0)
		return -1;
	if (t->at > t->files->n && archive_write_close(t->archive) != ARCHIVE_OK)
		return error_set(err, ERROR_INTERNAL, "cannot end the archive: %s", archive_error_string(t->archive));
	return 0;
}

int tarball_read(void *p, size_t n, size_t *ret_n, void *tarball, struct error **err)
{
	struct tarball *t = tarball;
	bool more = true;

	if (t->taken == t->out.len) {
		buf_truncate(&t->out, 0);
		t->taken = 0;
	}
	while (t->out.len == 0 && more)
		if (advance(t, &more, err) < 0)
			return -1;
	if (n > t->out.len - t->taken)
		n = t->out.len - t->taken;
	if (n > 0)
		memcpy(p, t->out.data + t->taken, n);
	t->taken += n;
	*ret_n = n;
	return 0;
}
