/* etcd_file: the file of a backup (core/cluster/backup.h), written and read in pieces: its snapshot may be larger than memory. */
#pragma once
#include "core/cluster/backup.h"
#include "pki/seal.h"
#include <sys/types.h>

/* ---- written: beside its place, and renamed at the end */

struct etcd_writer {
	char *path, *part; /* part: NULL where there is nothing to take away */
	int fd;
	struct seal_stream *stream;
	struct digest *digest; /* of the file */
	int64_t size;
};
/* All but the snapshot. */
int etcd_writer_open(const char *path, const struct backup *header, const struct buf *recovery, const struct seal_to *to, struct etcd_writer *ret,
		     struct error **err) MUST_USE;
int etcd_writer_add(struct etcd_writer *w, const void *p, size_t n, struct error **err) MUST_USE;
/* On the disk, under its name. */
int etcd_writer_end(struct etcd_writer *w, int64_t *ret_size, char ret_sha256[DIGEST_HEX_LEN + 1], struct error **err) MUST_USE;
void etcd_writer_close(struct etcd_writer *w); /* of one that has not come to its end nothing is left */
#define CLEANUP_ETCD_WRITER CLEANUP(etcd_writer_close)

/* ---- read */

struct etcd_file {
	const char *path;
	int fd;
	struct backup_frame frame;
	struct backup header;
	char header_sha256[DIGEST_HEX_LEN + 1];
	uint8_t key[SEAL_KEY_LEN]; /* once it was opened */
};
/* First line, header, lengths. ERROR_CONFIG: it is damaged, or no backup; ERROR_USAGE: there is no such file. */
int etcd_file_open(const char *path, struct etcd_file *ret, struct error **err) MUST_USE;
bool etcd_file_is_backup(const char *path); /* by its first line, whatever else is the matter with it */
void etcd_file_close(struct etcd_file *f);
#define CLEANUP_ETCD_FILE CLEANUP(etcd_file_close)
/* By a private key's PEM text or a passphrase; ret: the recovery file, secret. */
int etcd_file_unseal(struct etcd_file *f, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err) MUST_USE;
/* Reads all of it. ERROR_CONFIG: it is not what was written. */
int etcd_file_verify(const struct etcd_file *f, struct error **err) MUST_USE;

/* The snapshot as it was, piece by piece; several may read the same file. */
struct etcd_pull {
	const struct etcd_file *file;
	struct seal_stream *stream;
	off_t at, end;
};
void etcd_pull_begin(struct etcd_pull *p, const struct etcd_file *f);
int etcd_pull_read(void *to, size_t n, size_t *ret_n, void *pull, struct error **err); /* as ssh_read */
void etcd_pull_end(struct etcd_pull *p);
#define CLEANUP_ETCD_PULL CLEANUP(etcd_pull_end)
