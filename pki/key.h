/* key: private keys.  P-256 for certificates: made in 0.02 ms where RSA-2048 takes 140; RSA-2048 where others verify tokens. */
#pragma once
#include "pki/crypto.h"

enum key_kind { KEY_P256, KEY_RSA2048 };

int key_make(enum key_kind kind, EVP_PKEY **ret, struct error **err) MUST_USE;
/* The first private key in a PEM text; what names the text in errors (ERROR_CONFIG). */
int key_parse(const char *what, const void *pem, size_t len, EVP_PKEY **ret, struct error **err) MUST_USE;
int key_write(EVP_PKEY *key, struct buf *ret_pem, struct error **err) MUST_USE; /* PKCS#8; secret: buf_wipe() it */
int key_write_public(EVP_PKEY *key, struct buf *ret_pem, struct error **err) MUST_USE;
