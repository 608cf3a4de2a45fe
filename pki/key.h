/*
 * key: private keys.  Where nothing is said P-256: made in 0.02 ms where RSA-2048 takes 140.
 */
#pragma once
#include "core/cluster/spec.h"
#include "pki/crypto.h"

int key_make(enum key_algorithm algorithm, EVP_PKEY **ret, struct error **err) MUST_USE;
/* The first private key in a PEM text; what names the text in errors (ERROR_CONFIG). */
int key_parse(const char *what, const void *pem, size_t len, EVP_PKEY **ret, struct error **err) MUST_USE;
/* The same of one that is encrypted; passphrase NULL: it must not be. */
int key_parse_with(const char *what, const void *pem, size_t len, const char *passphrase, EVP_PKEY **ret, struct error **err) MUST_USE;

/* The public half, as certificates have it (SubjectPublicKeyInfo of RFC 5280). */
struct key_public {
	struct buf algorithm; /* DER of the AlgorithmIdentifier */
	struct buf bits;      /* what the BIT STRING holds: a point, uncompressed; for RSA, DER of an RSAPublicKey */
	bool is_rsa;
};
int key_public(EVP_PKEY *key, struct key_public *ret, struct error **err) MUST_USE;
/* That of a certificate's key; false where it cannot be read. */
bool key_public_of(const X509 *c, struct key_public *ret) MUST_USE;
void key_public_clear(struct key_public *p);
#define CLEANUP_KEY_PUBLIC CLEANUP(key_public_clear)
/* SHA-1 of its bits, as RFC 5280 has it in 4.2.1.2: a name, by which nothing is trusted. */
void key_public_id(const struct key_public *p, unsigned char ret[20]);

/* PKCS#8; secret: buf_wipe() it.  ret_public: its public half, which is in it, for who wants to write that as well; or NULL. */
int key_write(EVP_PKEY *key, struct key_public *ret_public, struct buf *ret_pem, struct error **err) MUST_USE;
/* The first private key in a PEM text, where it is the certificate's, as key_write() writes it; secret as well. */
bool key_copy(const void *pem, size_t len, X509 *c, struct buf *ret_pem) MUST_USE;
int key_write_public(EVP_PKEY *key, struct buf *ret_pem, struct error **err) MUST_USE;
/* Whether it is one of that algorithm and size. */
bool key_is(const EVP_PKEY *key, enum key_algorithm algorithm);
/* What is signed with it: SHA-384 by P-384, SHA-256 by all others. */
const EVP_MD *key_digest(const EVP_PKEY *key);
