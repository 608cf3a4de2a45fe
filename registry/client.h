/*
 * client: the OCI distribution API (distribution-spec 1.1) of one registry, with HTTP basic authentication over TLS.
 *
 * Pinned to HTTP/1.1: each thread has its connection anyway, and an upload is not held up by HTTP/2's windows.
 */
#pragma once
#include "core/net/http.h"
#include "registry/oci.h"

struct client {
	struct http *http;
	const char *host; /* "10.6.0.4:5000" */
	const char *user, *password;
};

typedef void client_progress(int64_t bytes, void *context); /* more bytes are sent; negative: so many are to be sent again */

struct client_upload {
	const char *repository, *digest;
	const char *path; /* of the blob */
	int64_t size;
	client_progress *progress; /* or NULL */
	void *context;
};

/* The length of a blob, or -1 where there is none. */
int client_blob(const struct client *c, const char *repository, const char *digest, int64_t *ret_size,
		struct error **err) MUST_USE;
/*
 * Upload a blob in one piece; what breaks is begun again, up to 4 times.  The bytes are hashed as they are sent, and the last
 * ones are held back where the digest is not the expected one: ERROR_CONFIG, the blob on disk is damaged.
 */
int client_upload(const struct client *c, const struct client_upload *u, struct error **err) MUST_USE;
/* The same for bytes in memory. */
int client_upload_small(const struct client *c, const char *repository, const char *digest, const void *p, size_t n,
			struct error **err) MUST_USE;
/* The digest that a tag stands for into ret, "" where there is none. */
int client_tag(const struct client *c, const char *repository, const char *tag, char ret_digest[OCI_DIGEST_LEN + 1],
	       struct error **err) MUST_USE;
int client_put_manifest(const struct client *c, const char *repository, const char *tag, const char *media_type, const void *p,
			size_t n, struct error **err) MUST_USE;
