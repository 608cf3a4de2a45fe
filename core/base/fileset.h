/*
 * fileset: files to be put on a node, in memory: path, mode, owner, content; sorted by path when packed.
 * Rendering fills one, `davit render` prints it, the archive is made of it.  Contents may be secret: wiped when freed.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

struct file {
	char *path;	  /* absolute */
	unsigned mode;	  /* 0644; folders are made as needed, 0755 root:root */
	char *link;	  /* a symbolic link to this, when not NULL */
	char *source;	  /* a file on this machine whose bytes are the content, when not NULL (large binaries) */
	struct buf content;
	char *identity; /* what counts of it where nodes are compared with what they should have, when not NULL: the node itself may change the rest */
	bool secret;	  /* `davit render` prints its digest only, unless asked */
};

struct fileset {
	struct file *files;
	size_t n, cap;
};
#define FILESET_INIT ((struct fileset){0})

/* Each returns the new entry, valid until the next call.  A path that is there already is replaced. */
struct file *fileset_add(struct fileset *s, const char *path, unsigned mode, const char *content);
struct file *fileset_add_mem(struct fileset *s, const char *path, unsigned mode, const void *p, size_t n);
struct file *fileset_add_secret(struct fileset *s, const char *path, unsigned mode, const char *content);
struct file *fileset_link(struct fileset *s, const char *path, const char *target);
struct file *fileset_source(struct fileset *s, const char *path, unsigned mode, const char *source);
const struct file *fileset_find(const struct fileset *s, const char *path);
void fileset_sort(struct fileset *s);
void fileset_free(struct fileset *s);
#define CLEANUP_FILESET CLEANUP(fileset_free)
