/* lost: nodes whose servers are gone, and that are made anew under their names. */
#pragma once
#include "cmd/leaving.h"

/*
 * Before anything is made: known nodes are taken for as they were, but those with a server that is made or changed are waited for.  Kubernetes
 * forgets the nodes that are lost, so that their pods are made again elsewhere, and the new one does not keep the old server's id; where it
 * cannot be asked a warning says so.
 */
int lost_await(struct leaving *l, const struct changes *changes, struct error **err) MUST_USE;
/* A kubelet makes its Node when it begins, and never again: this one begins again, its pods run on. */
int lost_register(struct reach *reach, const char *node, struct error **err) MUST_USE;
/* Once the API is ready: where etcd has begun without what it knew, all workers do that; who cannot is told. */
int lost_return(struct leaving *l, struct error **err) MUST_USE;
