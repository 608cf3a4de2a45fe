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
void reach_tune(struct reach *r, uint16_t port, int64_t login_ms); /* tests only: the servers' port, the time of one attempt */
/* Waits for the server to be ACTIVE, its port to open and the login to be taken, until the deadline (clock_ms()). */
int reach_ssh(struct reach *r, const char *node, int64_t deadline, struct ssh **ret, struct error **err) MUST_USE;
/* http_options.dial: a connection from the first control plane; context is the struct reach. */
int reach_dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err);
