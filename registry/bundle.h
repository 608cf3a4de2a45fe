/*
 * bundle: how a bundle is written down in its OCI layout.
 *
 * index.json names one image manifest per image ("pause:3.10.2") and, for each Kubernetes version that the bundle serves, one
 * artifact manifest "davit/artifacts:VERSION", whose layers are the programs and whose annotations say what each is.  Names are those
 * under which the cluster's registry serves the same bytes.  Making a bundle adds to the layout and removes nothing.
 */
#pragma once
#include "registry/catalogue.h"
#include "registry/layout.h"

#define BUNDLE_TYPE "application/vnd.davit.bundle.v1"
#define BUNDLE_CONTENT "dev.davit.content" /* annotation of what davit has compressed: digest of what upstream publishes */
#define BUNDLE_SOURCE "dev.davit.source" /* annotation: upstream's address, or the image's full name */

/* "davit/artifacts:1.36.3"; the caller frees. */
char *bundle_ref(const char *version) MUST_USE;
/* The artifact manifest's bytes: the same for the same artifacts. */
void bundle_describe(const struct artifacts *a, const char *version, struct buf *ret);
/* What an artifact manifest describes (images stay empty).  ERROR_CONFIG where it is none. */
int bundle_parse(const char *text, size_t len, const char *what, struct artifacts *ret, struct error **err) MUST_USE;
/* Those of the version that the index knows; none is no error. */
int bundle_recorded(const char *folder, struct json_object *index, const char *version, struct artifacts *ret,
		    struct error **err) MUST_USE;
/* All blobs of an image of the layout, its manifest first.  The caller frees *ret by descriptor_list_free(). */
int bundle_image_blobs(const char *folder, const struct descriptor *manifest, struct descriptor **ret, size_t *ret_n,
		       struct error **err) MUST_USE;
void descriptor_list_free(struct descriptor *list, size_t n);
