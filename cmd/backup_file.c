#include "cmd/backup_file.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

/* ---- written */

static int put(struct backup_writer *w, const void *p, size_t n, struct error **err)
{
	for (size_t done = 0; done < n;) {
		ssize_t written = write(w->fd, (const char *)p + done, n - done);

		if (written < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot write %s", w->part);
		done += written > 0 ? (size_t)written : 0;
	}
	digest_update(w->digest, p, n);
	w->size += (int64_t)n;
	return 0;
}

/* Header and sealed part, with a new key for the snapshot. */
static int put_head(struct backup_writer *w, const struct backup *header, const struct backup_secrets *secrets, const struct seal_to *to,
		    struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT, sealed = BUF_INIT, line = BUF_INIT;
	CLEANUP(buf_wipe) struct buf secret = BUF_INIT;
	CLEANUP_SECRET char *key = random_hex(SEAL_KEY_LEN);
	struct backup_frame frame = {0};
	char hex[DIGEST_HEX_LEN + 1];
	uint8_t bytes[SEAL_KEY_LEN];

	backup_write(header, &text);
	digest_hex(text.data, text.len, hex);
	backup_write_sealed(hex, key, secrets->unlock, &secret);
	buf_add_mem(&secret, buf_str(secrets->recovery), secrets->recovery->len);
	if (seal_write(secret.data, secret.len, to, &sealed, err) < 0)
		return -1;
	backup_key(key, bytes);
	w->stream = seal_stream_new(bytes);
	explicit_bzero(bytes, sizeof(bytes));
	frame.header = text.len;
	frame.sealed = sealed.len;
	digest_hex(sealed.data, sealed.len, frame.sealed_sha256);
	backup_write_frame(&frame, &line);
	return put(w, line.data, line.len, err) < 0 || put(w, text.data, text.len, err) < 0 || put(w, sealed.data, sealed.len, err) < 0 ? -1 : 0;
}

int backup_writer_open(const char *path, const struct backup *header, const struct backup_secrets *secrets, const struct seal_to *to,
		       struct backup_writer *ret, struct error **err)
{
	CLEANUP_BACKUP_WRITER struct backup_writer w = {.path = xstrdup(path), .part = xasprintf("%s.part", path), .fd = -1, .digest = digest_new()};

	w.fd = open(w.part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w.fd < 0)
		return error_errno(err, errno, "cannot write %s", w.part);
	if (put_head(&w, header, secrets, to, err) < 0)
		return -1;
	*ret = w;
	w = (struct backup_writer){.fd = -1};
	return 0;
}

int backup_writer_add(struct backup_writer *w, const void *p, size_t n, struct error **err)
{
	uint8_t piece[16 * 1024];

	for (size_t done = 0, now; done < n; done += now) {
		now = n - done < sizeof(piece) ? n - done : sizeof(piece);
		seal_stream_next(w->stream, (const char *)p + done, piece, now);
		if (put(w, piece, now, err) < 0)
			return -1;
	}
	return 0;
}

int backup_writer_end(struct backup_writer *w, int64_t *ret_size, char ret_sha256[DIGEST_HEX_LEN + 1], struct error **err)
{
	if (fsync(w->fd) < 0 || rename(w->part, w->path) < 0)
		return error_errno(err, errno, "cannot write %s", w->path);
	free(steal_ptr(w->part));
	digest_final(steal_ptr(w->digest), ret_sha256);
	*ret_size = w->size;
	return 0;
}

void backup_writer_close(struct backup_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->fd >= 0 && w->part != NULL)
		(void)unlink(w->part);
	free(w->path);
	free(w->part);
	seal_stream_free(w->stream);
	digest_free(w->digest);
	*w = (struct backup_writer){.fd = -1};
}

/* ---- read */

static int get(const struct backup_file *f, off_t at, void *to, size_t n, size_t *ret_n, struct error **err)
{
	ssize_t got;

	do
		got = pread(f->fd, to, n, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_errno(err, errno, "cannot read %s", f->path);
	*ret_n = (size_t)got;
	return 0;
}

static int get_part(const struct backup_file *f, size_t at, size_t n, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *bytes = xnew_n(char, n + 1);
	size_t got = 0;

	for (size_t done = 0; done < n; done += got) {
		if (get(f, (off_t)(at + done), bytes + done, n - done, &got, err) < 0)
			return -1;
		if (got == 0)
			return error_set(err, ERROR_CONFIG, "it is cut off");
	}
	buf_add_mem(ret, bytes, n);
	return 0;
}

static off_t snapshot_begins(const struct backup_file *f)
{
	return (off_t)(f->frame.line + f->frame.header + f->frame.sealed);
}

static int check_length(const struct backup_file *f, struct error **err)
{
	struct stat st = {0};
	long long wanted = (long long)snapshot_begins(f) + f->header.size;

	if (fstat(f->fd, &st) < 0)
		return error_errno(err, errno, "cannot read %s", f->path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_CONFIG, "it is no file that can be read twice");
	return st.st_size == wanted ? 0 : error_set(err, ERROR_CONFIG, "it is damaged: it has %lld bytes, not %lld", (long long)st.st_size, wanted);
}

static int read_head(struct backup_file *f, struct error **err)
{
	CLEANUP_BUF struct buf header = BUF_INIT;
	char line[BACKUP_LINE_MAX];
	size_t n = 0;

	if (get(f, 0, line, sizeof(line), &n, err) < 0 || backup_read_frame(line, n, &f->frame, err) < 0 ||
	    get_part(f, f->frame.line, f->frame.header, &header, err) < 0 || backup_read(buf_str(&header), header.len, &f->header, err) < 0)
		return -1;
	digest_hex(header.data, header.len, f->header_sha256);
	return check_length(f, err);
}

int backup_file_open(const char *path, struct backup_file *ret, struct error **err)
{
	CLEANUP_BACKUP_FILE struct backup_file f = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};

	if (f.fd < 0)
		return error_set(err, ERROR_USAGE, "cannot open %s: %s", path, strerror(errno));
	if (read_head(&f, err) < 0)
		return error_wrap(err, "%s", path);
	*ret = f;
	f = (struct backup_file){.fd = -1};
	return 0;
}

bool backup_file_is_backup(const char *path)
{
	struct backup_file f = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	char line[BACKUP_LINE_MAX];
	size_t n = 0;
	bool is = f.fd >= 0 && get(&f, 0, line, sizeof(line), &n, NULL) == 0 && backup_read_frame(line, n, &f.frame, NULL) == 0;

	backup_file_close(&f);
	return is;
}

void backup_file_close(struct backup_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	backup_clear(&f->header);
	explicit_bzero(f->key, sizeof(f->key));
	secret_free(f->unlock);
	*f = (struct backup_file){.fd = -1};
}

static int unseal(struct backup_file *f, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err)
{
	CLEANUP_BUF struct buf sealed = BUF_INIT;
	CLEANUP(buf_wipe) struct buf secret = BUF_INIT;
	char hex[DIGEST_HEX_LEN + 1], key[BACKUP_KEY_HEX + 1];
	const char *recovery = NULL;
	char *unlock = NULL;

	if (get_part(f, f->frame.line + f->frame.header, f->frame.sealed, &sealed, err) < 0)
		return -1;
	digest_hex(sealed.data, sealed.len, hex);
	if (strcmp(hex, f->frame.sealed_sha256) != 0)
		return error_set(err, ERROR_CONFIG, "it is damaged: the part with its keys is not what was written");
	if (seal_open(sealed.data, sealed.len, key_pem, passphrase, &secret, err) < 0 ||
	    backup_read_sealed(buf_str(&secret), secret.len, f->header_sha256, key, &unlock, &recovery, err) < 0)
		return -1;
	secret_free(f->unlock);
	f->unlock = unlock;
	backup_key(key, f->key);
	explicit_bzero(key, sizeof(key));
	buf_add_mem(ret, recovery, secret.len - (size_t)(recovery - secret.data));
	return 0;
}

int backup_file_unseal(struct backup_file *f, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err)
{
	return unseal(f, key_pem, passphrase, ret, err) < 0 ? error_wrap(err, "%s", f->path) : 0;
}

int backup_file_verify(const struct backup_file *f, struct error **err)
{
	CLEANUP_BACKUP_PULL struct backup_pull p;
	CLEANUP_FREE uint8_t *piece = xnew_n(uint8_t, PIECE);
	struct digest *digest = digest_new();
	char hex[DIGEST_HEX_LEN + 1];
	size_t n = 1;
	int r = 0;

	backup_pull_begin(&p, f);
	while (r == 0 && n > 0) {
		r = cancel_check(err) < 0 ? -1 : backup_pull_read(piece, PIECE, &n, &p, err);
		if (r == 0)
			digest_update(digest, piece, n);
	}
	digest_final(digest, hex);
	if (r < 0)
		return -1;
	return strcmp(hex, f->header.sha256) == 0 ? 0 : error_set(err, ERROR_CONFIG, "%s: it is damaged: its snapshot is not what was written", f->path);
}

/* ---- the snapshot */

void backup_pull_begin(struct backup_pull *p, const struct backup_file *f)
{
	*p = (struct backup_pull){f, seal_stream_new(f->key), snapshot_begins(f), snapshot_begins(f) + (off_t)f->header.size};
}

int backup_pull_read(void *to, size_t n, size_t *ret_n, void *pull, struct error **err)
{
	struct backup_pull *p = pull;
	size_t left = (size_t)(p->end - p->at), got = 0;

	if (left > 0 && get(p->file, p->at, to, n < left ? n : left, &got, err) < 0)
		return -1;
	if (left > 0 && got == 0)
		return error_set(err, ERROR_CONFIG, "%s: it has become shorter", p->file->path);
	seal_stream_next(p->stream, to, to, got);
	p->at += (off_t)got;
	*ret_n = got;
	return 0;
}

void backup_pull_end(struct backup_pull *p)
{
	seal_stream_free(steal_ptr(p->stream));
}
