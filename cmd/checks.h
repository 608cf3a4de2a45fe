/* checks: what can be known before the first write, of the cloud and from this machine: all of it is looked at, then told at once. */
#pragma once
#include "cmd/context.h"
#include "provision/provision.h"

/* thorough: also read every byte of a bundle that is there.  Fails only where it could not check. */
int checks_run(const struct context *c, struct cloud *cloud, struct view *view, bool thorough, struct findings *ret,
	       struct error **err) MUST_USE;
/* Runs them, logs the warnings; ERROR_PREFLIGHT with all that refuses. */
int checks_pass(const struct context *c, struct cloud *cloud, struct view *view, struct error **err) MUST_USE;
/* Of programs and images alone. */
void checks_artifacts(const struct context *c, struct findings *ret);
/* Of what MSR's installer is given. */
void checks_msr(const struct context *c, struct findings *ret);
void checks_warn(const struct findings *f);
