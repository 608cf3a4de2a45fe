/*
 * oci: the documents of OCI images (image-spec 1.1) and Docker's schema 2, which registries still answer with:
 * descriptors, manifests, indexes.  Reading only trusts what it has checked: digests are SHA-256 in lower-case hex, sizes
 * are not negative, and bytes are compared with the digest under which they were asked for.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/json.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI_REF_NAME "org.opencontainers.image.ref.name"
#define OCI_TITLE "org.opencontainers.image.title"

#define OCI_DIGEST_LEN (7 + DIGEST_HEX_LEN) /* "sha256:" and the digits, without the NUL */
/* Registries answer manifests of at most 4 MiB (distribution-spec); more is an error here too. */
#define OCI_MANIFEST_MAX (4u * 1024 * 1024)

struct descriptor {
	char *media_type; /* "" where it says none */
	char *digest;	  /* checked */
	int64_t size;
	struct json_object *annotations; /* NULL where there are none */
};

struct manifest {
	char *media_type; /* OCI_MANIFEST or DOCKER_MANIFEST */
	struct descriptor config;
	struct descriptor *layers;
	size_t n;
};

bool oci_digest_valid(const char *digest);
void oci_digest(const void *p, size_t n, char ret[OCI_DIGEST_LEN + 1]);
/* ERROR_REMOTE with both digests where the bytes are not those of digest; what: "manifest of pause:3.10.2". */
int oci_check(const void *p, size_t n, const char *digest, const char *what, struct error **err) MUST_USE;

int descriptor_parse(struct json_object *o, struct descriptor *ret, struct error **err) MUST_USE;
void descriptor_copy(struct descriptor *to, const struct descriptor *from);
void descriptor_free(struct descriptor *d);
#define CLEANUP_DESCRIPTOR CLEANUP(descriptor_free)
const char *descriptor_annotation(const struct descriptor *d, const char *key); /* NULL where missing */
struct json_object *descriptor_json(const struct descriptor *d);		/* the caller puts */

/* Is this document an index (a list of manifests) and no manifest?  Told by what it holds: mediaType may be missing. */
bool oci_is_index(struct json_object *document);
int manifest_parse(struct json_object *document, struct manifest *ret, struct error **err) MUST_USE;
void manifest_free(struct manifest *m);
#define CLEANUP_MANIFEST CLEANUP(manifest_free)
/*
 * The one entry of an index for linux/amd64, among those whose ref.name is `ref` (NULL: among all).  An entry that names no
 * platform is taken where none names linux/amd64.  ERROR_NOT_FOUND says what there is instead.
 */
int index_pick(struct json_object *index, const char *ref, struct descriptor *ret, struct error **err) MUST_USE;
