/*
 * artifact: one upstream download as the bundle holds it and nodes get it: a blob, by digest.
 *
 * On a node an artifact is unpacked into /opt/davit/lib/NAME/VERSION/, and each of its programs is linked from /opt/davit/bin/;
 * an upgrade unpacks beside it and switches the links.  Packages and images lie there as NAME, as they came.
 */
#pragma once
#include "core/base/strv.h"
#include "core/cluster/inventory.h"

enum artifact_format {
	ARTIFACT_FILE,	 /* the program itself */
	ARTIFACT_GZ,	 /* the same, compressed by davit when the bundle was made */
	ARTIFACT_TAR_GZ,
	ARTIFACT_DEB,	 /* a package, which the node's own package manager installs; it has no programs here */
	ARTIFACT_IMAGES	 /* images as "docker save" writes them, also compressed, which the engine loads; likewise */
};

struct artifact {
	char *name;    /* "kubelet", "etcd", "cni-plugins" */
	char *version; /* "1.36.3" */
	char *digest;  /* "sha256:…" of the blob */
	int64_t size;  /* bytes of the blob */
	char *content; /* ARTIFACT_GZ: "sha256:…" of the program, as upstream publishes it; else NULL */
	enum artifact_format format;
	unsigned strip;	       /* leading path components of a tar's members to drop */
	struct strv programs;  /* file names (after strip) to link into /opt/davit/bin; for ARTIFACT_FILE and GZ the one file's name */
	unsigned roles;	       /* bit set of 1u << enum node_role */
	char *source;	       /* upstream's address, also where it came through a mirror; NULL: not known */
	bool unpublished;      /* upstream publishes no checksum: the digest is that of the first download */
};

#define MSR_IMAGES "msr-images" /* the name of the one with the images of MSR: of its own pool alone */
#define ARTIFACT_ROLES(role) (1u << (role))

struct artifacts {
	struct artifact *items;
	size_t n, cap;
	struct strv images; /* what the registry serves: "pause:3.10.2", under REGISTRY_NAME:REGISTRY_PORT/ */
};
void artifacts_free(struct artifacts *a);
const struct artifact *artifacts_find(const struct artifacts *a, const char *name);
