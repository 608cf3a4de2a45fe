/*
 * pack: a program compressed once, when the bundle is made, so that everything after it moves a third of the bytes: the push
 * through SSH, the registry's disk, and each node's download.
 */
#pragma once
#include "registry/oci.h"

/*
 * The blob of that digest, which is removed, becomes another one: its bytes in gzip's format (RFC 1952), without name and time,
 * so that the same bytes give the same blob with the same zlib.  ERROR_CANCELLED, or ERROR_INTERNAL (a full disk): the
 * blob stays as it is.
 */
int pack_blob(const char *folder, const char *digest, char ret_digest[OCI_DIGEST_LEN + 1], int64_t *ret_size,
	      struct error **err) MUST_USE;
