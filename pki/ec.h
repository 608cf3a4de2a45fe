/*
 * ec: private keys on elliptic curves in PKCS #8 (RFC 5958) around RFC 5915's ECPrivateKey, through OpenSSL's templates of ASN.1.
 *
 * OpenSSL's own encoder and decoder know every format there is: for this one they take 100 and 500 microseconds, where key and signature take 60.
 */
#pragma once
#include "pki/crypto.h"

/* As PEM_write_bio_PrivateKey(), byte by byte; false with OpenSSL's reason in its queue.  c: a certificate of that key, or NULL. */
bool ec_write(const EVP_PKEY *key, X509 *c, BIO *out) MUST_USE;
/* The first private key in a PEM text, when it is one of EC and its public half is the certificate's. */
bool ec_copy(const void *pem, size_t len, X509 *c, BIO *out) MUST_USE;
/* Makes it the certificate's key, as X509_set_pubkey() does; OpenSSL gives it back only when the certificate was written and read. */
bool ec_set_public(X509 *c, const EVP_PKEY *key) MUST_USE;
