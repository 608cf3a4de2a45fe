/* apply: the run of `apply` and of what makes a part of the cluster as the file says. */
#pragma once
#include "cmd/context.h"

struct apply_scope {
	const char *pool; /* only this pool's nodes are worked on; NULL: all */
	bool replaces;	  /* of such a pool, too: what is asked for… */
	const struct strv *asked; /* …now, or by a run that was cut off; NULL: none */
	int (*commit)(void *context, struct error **err); /* NULL, or called once before the first write, when all checks have passed */
	void *context;
};

/* What refuses any run: a file that the cluster cannot become, an upgrade or a restoration that has not come to its end. */
int apply_check(const struct context *c, struct error **err) MUST_USE;
/* c: opened with its lock. */
int apply_run(struct context *c, const struct apply_scope *scope, struct error **err) MUST_USE;
