/*
 * jump: a session that others go through, connected at first use and again when it broke.  Thread-safe: while one thread connects,
 * the others wait for it, each until its own deadline or until the run is cancelled.
 */
#pragma once
#include "core/net/bastion.h"

struct jump;
/* Called by one thread at a time. */
typedef int jump_connect(void *context, int64_t deadline, struct ssh **ret, struct error **err);

struct jump *jump_new(jump_connect *connect, void *context);
void jump_free(struct jump *j); /* ends what goes through it; NULL is fine */
/* As bastion_dial(), or bastion_dial_wait() where wait is true: that also outlasts the session, and goes on waiting through the next one. */
int jump_dial(struct jump *j, const char *host, uint16_t port, int64_t deadline, bool wait, int *ret_fd, struct error **err) MUST_USE;
