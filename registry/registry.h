/*
 * registry: what a cluster is made of (the catalogue), fetched into a bundle (an OCI image layout on disk), and pushed to the
 * cluster's own registry.
 */
#pragma once
#include "core/cluster/artifact.h"
#include "core/cluster/events.h"
#include "core/cluster/spec.h"
#include "core/net/http.h"

/* Fetch (parallel, resumed, verified) everything that the file needs into an OCI layout at folder; what is there and whole stays.
 * mirror NULL: the upstream sites.  Writes ret (digests pinned). */
int bundle_create(const struct spec *spec, const char *folder, const char *mirror, struct events *events, struct artifacts *ret,
		  struct error **err) MUST_USE;
/* Does the mirror (NULL: each upstream site) answer, and has it the small files that say what the large ones should be?  *ret_n: how many
 * there are.  NETWORK, TIMEOUT, NOT_FOUND, … with the first two that fail; CONFIG for a version that is not known. */
int bundle_probe(const struct spec *spec, const char *mirror, size_t *ret_n, struct error **err) MUST_USE;
/* Read a bundle; ERROR_CONFIG where it is none, lacks something of the file or (verify) a blob is damaged. */
int bundle_load(const struct spec *spec, const char *folder, bool verify, struct artifacts *ret, struct error **err) MUST_USE;
char *bundle_blob_path(const char *folder, const char *digest) MUST_USE;
/* Default folder for this file: $XDG_CACHE_HOME/davit/bundles/VERSION-… keyed by what it holds. */
char *bundle_default_folder(const struct spec *spec) MUST_USE;

struct registry_push {
	const char *folder; /* of the bundle */
	const struct artifacts *artifacts;
	const char *host;  /* "10.6.0.4:5000" */
	struct http *http; /* trusts the registry's CA, dials as needed */
	const char *user, *password;
	struct events *events;
	const char *subject; /* of the events */
};
/* Push what is missing: binaries as blobs of REGISTRY_BLOBS (in the order in which nodes need them), images with their tags.
 * Existing blobs are skipped, digests checked at both ends. */
int registry_push(const struct registry_push *p, struct error **err) MUST_USE;
/* Wait until GET /v2/ answers 200 or 401. */
int registry_wait(struct http *http, const char *host, int64_t deadline, struct error **err) MUST_USE;
/* Repositories and tags as JSON {"repositories":[{"name":…,"tags":[…]}]}. */
int registry_catalogue(struct http *http, const char *host, const char *user, const char *password, struct json_object **ret,
		       struct error **err) MUST_USE;
