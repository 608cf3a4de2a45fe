/*
 * layout: an OCI image layout on disk (image-spec, "image-layout"): oci-layout, index.json, blobs/sha256/HEX.
 *
 * Blobs appear by rename, complete.  index.json is replaced last and atomically, after the blobs have reached the disk: what
 * it names is there.  Blobs that it does not name may stem from a run that was cut off: they are hashed before use.
 */
#pragma once
#include "registry/oci.h"

/* Make what is missing of an empty layout; ERROR_CONFIG where the folder holds a layout of a version other than 1. */
int layout_init(const char *folder, struct error **err) MUST_USE;
/* One writer at a time: wait for another's run to end, calling waiting() once when there is one.  The fd is to be closed. */
int layout_lock(const char *folder, void (*waiting)(void *context), void *context, int *ret_fd, struct error **err) MUST_USE;
char *layout_blob_path(const char *folder, const char *digest) MUST_USE;
/* Where a download of that name is put until it is whole; its folder is there after layout_init(). */
char *layout_partial_path(const char *folder, const char *name) MUST_USE;

/* There is a blob of that size (-1: any). */
bool layout_has(const char *folder, const char *digest, int64_t size);
int64_t layout_blob_size(const char *folder, const char *digest); /* -1: not there */
/* Read and hash: ERROR_CONFIG where the blob is missing, has another size (-1: any) or is damaged. */
int layout_verify(const char *folder, const char *digest, int64_t size, struct error **err) MUST_USE;
int layout_add(const char *folder, const void *data, size_t len, char ret_digest[OCI_DIGEST_LEN + 1],
	       struct error **err) MUST_USE;
/* A small blob, at most OCI_MANIFEST_MAX, hashed; errors as layout_verify(). */
int layout_read(const char *folder, const char *digest, struct buf *ret, struct error **err) MUST_USE;
/* The manifest of that digest, read and parsed. */
int layout_manifest(const char *folder, const char *digest, struct manifest *ret, struct error **err) MUST_USE;

/* index.json.  ERROR_NOT_FOUND where there is none, ERROR_CONFIG where it cannot be read. The caller puts. */
int layout_index(const char *folder, struct json_object **ret, struct error **err) MUST_USE;
struct json_object *layout_index_new(void);
/* The entry named ref; false: there is none. */
bool layout_index_find(struct json_object *index, const char *ref, struct descriptor *ret);
/* Takes entry; one of the same name (ref.name annotation) is replaced. */
void layout_index_put(struct json_object *index, struct json_object *entry);
void layout_index_sort(struct json_object *index);
/* Entries sorted by name, blobs flushed, then the file replaced. */
int layout_index_write(const char *folder, struct json_object *index, struct error **err) MUST_USE;
