/*
 * tarball: a fileset as a tar stream that is made while it is read, so that large files never are in memory; the only home of
 * archive.h.  Reproducible: sorted by path, mtime 0, root:root, no time stamp in gzip's header.
 */
#pragma once
#include "core/base/digest.h"
#include "core/base/fileset.h"

struct tarball;

/* The digest of what the files say (path, mode, content, target of a link), whatever packs them.  Sorts the set. */
int tarball_digest(struct fileset *files, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err) MUST_USE;

/* Entries for which wanted() is false are left out (NULL: none).  `last`, when not NULL, is an entry written behind all others.
 * files and last outlive the tarball.  gzip: for text; large binaries cost more time than they save. */
struct tarball *tarball_new(struct fileset *files, bool (*wanted)(const struct file *f, void *context), void *context,
			    const struct file *last, bool gzip);
void tarball_free(struct tarball *t);
void tarball_free_ptr(struct tarball **t);
#define CLEANUP_TARBALL CLEANUP(tarball_free_ptr)
/* The next bytes, as ssh_read(); *ret_n 0 is the end. */
int tarball_read(void *p, size_t n, size_t *ret_n, void *tarball, struct error **err) MUST_USE;
