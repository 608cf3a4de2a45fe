/* portainer: a page that manages a swarm, as a stack of davit's own on the first manager, where the file has swarm.portainer. */
#pragma once
#include "cmd/context.h"

struct ssh;

/* ERROR_CONFIG: the file with its administrator's password, where that is still to be read. */
int portainer_check_given(const struct context *c, struct error **err) MUST_USE;
/* In a session with a manager: what the stack needs in the swarm before it is deployed for the first time, and what it has left there. */
int portainer_prepare(const struct context *c, struct ssh *s, struct error **err) MUST_USE;
int portainer_tidy(struct ssh *s, struct error **err) MUST_USE;
/* "https://198.51.100.7:9443", or NULL: there is none, or it has no address yet.  The caller frees. */
char *portainer_url(const struct context *c) MUST_USE;
