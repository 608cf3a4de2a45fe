/*
 * reference: the name of a container image, "registry.k8s.io/coredns/coredns:v1.14.7", in its parts.
 *
 * As Docker reads them: a first component with a dot, a colon or "localhost" is a registry, else it is docker.io; one
 * component of docker.io is below "library/"; no tag is "latest".  A digest pins what the tag must be.
 */
#pragma once
#include "core/base/error.h"

struct reference {
	char *host;	  /* "registry.k8s.io", "docker.io", "localhost:5000" */
	char *repository; /* "coredns/coredns" */
	char *tag;	  /* "v1.14.7" */
	char *digest;	  /* "sha256:…", or NULL */
};

/* ERROR_CONFIG with what is wrong where. */
int reference_parse(const char *s, struct reference *ret, struct error **err) MUST_USE;
void reference_free(struct reference *r);
#define CLEANUP_REFERENCE CLEANUP(reference_free)
/* The name under which the cluster's own registry serves it: "coredns/coredns:v1.14.7"; the caller frees. */
char *reference_local(const struct reference *r) MUST_USE;
/* Split "coredns/coredns:v1.14.7" (as reference_local() makes it) at its tag; the caller frees both. */
int reference_split_local(const char *local, char **ret_repository, char **ret_tag, struct error **err) MUST_USE;
/* The host that answers the API: docker.io's is registry-1.docker.io. */
const char *reference_api_host(const struct reference *r);
