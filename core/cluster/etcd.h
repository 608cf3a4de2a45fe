/*
 * etcd: which control planes begin the data base together, and which join one that is there.  Kept in the state from before the first
 * one is installed, so that a node's files say the same ever after:
 *
 *   etcd:initial    names of those that begin together, blanks between them; "": those of the plan will
 *   etcd:formed     "1": it had a quorum once; who comes without data from then on has to join
 *   etcd:anew       "1": it began again without what it knew, and workers have not registered anew yet
 *   etcd:join:NODE  "1": its server was made after that
 *
 * A member that begins with its old name, the old token and no data would be taken for the one that had some, and the cluster could lose
 * what it has acknowledged: https://etcd.io/docs/v3.6/op-guide/runtime-configuration/ ("Do not reuse old member's ...").
 */
#pragma once
#include "core/cluster/plan.h"
#include "core/cluster/state.h"

/* Where a control plane has how etcd begins: "new" or "join", its own name and address; then a line for each of `members`.  No unit
 * reads it, so that no service begins again when it changes. */
#define ETCD_START_FILE "/etc/davit/etcd-start"

/* How a node's member begins where it has no data. */
struct etcd_start {
	bool join; /* a cluster of one that lost its server has lost all: it begins anew */
	struct strv members; /* "NAME ADDRESS": of all that begin together; where it joins: the other control planes */
};

/* Before the servers are made: the plan's control planes begin together, unless it was decided already. */
int etcd_decide(struct state *state, const struct plan *plan, struct error **err) MUST_USE;
/* One control plane has got an API that is ready. */
int etcd_has_formed(struct state *state, struct error **err) MUST_USE;
/* A server was made for that control plane: its disks are empty. */
int etcd_is_new(struct state *state, const char *node, struct error **err) MUST_USE;
/* The servers of all control planes are gone: those of the plan begin anew together. */
int etcd_is_lost(struct state *state, const struct plan *plan, struct error **err) MUST_USE;
/* Whether workers have to register anew since; and that they have. */
bool etcd_was_lost(struct state *state);
int etcd_is_told(struct state *state, struct error **err) MUST_USE;
/* state NULL: nothing is decided yet.  The caller clears. */
void etcd_start(struct state *state, const struct plan *plan, const char *node, struct etcd_start *ret);
void etcd_start_clear(struct etcd_start *s);
#define CLEANUP_ETCD_START CLEANUP(etcd_start_clear)
