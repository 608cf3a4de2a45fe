/* plane_replace: a new server in the place of a control plane, of the same name and address, which joins etcd anew. */
#pragma once
#include "cmd/context.h"

int plane_replace(struct context *c, const char *node, struct error **err) MUST_USE;
