/*
 * ec: private keys on elliptic curves in PKCS #8 (RFC 5958) around RFC 5915's ECPrivateKey.
 *
 * OpenSSL's own encoder and decoder know every format there is: for this one they take 100 and 500 microseconds, where key and signature take 50.
 */
#pragma once
#include "pki/key.h"

/* All return false with OpenSSL's reason in its queue, if it has one.  The point is computed each time that OpenSSL is asked for it. */
bool ec_public(const EVP_PKEY *key, struct key_public *ret) MUST_USE;
/* Appends what PEM_write_bio_PrivateKey() writes, byte by byte. */
bool ec_write(const EVP_PKEY *key, struct key_public *ret_public, struct buf *ret_pem) MUST_USE;
/* Appends the first private key in a PEM text where it is what ec_write() has written of a key with that public half. */
bool ec_copy(const void *pem, size_t len, const struct key_public *public, struct buf *ret_pem) MUST_USE;
