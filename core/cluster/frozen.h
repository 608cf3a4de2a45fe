/*
 * frozen: what of the file a cluster that was installed cannot change any more, since it went into addresses, certificates and data
 * that nobody can take back.  The state keeps each as it was when the first control plane was installed ("frozen:network.podCIDR").
 */
#pragma once
#include "core/cluster/spec.h"
#include "core/cluster/state.h"

/* Before a control plane is installed: from now on they are what they are. */
int frozen_keep(const struct spec *spec, struct state *state, struct error **err) MUST_USE;
/* ERROR_CONFIG that tells each which differs: its place in the file, what is there, what the file says, and what to do.  state may be
 * NULL: no cluster is there. */
int frozen_check(const struct spec *spec, struct state *state, struct error **err) MUST_USE;
