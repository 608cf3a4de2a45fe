/*
 * flow: steps that each begin as soon as those they need are done: the longest chain decides, not the number of steps.
 * The steps are a table whose order is for the reader; each runs in a thread of its own.
 */
#pragma once
#include "core/base/error.h"

#define FLOW_STEPS_MAX 32
#define FLOW_NEEDS(step) (1u << (step))

struct flow_step {
	const char *name; /* for logs */
	int (*run)(void *context, struct error **err);
	unsigned
		needs; /* FLOW_NEEDS() of the steps before, numbered by their place in the table; a table is in an order in which it could run */
};

struct flow_hooks { /* each may be NULL; called from the steps' threads */
	void (*ended)(void *context, size_t step, const struct error *failure); /* of steps that began */
	void (*stop)(void *context); /* once, at the first failure: tell steps that wait for the cloud */
};

/* Runs all; the first failure is *err.  After it no further step begins; returns when all that began have ended. */
int flow_run(const struct flow_step *steps, size_t n, const struct flow_hooks *hooks, void *context, struct error **err) MUST_USE;
