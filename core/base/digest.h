/* digest: SHA-256, base64, random bytes; OpenSSL's, behind one small door. */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

#define DIGEST_HEX_LEN 64 /* of SHA-256, without the NUL */

struct digest; /* a running SHA-256 */
struct digest *digest_new(void);
void digest_update(struct digest *d, const void *p, size_t n);
void digest_final(struct digest *d, char ret_hex[DIGEST_HEX_LEN + 1]); /* frees d */
void digest_free(struct digest *d);
void digest_hex(const void *p, size_t n, char ret_hex[DIGEST_HEX_LEN + 1]);
int digest_file(const char *path, char ret_hex[DIGEST_HEX_LEN + 1], int64_t *ret_size, struct error **err) MUST_USE; /* ret_size may be NULL */

char *base64_encode(const void *p, size_t n) MUST_USE; /* one line, padded; the caller frees */
int base64_decode(const char *s, struct buf *ret, struct error **err) MUST_USE;
void random_bytes(void *p, size_t n); /* from the kernel; aborts where there are none */
char *random_hex(size_t bytes) MUST_USE;
char *random_uuid(void) MUST_USE; /* RFC 9562 version 4 */
