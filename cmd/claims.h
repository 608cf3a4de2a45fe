/* claims: what the cluster itself says of what it made in the cloud, asked before its servers go and kept for the next try. */
#pragma once
#include "core/cluster/spec.h"
#include "core/cluster/state.h"

struct claims {
	struct strv volumes, services; /* ids, uids */
};

/* A cluster that does not answer is no error: then what an earlier run kept is taken.  spec NULL: its file is lost. */
void claims_ask(const struct spec *spec, struct state *state, struct claims *ret);
void claims_free(struct claims *c);
#define CLEANUP_CLAIMS CLEANUP(claims_free)
