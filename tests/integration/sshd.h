/* sshd: a real OpenSSH server on a free port of the loopback, in a folder of its own, for tests of the SSH module. */
#pragma once
#include "core/net/ssh.h"

struct sshd {
	char *dir; /* keys, configuration, log */
	int pid;
	uint16_t port;
	char *host_key;	 /* "ssh-ed25519 AAAA…" */
	char *key_file;	 /* accepted */
	char *other_key; /* a key that is not accepted */
	char *user;	 /* the one who runs the test */
};

/* Whether there is an sshd that this user can start. */
bool sshd_available(void);
/* extra: more lines of sshd_config, or NULL. */
int sshd_start(const char *extra, struct sshd *ret, struct error **err) MUST_USE;
void sshd_stop(struct sshd *d); /* ends it with its connections, removes the folder */
/* A connection logged in within 10 s. */
int sshd_connect(const struct sshd *d, struct ssh **ret, struct error **err) MUST_USE;
/* What the given public key file says. */
char *sshd_read_line(const char *path) MUST_USE;
/* Around what is known to leak in libssh2, for this thread: LeakSanitizer looks away while on. */
void sshd_leaks(bool on);
