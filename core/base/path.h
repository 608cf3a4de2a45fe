/*
 * path: whole files and folders.  Writes are atomic: a temporary file beside the target, fsync, rename.
 * Paths are joined with xasprintf("%s/%s", …) by the caller.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/strv.h"
#include <sys/types.h>

/* Largest file that path_read() takes: 64 MiB. */
#define PATH_READ_MAX (64u * 1024 * 1024)

int path_read(const char *path, struct buf *ret, struct error **err) MUST_USE; /* ERROR_NOT_FOUND where there is none */
/* All of it or nothing, and on the disk. */
int path_write(const char *path, const void *data, size_t len, mode_t mode, struct error **err) MUST_USE;
/* The same without a wait for the disk, for what can be made again: after a power cut it may be empty. */
int path_write_unsynced(const char *path, const void *data, size_t len, mode_t mode, struct error **err) MUST_USE;
bool path_exists(const char *path);
int path_mkdirs(const char *path, mode_t mode, struct error **err) MUST_USE; /* like mkdir -p; mode for those made */
int path_remove_tree(const char *path, struct error **err) MUST_USE;	      /* like rm -rf; no error where it is not there */
int path_list(const char *path, struct strv *ret_names, struct error **err) MUST_USE; /* sorted, without . and .. */
/* "/var/lib/data" as one word: "var-lib-data".  The caller frees. */
char *path_slug(const char *path) MUST_USE;
/* "~/x" with the home folder; else a copy.  The caller frees. */
char *path_expand(const char *path) MUST_USE;
/* As seen from the root: one that does not begin there is below the folder that this process is in.  The caller frees. */
char *path_absolute(const char *path) MUST_USE;
/* $ENV/davit or $HOME/FALLBACK/davit, e.g. ("XDG_STATE_HOME", ".local/state"). */
char *path_xdg(const char *env, const char *fallback) MUST_USE;
