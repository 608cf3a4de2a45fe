/* ssh_keys: public keys as lines and blobs (RFC 4253 6.6, OpenSSH's PROTOCOL.key); for the files of the SSH module. */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

struct ssh_key {
	char *type;	 /* "ssh-ed25519" */
	struct buf blob; /* as on the wire */
};

struct ssh_keys {
	struct ssh_key *v;
	size_t n, cap;
};
#define SSH_KEYS_INIT ((struct ssh_keys){0})

/* Types of host keys that are taken, best first; ends with NULL. */
extern const char *const ssh_host_key_types[];
bool ssh_host_key_type(const char *type); /* is one of them */

/* Lines of "type base64 [comment]", blank ones skipped; ERROR_CONFIG where one is no key or there is none. */
int ssh_keys_parse(const char *text, struct ssh_keys *ret, struct error **err) MUST_USE;
void ssh_keys_free(struct ssh_keys *keys);
#define CLEANUP_SSH_KEYS CLEANUP(ssh_keys_free)
/* "type base64" of a blob, NULL where it is no whole key; the caller frees. */
char *ssh_blob_line(const void *blob, size_t len) MUST_USE;
/* "SHA256:…" of a blob; the caller frees. */
char *ssh_blob_fingerprint(const void *blob, size_t len) MUST_USE;

/*
 * Whether a private key can be used to log in: ed25519 or ECDSA without passphrase, else ERROR_CONFIG says what it is.
 * name: of the file, for messages.  ret_public: its public half, as ssh_blob_line(); NULL where the format does not tell (PEM).
 */
int ssh_private_key_check(const char *text, const char *name, char **ret_public, struct error **err) MUST_USE;
