/*
 * repair: workers that are not Ready for longer than their pool's repairAfter, or whose servers are in ERROR: switched off and on
 * again, and where that does not help in the same time once more, replaced by new ones.  That one was rebooted is in the state.
 */
#pragma once
#include "cmd/leaving.h"

struct repair {
	struct leaving *l;
	struct json_object *nodes; /* of Kubernetes, at wall_ms; NULL: nobody could be asked */
	int64_t wall_ms;
	struct strv settings; /* of the cluster itself, that differ from the file's (platform.h) */
	struct strv reboots; /* nodes, of each pool maxUnhealthy at most */
};

/* Asks Kubernetes; that it cannot be asked is a warning. */
int repair_ask(struct repair *r, struct error **err) MUST_USE;
/*
 * Adds to changes what is to be done: CHANGE_UPDATE for a node that is to be rebooted (also instead of the CHANGE_REPLACE of a broken
 * server), CHANGE_REPLACE for one that was.  Warns of those that are not Ready for less long.
 */
void repair_find(struct repair *r, struct changes *changes);
/* Forgets the reboots that have helped.  changes: of the cloud. */
int repair_forgive(struct repair *r, const struct changes *changes, struct error **err) MUST_USE;
/* Reboots them, and waits until they are Ready.  That one does not get so is no failure: repair_find() tells it the next time. */
int repair_run(struct repair *r, struct cloud *cloud, struct events *events, struct error **err) MUST_USE;
void repair_clear(struct repair *r);
