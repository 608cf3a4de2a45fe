/*
 * reach: SSH to any node of a cluster, on the way that access.bastion gives (core/cluster/way.h).  Thread-safe.  The connection of
 * the way in is made at first use and again when it broke.
 */
#pragma once
#include "cmd/trust.h"
#include "core/cluster/state.h"
#include "core/cluster/spec.h"
#include "core/net/ssh.h"

struct reach;
struct reach *reach_new(const struct spec *spec, struct state *state, struct inventory *inventory);
void reach_free(struct reach *r);
void reach_free_ptr(struct reach **r);
#define CLEANUP_REACH CLEANUP(reach_free_ptr)
/* Where host keys come from with access.hostKeys: console. */
void reach_set_console(struct reach *r, trust_console *console, void *context);
int reach_accept(struct reach *r, const char *node, const char *fingerprint, struct error **err) MUST_USE; /* see trust_accept() */
struct reach_tuning {
	uint16_t port;		   /* of the servers */
	int64_t login_ms;	   /* of one attempt */
	int64_t ask_ms, answer_ms; /* as in struct ssh_login */
};
void reach_tune(struct reach *r, const struct reach_tuning *t); /* tests only */
/* Waits for the server to be ACTIVE, its port to open and the login to be taken, until the deadline (clock_ms()). */
int reach_ssh(struct reach *r, const char *node, int64_t deadline, struct ssh **ret, struct error **err) MUST_USE;
/* What is done in a session, and may be begun again in another one. */
typedef int reach_job(struct ssh *s, void *context, struct error **err);
/* Does the job in *s, or, where that is NULL, in a session that it connects.  Where the connection breaks or falls silent (ERROR_NETWORK) it is done
 * again in a new one, which is *s then; a few times, as long as no session lasts a minute. */
int reach_run(struct reach *r, const char *node, struct ssh **s, reach_job *job, void *context, struct error **err) MUST_USE;
/* http_options.dial: a connection from the first control plane; context is the struct reach. */
int reach_dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err);
