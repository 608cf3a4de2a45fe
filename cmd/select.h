/* select: some of the nodes, as --pool, --role and --node say: what is given of one kind adds up, of several kinds all must fit. */
#pragma once
#include "cmd/context.h"

/* Names in the order of the inventory; ERROR_USAGE for a word that names nothing, or where no node fits. */
int select_nodes(const struct context *c, struct strv *ret, struct error **err) MUST_USE;
