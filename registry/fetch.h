/*
 * fetch: one file from a release site, a registry or a mirror (https, http or file URLs) into an OCI layout.
 *
 * A download goes to a partial file, hashed as it comes, and becomes a blob by rename when its digest is the expected one.
 * What breaks is taken up again where it stopped, by Range, also by a later run; a server that knows no ranges sends all of it
 * again.  Only failures without any progress count against the tries.
 */
#pragma once
#include "core/base/strv.h"
#include "core/net/http.h"
#include "registry/oci.h"

typedef int fetch_progress(int64_t done, int64_t total, void *context,
			   struct error **err); /* total 0: unknown; -1 stops the fetch */

struct fetch {
	struct http *http;
	const char *folder; /* the layout */
	const char *url;
	const struct strv *headers; /* of the request, NULL: none */
	const char *digest;	    /* expected; NULL: nobody published one, what TLS delivers is taken */
	int64_t size;		    /* expected; 0: not known beforehand */
	fetch_progress *progress;   /* or NULL */
	void *context;
};

/*
 * Errors: NOT_FOUND (404, 410, no such file), AUTH (401, 403), REMOTE (another answer; a digest or size that is not the expected one,
 * with both), NETWORK and TIMEOUT after five tries in a row without a byte.
 */
int fetch_blob(const struct fetch *f, char ret_digest[OCI_DIGEST_LEN + 1], int64_t *ret_size, struct error **err) MUST_USE;
/* A small document (checksum files, index.json), at most max bytes. */
int fetch_text(struct http *http, const char *url, const struct strv *headers, size_t max, struct buf *ret,
	       struct error **err) MUST_USE;
/* The path of a file URL, or NULL. */
const char *fetch_file_path(const char *url);
/* An answer that is no success as error of its kind: "GET URL: answered 404: …". */
int fetch_status_error(const char *method, const char *url, const struct http_response *r, struct error **err);
