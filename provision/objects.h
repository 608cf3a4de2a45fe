/*
 * objects: a place in an object store, where files go and come from: a container of the project's Swift, or a bucket of S3 (s3.h).
 *
 *   swift://CONTAINER[/PREFIX]    s3://BUCKET[/PREFIX]
 *
 * Container and bucket must be there.  A file is one object, of at most 5 GiB: what both take at once.
 */
#pragma once
#include "core/base/error.h"
#include "core/base/strv.h"
#include <stdint.h>

struct objects;

#define OBJECTS_MAX ((int64_t)5 << 30)

bool objects_is_url(const char *s);
/* cloud: whose Swift, as cloud_open() takes it.  ERROR_USAGE for an URL that is none, ERROR_CONFIG without keys for S3, ERROR_NOT_FOUND in a cloud without Swift. */
int objects_open(const char *url, const char *cloud, struct objects **ret, struct error **err) MUST_USE;
void objects_close(struct objects *o);
void objects_close_ptr(struct objects **o);
#define CLEANUP_OBJECTS CLEANUP(objects_close_ptr)

/* "swift://CONTAINER/PREFIX/name", as people give it again; the caller frees. */
char *objects_url(const struct objects *o, const char *name) MUST_USE;

struct object {
	char *name; /* behind the place's prefix */
	int64_t size;
};
struct object_list {
	struct object *objects; /* by name */
	size_t n, cap;
};
void object_list_clear(struct object_list *l);
#define CLEANUP_OBJECT_LIST CLEANUP(object_list_clear)
/* Those whose name begins so. */
int objects_list(struct objects *o, const char *begin, struct object_list *ret, struct error **err) MUST_USE;
/* The whole file, in the place of what has that name. */
int objects_put(struct objects *o, const char *name, const char *path, struct error **err) MUST_USE;
/* Into an open, empty file; begun anew where it broke off.  name "": the object that the URL itself names. */
int objects_get(struct objects *o, const char *name, int fd, struct error **err) MUST_USE;
int objects_remove(struct objects *o, const char *name, struct error **err) MUST_USE; /* also when it is gone already */
