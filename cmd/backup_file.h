/* backup_file: the file of a backup (core/cluster/backup.h), written and read in pieces: its snapshot may be larger than memory. */
#pragma once
#include "core/cluster/backup.h"
#include "pki/seal.h"
#include <sys/types.h>

/* ---- written: beside its place, and renamed at the end */

struct backup_writer {
	char *path, *part; /* part: NULL where there is nothing to take away */
	int fd;
	struct seal_stream *stream;
	struct digest *digest; /* of the file */
	int64_t size;
};
/* What is secret in it, beside its own key. */
struct backup_secrets {
	const struct buf *recovery;
	const char *unlock; /* as in backup_write_sealed() */
};
/* All but the snapshot. */
int backup_writer_open(const char *path, const struct backup *header, const struct backup_secrets *secrets, const struct seal_to *to,
		       struct backup_writer *ret, struct error **err) MUST_USE;
int backup_writer_add(struct backup_writer *w, const void *p, size_t n, struct error **err) MUST_USE;
/* On the disk, under its name. */
int backup_writer_end(struct backup_writer *w, int64_t *ret_size, char ret_sha256[DIGEST_HEX_LEN + 1], struct error **err) MUST_USE;
void backup_writer_close(struct backup_writer *w); /* of one that has not come to its end nothing is left */
#define CLEANUP_BACKUP_WRITER CLEANUP(backup_writer_close)

/* ---- read */

struct backup_file {
	const char *path;
	int fd;
	struct backup_frame frame;
	struct backup header;
	char header_sha256[DIGEST_HEX_LEN + 1];
	uint8_t key[SEAL_KEY_LEN]; /* once it was opened; so is the next one */
	char *unlock;		   /* keys of the swarm's managers, secret; NULL: there are none */
};
/* First line, header, lengths. ERROR_CONFIG: it is damaged, or no backup; ERROR_USAGE: there is no such file. */
int backup_file_open(const char *path, struct backup_file *ret, struct error **err) MUST_USE;
bool backup_file_is_backup(const char *path); /* by its first line, whatever else is the matter with it */
void backup_file_close(struct backup_file *f);
#define CLEANUP_BACKUP_FILE CLEANUP(backup_file_close)
/* By a private key's PEM text or a passphrase; ret: the recovery file, secret. */
int backup_file_unseal(struct backup_file *f, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err) MUST_USE;
/* Reads all of it. ERROR_CONFIG: it is not what was written. */
int backup_file_verify(const struct backup_file *f, struct error **err) MUST_USE;

/* The snapshot as it was, piece by piece; several may read the same file. */
struct backup_pull {
	const struct backup_file *file;
	struct seal_stream *stream;
	off_t at, end;
};
void backup_pull_begin(struct backup_pull *p, const struct backup_file *f);
int backup_pull_read(void *to, size_t n, size_t *ret_n, void *pull, struct error **err); /* as ssh_read */
void backup_pull_end(struct backup_pull *p);
#define CLEANUP_BACKUP_PULL CLEANUP(backup_pull_end)
