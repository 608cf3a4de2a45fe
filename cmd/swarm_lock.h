/*
 * swarm_lock: autolock as commands see it: the keys in the state, managers that are locked since their engine was restarted, and the settings of the
 * swarm itself.  Former keys stay in the state: a manager that was away while the key changed is opened by the one of before.
 */
#pragma once
#include "cmd/reach.h"
#include "cmd/context.h"
#include "core/cluster/events.h"
#include "provision/provision.h"

/* Whether that node (NULL: any) is a manager that may be locked. */
bool swarm_lock_may(const struct context *c, const char *node);
/* Managers that are locked; those that cannot be asked count for nothing.  None where no manager can be locked: no node is asked then. */
int swarm_lock_find(const struct context *c, struct reach *reach, struct strv *ret, struct error **err) MUST_USE;
/* The same as what apply would do. */
int swarm_lock_compare(const struct context *c, struct reach *reach, struct changes *ret, struct error **err) MUST_USE;
/* Unlocks them all, and sees to it that the state has the key that is the swarm's now.  One that cannot be unlocked is a warning. */
int swarm_lock_open(const struct context *c, struct events *events, struct error **err) MUST_USE;
/* That node, where it is locked, until it is with the others.  Its engine may just be on its way up. */
int swarm_lock_release(const struct context *c, struct reach *reach, const char *node, int64_t deadline, struct error **err) MUST_USE;
/* In a session with a node that answers: the same; *ret: whether it is a member then.  A manager that has just begun anew is not taken for one that
 * never joined: that would be taken out by the others. */
int swarm_lock_enter(const struct context *c, struct ssh *s, int64_t deadline, bool *ret, struct error **err) MUST_USE;

/* In a session with a manager: what the file says of the swarm itself (autolock, certExpiry), and the key that this makes. */
int swarm_settle(const struct context *c, struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
bool swarm_key_is_newest(struct state *state, const char *key);
/* The newest key of the state is this one; NULL: nothing is done. */
int swarm_key_keep(struct state *state, const char *key, struct error **err) MUST_USE;
