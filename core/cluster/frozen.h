/*
 * frozen: what of the file a cluster that was installed cannot change any more, since it went into addresses, certificates and data
 * that nobody can take back.  The state keeps each as it was when the first control plane was installed ("frozen:network.podCIDR"); the version of Kubernetes or of the engines, which
 * `upgrade` alone changes, as it is when all control planes have it; of MKE and its engines when all nodes have it.
 */
#pragma once
#include "core/cluster/spec.h"
#include "core/cluster/state.h"

/* Before a control plane is installed: from now on they are what they are. */
int frozen_keep(const struct spec *spec, struct state *state, struct error **err) MUST_USE;
/* The version that the cluster's control planes have come to; NULL where none is installed. The caller frees. */
char *frozen_version(struct state *state) MUST_USE;
/* The same as platform_release() has it. */
char *frozen_release(const struct spec *spec, struct state *state) MUST_USE;
enum frozen_part {
	FROZEN_ANY,
	FROZEN_NODES, /* what makes programs of nodes begin anew */
	FROZEN_TOLD,  /* of that the version, which nodes tell of themselves */
	FROZEN_WHOLE, /* MKE itself, which its own command upgrades */
};
/* Whether the file has something else of what `upgrade` changes. */
bool frozen_moves(const struct spec *spec, struct state *state, enum frozen_part part);
enum frozen_allowed { FROZEN_ALLOW_NOTHING, FROZEN_ALLOW_UPGRADE /* a newer version of Kubernetes, MKE, or engines, is no error; nor are other packages of these */ };
/* ERROR_CONFIG that tells each which differs: its place in the file, what is there, what the file says, and what to do.  state may be
 * NULL: no cluster is there. */
int frozen_check(const struct spec *spec, struct state *state, enum frozen_allowed allowed, struct error **err) MUST_USE;
