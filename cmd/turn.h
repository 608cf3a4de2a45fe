/*
 * turn: nodes that run take up what is new for them one after the other, so that those beside them go on meanwhile.
 *
 * A courtesy, no lock: where one takes longer than the patience of the next it may be waiting for that one itself (etcd for its other members,
 * when nothing of any of them is valid any more), which begins beside it then.
 */
#pragma once
#include "core/base/error.h"

struct turn;
struct turn *turn_new(void);
void turn_free(struct turn *t);
/* Until it is the caller's, or the one before has had it for patience_ms.  Each taken one is given. */
int turn_take(struct turn *t, int64_t patience_ms, struct error **err) MUST_USE;
void turn_give(struct turn *t);
