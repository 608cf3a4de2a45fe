/* upkeep: what "davit node drain", "uncordon" and "reboot" begin and end with: the lock, the nodes that were named, the live display. */
#pragma once
#include "cmd/leaving.h"

struct upkeep {
	struct context c;
	struct leaving l;
	struct events *events;
	struct live *live;
	struct strv nodes; /* each once, in the order in which they were named */
};

int upkeep_open(const struct options *o, struct upkeep *ret, struct error **err) MUST_USE;
void upkeep_close(struct upkeep *u);
#define CLEANUP_UPKEEP CLEANUP(upkeep_close)
/* ERROR_USAGE for a node on which Kubernetes does not run, ERROR_NODE for one that has not joined. */
int upkeep_need_members(struct upkeep *u, struct error **err) MUST_USE;
bool upkeep_is_member(struct upkeep *u, const char *node); /* Kubernetes is to run there */

/* Takes new pods again, and forgets that a reboot had it cordoned. */
int upkeep_uncordon(struct upkeep *u, const struct strv *nodes, struct error **err) MUST_USE;
/* The key of the state under which a reboot is noted; the caller frees. */
char *upkeep_reboot_key(const char *node) MUST_USE;
