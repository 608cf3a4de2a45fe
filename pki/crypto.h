/* crypto: OpenSSL's objects under cleanup, its errors as ours, PEM to and from text.  Only pki/ knows OpenSSL's certificates. */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

void crypto_free_pkey(EVP_PKEY **p);
void crypto_free_x509(X509 **p);
void crypto_free_bio(BIO **p);
void crypto_free_x509s(STACK_OF(X509) **p);
void crypto_free_names(GENERAL_NAMES **p);
#define CLEANUP_PKEY CLEANUP(crypto_free_pkey)
#define CLEANUP_X509 CLEANUP(crypto_free_x509)
#define CLEANUP_X509S CLEANUP(crypto_free_x509s)
#define CLEANUP_BIO CLEANUP(crypto_free_bio)
#define CLEANUP_NAMES CLEANUP(crypto_free_names)

/* As error_set(), with OpenSSL's reason appended in brackets and its queue emptied. */
int crypto_error(struct error **err, enum error_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A reader of text that lives at least as long; aborts out of memory. */
BIO *crypto_reader(const void *text, size_t len) MUST_USE;
BIO *crypto_writer(void) MUST_USE;
void crypto_written(BIO *writer, struct buf *ret); /* appends what was written */
/* Appends DER as PEM (RFC 7468) under that label; no copy of it is left behind where ret was empty. */
void crypto_pem(const char *label, const unsigned char *der, size_t n, struct buf *ret);
/* A password callback that has none: an encrypted PEM fails instead of asking on the terminal. */
int crypto_no_password(char *to, int size, int writing, void *context);
