/*
 * secretbox: NaCl's box of one key, XSalsa20 and Poly1305 (https://nacl.cr.yp.to/secretbox.html), opened; what Docker wraps the key of its log in.
 * OpenSSL has Poly1305 alone.
 */
#pragma once
#include "core/base/buf.h"

enum { SECRETBOX_KEY = 32, SECRETBOX_NONCE = 24, SECRETBOX_TAG = 16 };
/* Appends what is in it, SECRETBOX_TAG bytes less than n; false where the key is another one, or the box was changed. */
bool secretbox_open(const uint8_t key[SECRETBOX_KEY], const uint8_t nonce[SECRETBOX_NONCE], const uint8_t *box, size_t n, struct buf *ret) MUST_USE;
