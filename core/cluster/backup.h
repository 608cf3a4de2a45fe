/*
 * backup: the file of `davit etcd backup`: a snapshot of etcd, or of `davit swarm backup`: what a manager has; and what it cannot be read without.
 *
 *   davit-backup/1 HEADER SEALED SHA256\n   bytes of the two parts that follow, and the digest of the second
 *   {"cluster": "demo", …}\n                the header: what it is, for everybody to read
 *   sealed (CMS, pki/seal.h)                {"davit": "sealed/1", "header": SHA256, "key": HEX, "unlock": KEYS}\n and the recovery file (recovery.h)
 *   the snapshot, by AES-256-CTR            as long as it is: etcd's, or a tar of the folder swarm (and mke.tar, MKE's own backup), by gzip
 *
 * The sealed part vouches for the header, and the header's digest for the snapshot.  Without davit: docs/reliability.md.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/strv.h"

enum {
	BACKUP_LINE_MAX = 128,		      /* of the first line, with its newline */
	BACKUP_HEADER_MAX = 64 * 1024,	      /* as all readers of it allow */
	BACKUP_SEALED_MAX = 64 * 1024 * 1024,
	BACKUP_KEY_HEX = 64,
};

struct backup_frame {
	size_t line, header, sealed; /* bytes of each part */
	char sealed_sha256[DIGEST_HEX_LEN + 1];
};

struct backup {
	char *cluster, *uuid;
	char *docker;			   /* "29.9.3", the engine: it is of a swarm.  NULL: of Kubernetes, and the next ones are set */
	char *mke;			   /* "3.9.2": with MKE's own backup beside the swarm's data; else NULL */
	char *kubernetes;		   /* "1.36.3" */
	char *etcd, *storage;		   /* "3.6.16" of the programs, "3.6.0" of the data */
	int64_t revision, keys;
	char *node;			   /* whose snapshot it is */
	int64_t taken_ms;		   /* since 1970 */
	int64_t size;			   /* of the snapshot */
	char sha256[DIGEST_HEX_LEN + 1];   /* likewise */
	struct strv sealed_for;		   /* "passphrase", "CN=ops SHA256" */
};
void backup_clear(struct backup *b);
#define CLEANUP_BACKUP CLEANUP(backup_clear)

void backup_write_frame(const struct backup_frame *f, struct buf *ret);
/* text: the file's beginning, BACKUP_LINE_MAX bytes or all that there is. ERROR_CONFIG: it is no backup of davit's. */
int backup_read_frame(const char *text, size_t len, struct backup_frame *ret, struct error **err) MUST_USE;
void backup_write(const struct backup *b, struct buf *ret); /* one line */
int backup_read(const char *text, size_t len, struct backup *ret, struct error **err) MUST_USE; /* ERROR_CONFIG */
/* The sealed part: all but the recovery file, which follows. Secret.  unlock: keys that open the swarm's managers, the newest first, a space between; NULL: none. */
void backup_write_sealed(const char *header_sha256, const char *key_hex, const char *unlock, struct buf *ret);
/* ERROR_CONFIG: it is not of this header, or none.  *ret_recovery points into text; *ret_unlock: secret_free() it. */
int backup_read_sealed(const char *text, size_t len, const char *header_sha256, char ret_key_hex[BACKUP_KEY_HEX + 1], char **ret_unlock,
		       const char **ret_recovery, struct error **err) MUST_USE;
/* The key's bytes, of hexadecimal digits that were checked. */
void backup_key(const char *hex, uint8_t ret[BACKUP_KEY_HEX / 2]);

/* "demo-2026-11-26T06-15-00Z.davit-backup"; the caller frees. */
char *backup_name(const char *cluster, int64_t taken_ms) MUST_USE;
bool backup_is_name(const char *name, const char *cluster);
int64_t backup_name_ms(const char *name); /* when one of such a name was taken, since 1970 */
/* Of n backups of one cluster the names of those beyond the `keep` newest. */
struct backup_entry {
	const char *name;
	int64_t taken_ms;
};
void backup_retire(struct backup_entry *files, size_t n, size_t keep, struct strv *ret); /* sorts files */

/* What of it cannot go back into this cluster, a sentence each; kubernetes: the version that the cluster has; etcd: the oldest of its
 * control planes' programs. */
void backup_refusals(const struct backup *b, const char *kubernetes, const char *etcd, struct strv *ret);
/* ERROR_CONFIG: it is of another cluster. */
int backup_check_cluster(const struct backup *b, const char *cluster, const char *uuid, struct error **err) MUST_USE;
