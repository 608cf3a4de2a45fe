/* stacks: those of the file, deployed by a manager: as what apply would do, and done. */
#pragma once
#include "cmd/context.h"
#include "core/cluster/events.h"
#include "provision/provision.h"

struct ssh;

int stacks_find(const struct context *c, struct changes *ret, struct error **err) MUST_USE;
/* In a session with a manager.  What was deployed is in the state at once, so that a run that goes on does not do it again. */
int stacks_settle(const struct context *c, struct ssh *s, struct events *events, struct error **err) MUST_USE;
