/* run: what bootstrap.c's files share of a run on a node. */
#pragma once
#include "bootstrap/bootstrap.h"

/* The run of an archive of that digest that is on the node, without anything being sent; followed to its end.  run: node, role, events
 * and deadline.  Errors as bootstrap_node(). */
int run_again(struct ssh *s, const struct bootstrap_run *run, const char *id, struct error **err) MUST_USE;
