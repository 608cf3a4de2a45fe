/*
 * turnover: workers that are replaced by new ones, a batch of each pool in one pass of `apply`: for what the file says and no server can be changed
 * to, because they are broken, or because somebody has asked for it.  What was asked for is in the state until the node is gone.
 */
#pragma once
#include "cmd/leaving.h"

struct turnover {
	struct strv names;  /* all that are to be replaced and are not on their way out yet */
	struct strv before; /* of this pass's batch: those that go before anything is made… */
	struct strv after;  /* …and those that go when the new ones are Ready */
	bool ordered;	    /* Kubernetes was asked in which order they go best */
};

bool turnover_is_asked(const struct context *c, const char *node); /* by a run that has not come to its end */
/* Adds to changes those that were asked for, now (asked, may be NULL) or by a run that was cut off.  pool: NULL, or only of this one. */
void turnover_asked(const struct context *c, const char *pool, const struct strv *asked, struct changes *changes);
/* What the file says of nodes that are there is left to `apply`. */
void turnover_ignore(struct changes *changes);
/*
 * Which ones, by the changes of CHANGE_REPLACE, and the next batch: they are leaving in the inventory and the plan from now on,
 * and in the state after turnover_begin().
 */
int turnover_find(struct leaving *l, const struct changes *changes, struct turnover *ret, struct error **err) MUST_USE;
/* As many, for whoever only looks: Kubernetes is not asked which. */
int turnover_foresee(struct leaving *l, const struct changes *changes, struct turnover *ret, struct error **err) MUST_USE;
/*
 * Where the quota has no room for the batch, pools of which the file does not say how they are replaced let old nodes go first, in this run; people are told.
 * To be called after the others of these; what is found is in the turnover.
 */
int turnover_fit(struct leaving *l, struct cloud *cloud, struct view *view, const struct changes *changes, struct turnover *t, struct error **err) MUST_USE;
/* What a run that was cut off has begun, before the changes are known: nodes that go before anything is made, in the plan; and as above. */
int turnover_resume(struct leaving *l, struct cloud *cloud, struct view *view, struct turnover *t, struct error **err) MUST_USE;
/* For people, where the checks have refused: the way with no more servers than there are. */
void turnover_advise(const struct turnover *t);
int turnover_begin(struct leaving *l, const struct turnover *t, const struct strv *asked, struct error **err) MUST_USE;
/* For people, a line a pool: how many, and how many at a time. */
void turnover_tell(const struct context *c, const struct changes *changes);
void turnover_clear(struct turnover *t);
#define CLEANUP_TURNOVER CLEANUP(turnover_clear)
