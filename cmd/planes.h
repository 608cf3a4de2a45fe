/* planes: what any control plane may be asked, so that the loss of one is borne. */
#pragma once
#include "cmd/context.h"
#include "cmd/reach.h"

/* Indices of the control planes in the plan; the caller frees. */
size_t *planes_list(const struct context *c, size_t *ret_n) MUST_USE;
/* The job in a session of the first control plane that bears it; what the others say is told. *asked: its name, from before the job on; NULL: nobody
 * asks for it. ERROR_NODE: none does. */
int planes_ask(const struct context *c, struct reach *reach, reach_job *job, void *context, const char **asked, struct error **err) MUST_USE;
