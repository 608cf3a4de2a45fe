/*
 * trust: which host key a server has to show.  Ever after its first contact that is the one in the state; before, access.hostKeys
 * says where it is known from.  Thread-safe.
 */
#pragma once
#include "core/cluster/spec.h"
#include "core/cluster/state.h"
#include "core/net/ssh.h"

struct trust;
struct trust *trust_new(const struct spec *spec, struct state *state, struct inventory *inventory);
void trust_free(struct trust *t);

/* Reads the server's keys from its console; lines of "type base64". */
typedef int trust_console(void *context, const struct node *n, int64_t deadline, char **ret, struct error **err);
void trust_set_console(struct trust *t, trust_console *console, void *context);

/* The files that the cluster file names can be read. */
int trust_check(const struct spec *spec, struct error **err) MUST_USE;
/* The operator has compared: whatever was known, the node shows the key of this fingerprint now.  ERROR_USAGE where it is none. */
int trust_accept(struct trust *t, const char *node, const char *fingerprint, struct error **err) MUST_USE;
const char *trust_fingerprint(const struct trust *t, const char *node); /* that one; NULL for any other node */
/* *ret: the keys that it may show, lines of "type base64" (the caller frees), or NULL: any.  *ret_first: it was never reached, and
 * the one that it shows is to be kept by trust_keep(). */
int trust_expected(struct trust *t, const struct node *n, int64_t deadline, char **ret, bool *ret_first,
		   struct error **err) MUST_USE;
/* After a first contact: the key that s has shown is the server's from now on.  ERROR_CONFLICT where another one was kept meanwhile. */
int trust_keep(struct trust *t, const struct node *n, const struct ssh *s, struct error **err) MUST_USE;
/* The keys of the operator's own jump host. */
int trust_of_jump(const struct spec *spec, char **ret, struct error **err) MUST_USE;
