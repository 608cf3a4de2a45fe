/* restoring: a restoration that has not come to its end, as the state knows of it; others refuse meanwhile. */
#pragma once
#include "cmd/context.h"

/* "ID STAMP HEADER-SHA256", from before the first write until the end. */
#define ETCD_RESTORE_KEY "etcd:restoring"
#define SWARM_RESTORE_KEY "swarm:restoring"

/* ERROR_CONFIG while one is under way. */
int restoring_check_none(const struct context *c, struct error **err) MUST_USE;

/* What is gone on with is the restoration that was begun of the same backup, with the data of before where that one has put it. */
struct restoring {
	char *id, *stamp; /* the latter is fit for a folder's name */
	bool resumed;
};
/* key: one of the two. */
void restoring_take_up(struct state *state, const char *key, const char *header_sha256, struct restoring *ret);
int restoring_note(struct state *state, const char *key, const char *header_sha256, const struct restoring *r, struct error **err) MUST_USE;
void restoring_clear(struct restoring *r);
/* What to do next, where it did not come to its end: "the same command goes on from here". */
int restoring_told(int result, const char *onward, struct error **err) MUST_USE;
