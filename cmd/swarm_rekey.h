/* swarm_rekey: "davit secrets rotate-keys" of a swarm: another key that unlocks its managers. */
#pragma once
#include "cmd/context.h"

/* A run that was cut off is gone on with: a key that was changed already is not changed once more. */
int swarm_rekey(struct context *c, struct error **err) MUST_USE;
