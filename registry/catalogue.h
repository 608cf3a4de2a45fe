/*
 * catalogue: which upstream files and images a cluster of some Kubernetes version is made of.  Pure: tables in, addresses out.
 * To move to a new patch of a component, or to add a Kubernetes minor, edit the tables in catalogue.c.
 */
#pragma once
#include "core/cluster/artifact.h"
#include "core/cluster/spec.h"

struct catalogue_item {
	const char *name;
	char *version;	    /* "3.6.16", without the v */
	char *url;	    /* upstream's */
	char *checksum_url; /* NULL: upstream publishes no checksum; the digest of the first download is pinned */
	enum artifact_format format;
	unsigned strip;
	struct strv programs;
	unsigned roles; /* as struct artifact's */
	/* Of a file of the operator's, else NULL: what it has to be, and where the cluster file names it.  Its url is a file's, behind no mirror. */
	char *digest, *place;
	char *own_name; /* what name points to, where no table has it */
};

struct catalogue {
	struct catalogue_item *items; /* in the order in which nodes need them */
	size_t n;
	struct strv images; /* full names: "registry.k8s.io/pause:3.10.2"; the file's own last */
};

/* What the file needs.  ERROR_CONFIG where its Kubernetes version is none that is supported, or two images would have one name. */
int catalogue_make(const struct spec *spec, struct catalogue *ret, struct error **err) MUST_USE;
void catalogue_free(struct catalogue *c);
#define CLEANUP_CATALOGUE CLEANUP(catalogue_free)
/* Earlier in this order: needed earlier by the first node.  Of artifacts by their name, of images by "pause:3.10.2". */
size_t catalogue_rank(const char *name);
/* The platform's version of which these are; NULL where nothing tells. */
const char *catalogue_version(const struct artifacts *a);
/* "https://HOST/PATH" behind a mirror: "MIRROR/HOST/PATH"; mirror NULL: a copy.  The caller frees. */
char *catalogue_url(const char *upstream, const char *mirror) MUST_USE;
