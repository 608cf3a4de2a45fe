/*
 * swarm_key: the key of a swarm's manager as it lies on disk (swarm-node.key), where autolock encrypts it: opened with the key that unlocks the swarm,
 * and written as it is without autolock.  A PEM with headers of swarmkit's (ca/keyreadwriter.go, manager/deks.go there): the node's own key in PKCS#8,
 * encrypted by PBES2, and "raft-dek", which the log is encrypted with, as protobuf in base64: algorithm, data, nonce.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

/* unlock: keys as Docker prints them ("SWMKEY-1-…"), a space between; the first that opens it is taken.  ret: the text without encryption, secret; nothing
 * where it has none.  The version of the unlocking key is left out, so that the manager takes up the swarm's as soon as it knows it.  ERROR_CONFIG: no
 * key opens it, or it is no such file. */
int swarm_key_open(const char *pem, size_t len, const char *unlock, struct buf *ret, struct error **err) MUST_USE;
