/*
 * bastion: many connections through one SSH session to a jump host.  One thread owns the session and pumps each
 * direct-tcpip channel to one end of a socketpair; users of a connection see a plain fd, whose peer has the name of a path.
 */
#pragma once
#include "core/net/ssh.h"

struct bastion;

/* Takes s over (also on failure).  When the session dies all its connections end; bastion_alive() tells. */
int bastion_new(struct ssh *s, struct bastion **ret, struct error **err) MUST_USE;
/* A connection from the jump host to host:port.  Any thread; a refused connection is an ERROR_NETWORK at once. */
int bastion_dial(struct bastion *b, const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err) MUST_USE;
/* As dial_wait(): tries again until it accepts.  A program on the jump host (python3, else bash, else none) tries the port
 * first, because libssh2 opens one channel at a time and a host that does not answer would hold up all other dials. */
int bastion_dial_wait(struct bastion *b, const char *host, uint16_t port, int64_t deadline, int *ret_fd,
		      struct error **err) MUST_USE;
bool bastion_alive(struct bastion *b);
void bastion_free(struct bastion *b); /* ends all its connections; NULL is fine */
