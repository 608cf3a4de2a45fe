/*
 * seal: a secret document for others, by OpenSSL's CMS (RFC 5652, 5083): AES-256-GCM, so that what was changed does not open; for the owners of
 * certificates (RSA, or EC), and for who has a passphrase (RFC 3211: PBKDF2).  `openssl cms -decrypt -inform DER` opens it, too.
 *
 * What is too large to be held in memory, as CMS would have it, goes through a stream of its own (AES-256-CTR), whose key and digest are
 * in a sealed document.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/strv.h"

struct seal_to {
	const struct strv *certificates; /* PEM texts; NULL: none */
	const char *passphrase;		 /* NULL: none */
	int iterations;			 /* of PBKDF2; 0: SEAL_ITERATIONS */
};
/* HMAC-SHA1, which is what CMS means where nothing is said: 0.3 to 1 s.  OWASP's password storage cheat sheet asks for 1,300,000. */
enum { SEAL_ITERATIONS = 1300000 };

/* DER into ret.  ERROR_CONFIG for a certificate that nothing can be sealed for. */
int seal_write(const void *p, size_t n, const struct seal_to *to, struct buf *ret, struct error **err) MUST_USE;
/* One of the two: a private key's PEM text, or the passphrase.  ret is secret: buf_wipe() it.  ERROR_CONFIG: it does not open with that. */
int seal_open(const void *der, size_t n, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err) MUST_USE;
/* "CN=backup,O=demo 5f1c…", subject and SHA-256, of a certificate's PEM text; the caller frees.  what: named in errors (ERROR_CONFIG). */
int seal_describe(const char *what, const void *pem, size_t n, char **ret, struct error **err) MUST_USE;

enum { SEAL_KEY_LEN = 32 };
struct seal_stream; /* one direction of one file: a key is used once, its counter begins at 0 */
struct seal_stream *seal_stream_new(const uint8_t key[SEAL_KEY_LEN]) MUST_USE;
/* To the other form and back; to may be from. */
void seal_stream_next(struct seal_stream *s, const void *from, void *to, size_t n);
void seal_stream_free(struct seal_stream *s); /* NULL is fine */
