/* rotate: what "davit certs rotate-ca" and "davit secrets rotate-keys" have in common: what they remember for others to keep off, and their runs. */
#pragma once
#include "cmd/work.h"

#define ROTATE_CA_KEY "certs:rotating" /* in the state: when it was begun, from before the first write until the end */
#define ROTATE_SECRETS_KEY "secrets:rotating"

/* ERROR_CONFIG while one of them has begun and has not come to its end. */
int rotate_check_none(const struct context *c, struct error **err) MUST_USE;
int rotate_check_no_ca(const struct context *c, struct error **err) MUST_USE;
int rotate_check_no_secrets(const struct context *c, struct error **err) MUST_USE;

/* The work of one pass: the bundle that is there already, and certificates as they are, whenever they end.  The caller closes it, also after an error. */
int rotate_open(const struct context *c, struct events *events, struct work *ret, struct error **err) MUST_USE;
/* run(context), shown while it happens, for which *ret_events are there; closes w, whichever pass it is of.  command: what goes on after an interruption. */
int rotate_run(const struct context *c, struct work *w, struct events **ret_events, const char *command, int (*run)(void *context, struct error **err),
	       void *context, struct error **err) MUST_USE;
