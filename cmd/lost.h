/* lost: nodes whose servers are gone, and that are made anew under their names. */
#pragma once
#include "cmd/leaving.h"

/*
 * Before anything is made: known nodes are taken for as they were, but those with a server that is made or changed are waited for.  Kubernetes
 * forgets the nodes that are lost, so that their pods are made again elsewhere, and the new one does not keep the old server's id; where it
 * cannot be asked a warning says so.
 */
int lost_await(struct leaving *l, const struct changes *changes, struct error **err) MUST_USE;
