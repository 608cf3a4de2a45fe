/*
 * checksums: the files in which release sites publish SHA-256 sums.  Seen in the wild and read here: a bare digest; lines of
 * sha256sum(1), text ("HEX  NAME") or binary ("HEX *NAME"), of one or many files, NAME perhaps with folders before it; the
 * same inside a clear-signed OpenPGP message (runc).
 */
#pragma once
#include "core/base/digest.h"

/* The sum of `name`.  ERROR_REMOTE where the text does not hold it, or holds two that differ. */
int checksums_find(const char *text, size_t len, const char *name, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err) MUST_USE;
