/*
 * pull: one image at its source: a registry by the OCI distribution API (with an anonymous bearer token where it asks for one), or
 * a mirror, where images are OCI layouts at MIRROR/oci/HOST/REPOSITORY/.  Of images for several platforms linux/amd64 is taken.
 */
#pragma once
#include "core/net/http.h"
#include "registry/fetch.h"
#include "registry/reference.h"

struct pull;

/* No request yet.  http outlives it; reference and mirror (NULL: the registry itself) are copied. */
struct pull *pull_new(struct http *http, const struct reference *reference, const char *mirror);
void pull_free(struct pull *p);
/* The manifest's bytes (digest checked, against the reference's own too) and what it says. */
int pull_manifest(struct pull *p, struct buf *ret_bytes, struct manifest *ret, struct error **err) MUST_USE;
/* One of its blobs into the layout at folder; several threads may do so at the same time. */
int pull_blob(struct pull *p, const char *folder, const struct descriptor *blob, fetch_progress *progress, void *context,
	      struct error **err) MUST_USE;

/*
 * The fields of a challenge 'Bearer realm="https://auth.example/token",service="example",scope="…"'; false where it is none, or its
 * realm is no https URL (a plain http one only for a registry on this machine).  The caller frees all three ("" where missing).
 */
bool pull_parse_challenge(const char *header, char **ret_realm, char **ret_service, char **ret_scope);
