/* rotate: what "davit certs rotate-ca" and "davit secrets rotate-keys" remember while they are under way, for others to keep off. */
#pragma once
#include "cmd/context.h"

#define ROTATE_CA_KEY "certs:rotating" /* in the state: when it was begun, from before the first write until the end */
#define ROTATE_SECRETS_KEY "secrets:rotating"

/* ERROR_CONFIG while one of them has begun and has not come to its end. */
int rotate_check_none(const struct context *c, struct error **err) MUST_USE;
int rotate_check_no_ca(const struct context *c, struct error **err) MUST_USE;
int rotate_check_no_secrets(const struct context *c, struct error **err) MUST_USE;
