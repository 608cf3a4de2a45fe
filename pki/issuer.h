/*
 * issuer: makes certificates by one key.  What OpenSSL takes long to look up for a signature is looked up once.
 *
 * All are version 3, with a random positive 63-bit serial, SHA-256 signatures (SHA-384 by a P-384 key), subject and authority key
 * identifiers, and a critical key usage: digitalSignature (leaves; keyEncipherment besides where the key is one of RSA), and keyCertSign
 * and cRLSign (authorities).
 */
#pragma once
#include "pki/certificate.h"
#include "pki/key.h"

struct issuer;
/* certificate: the issuer's own, the key of which this is; NULL: the key signs its own certificate.  ERROR_CONFIG where it cannot sign. */
int issuer_new(X509 *certificate, EVP_PKEY *key, struct issuer **ret, struct error **err) MUST_USE;
void issuer_free(struct issuer *i);
void issuer_free_ptr(struct issuer **i);
#define CLEANUP_ISSUER CLEANUP(issuer_free_ptr)
/* Appends the certificate of that key as PEM; by any number of threads at once.  An authority that another one issues may issue leaves alone (pathlen 0).
 * ERROR_CONFIG where names can be in no certificate. */
int issuer_issue(const struct issuer *i, const struct certificate_want *want, const struct key_public *key, struct buf *ret_pem, struct error **err) MUST_USE;
