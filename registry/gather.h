/* gather: what the two files that make a bundle share: gather.c (the whole, and the blobs) and resolve.c (what is to be fetched). */
#pragma once
#include "registry/catalogue.h"
#include "registry/layout.h"
#include "registry/pull.h"
#include <stdatomic.h>

struct events;

/* One artifact or one image: where it comes from and how far it is. */
struct source {
	const struct catalogue_item *item; /* NULL: an image */
	const char *image;		   /* "registry.k8s.io/pause:3.10.2" */
	char *label;			   /* "kubelet", "pause:3.10.2" */
	char *url;			   /* of an artifact, behind the mirror */
	struct pull *pull;		   /* of an image */
	char digest[OCI_DIGEST_LEN + 1];   /* of what upstream has: the artifact's file or the image's manifest; "": not known yet */
	char packed[OCI_DIGEST_LEN + 1];   /* of the artifact's blob where it is compressed by us; "": it is not */
	int64_t size;			   /* of the blob */
	struct descriptor *blobs; /* of an image: config and layers */
	size_t n_blobs;
	atomic_size_t missing; /* blobs still to be fetched */
	atomic_llong done, total;
	atomic_bool begun;
};

/* One blob to be fetched. */
struct wanted {
	struct source *source;
	const struct descriptor *blob; /* of an image; NULL: the artifact's one */
	struct gather *g;
	int64_t done, told_ms;
};

struct gather {
	const char *folder, *mirror;
	struct events *events;
	struct http *http;
	struct catalogue catalogue;
	struct json_object *index; /* of an earlier run, or NULL; only read by the jobs */
	struct artifacts recorded; /* by it */
	struct strv trusted;	   /* "DIGEST SIZE" of all that it names: flushed to the disk then, so that the size is enough */
	struct source *sources;
	size_t n;
	struct wanted *wanted;
	size_t n_wanted, cap_wanted;
	atomic_bool stop; /* something failed: what is under way may end, its partial files stay */
};

/* The blob is there and whole: by size where the index names it, else by hashing it.  size -1: any. */
bool gather_has(const struct gather *g, const char *digest, int64_t size);
void gather_take(struct source *s, const char *digest, int64_t size);
/* Does the bundle hold this artifact compressed by davit? */
bool gather_packs(const struct source *s);
/* Fill in digest and size (artifacts) or manifest and blobs (images), and how many blobs are missing. */
int gather_resolve_artifact(struct gather *g, struct source *s, struct error **err) MUST_USE;
int gather_resolve_image(struct gather *g, struct source *s, struct error **err) MUST_USE;
