/*
 * cond: a lock, and the wait for what it guards to change.  A condition of POSIX cannot be waited for together with the cancel
 * fd: here one thread of the process watches that fd for all of them, so that a cancelled run wakes every waiter at once.
 */
#pragma once
#include "core/base/error.h"
#include <pthread.h>

struct cond {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct cond *next, **link; /* of all that there are */
};

void cond_init(struct cond *c);	   /* never while another one is locked */
void cond_destroy(struct cond *c); /* the same */
void cond_lock(struct cond *c);
void cond_unlock(struct cond *c);
void cond_tell(struct cond *c); /* wakes all who wait */
/*
 * With the lock held, which is given up meanwhile; as cancel_poll(): 1 when there may be news (look again), 0 when the deadline
 * (clock_ms()) has passed, no error set, -1 when the run is cancelled.
 */
int cond_wait(struct cond *c, int64_t deadline, struct error **err) MUST_USE;
