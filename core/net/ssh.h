/*
 * ssh: commands and streams on a node over libssh2; the only home of libssh2.h.
 *
 * The host key is always verified: a connection whose key is not the expected one fails with both fingerprints; only who asks
 * for it by name (first_use) gets a session with a host whose key is not known.  Offered
 * methods are curve25519/ECDH, ed25519/ECDSA host keys, AES-CTR, HMAC-SHA2 and nothing else.  Keys of users are ed25519
 * (or ECDSA); an RSA key gets a clear error.  One session belongs to one thread at a time.  All waits end on cancellation.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

struct ssh;

struct ssh_login {
	const char *name;     /* of the node, for messages */
	const char *user;     /* "debian" */
	const char *key_file; /* private key, OpenSSH or PEM format */
	const char *host_key; /* "ssh-ed25519 AAAA…", the only key accepted; of several (a newline between), any */
	bool first_use;	      /* host_key NULL: whichever it shows, which nothing vouches for; ssh_host_key() tells it */
	const char *fingerprint; /* at first use: only the key of this one, or NULL */
	int64_t deadline;     /* clock_ms() for connection and login */
	int64_t ask_ms, answer_ms; /* silence after which it is asked for a sign of life (0: 15 s), and the time it has for one (0: 30 s) */
};

/* fd: a connected stream socket; becomes the session's, also on failure.  A host key that is not the expected one is an
 * ERROR_CONFLICT (no repetition helps), a refused user key an ERROR_AUTH (cloud-init may still be at it). */
int ssh_connect(int fd, const struct ssh_login *login, struct ssh **ret, struct error **err) MUST_USE;
void ssh_free(struct ssh *s); /* closes politely when it can; NULL is fine */
void ssh_free_ptr(struct ssh **s);
#define CLEANUP_SSH CLEANUP(ssh_free_ptr)

/* The host key that it showed, "ssh-ed25519 AAAA…"; the caller frees. */
char *ssh_host_key(const struct ssh *s) MUST_USE;

typedef int ssh_read(void *p, size_t n, size_t *ret_n, void *context, struct error **err); /* *ret_n 0: the end */
typedef int ssh_write(const void *p, size_t n, void *context, struct error **err);

struct ssh_command {
	const char *command; /* run by the user's shell; quote with buf_add_shell() */
	const void *in;	     /* standard input, or: */
	size_t in_len;
	ssh_read *read; /* streamed standard input */
	void *read_context;
	struct buf *out; /* standard output, or NULL: dropped, or: */
	ssh_write *write;
	void *write_context;
	struct buf *errors; /* standard error (at most the last 64 KiB), or NULL: dropped, or: */
	ssh_write *write_errors;
	void *errors_context;
	int64_t deadline;   /* clock_ms(), 0: none */
};

/* 0 when the command ran: *ret_status is its exit status (128+n for signal n).  After a deadline (ERROR_TIMEOUT) or an error of
 * a callback the session can be used on; the command may still run. */
int ssh_run(struct ssh *s, const struct ssh_command *c, int *ret_status, struct error **err) MUST_USE;
/* As ssh_run(), and a status other than 0 is an ERROR_NODE that holds the last lines of standard error. */
int ssh_must_run(struct ssh *s, const struct ssh_command *c, struct error **err) MUST_USE;

/* An interactive session or a command bound to this process' stdin, stdout and stderr; a terminal is asked for when stdin is
 * one (its size followed on SIGWINCH, raw mode restored on return; "~." on a new line leaves, ERROR_CANCELLED).  command NULL:
 * a login shell.  128+SIGPIPE when nobody reads standard output any more. */
int ssh_interact(struct ssh *s, const char *command, int *ret_status, struct error **err) MUST_USE;

/* ed25519 pairs: private key in OpenSSH's format (0600 file or text), public as "ssh-ed25519 AAAA… comment". */
int ssh_keygen(const char *comment, struct buf *ret_private, struct buf *ret_public, struct error **err) MUST_USE;
/* "SHA256:…" of "ssh-ed25519 AAAA…"; the caller frees; NULL where it is no key. */
char *ssh_fingerprint(const char *public_key) MUST_USE;
void ssh_global_init(void); /* in main(), before any thread */
