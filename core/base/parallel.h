/*
 * parallel: the one way to do things at the same time.  One job is one function in one thread; it may block.
 * A job writes only its own slot; what jobs share locks inside its own file.
 */
#pragma once
#include "core/base/error.h"

typedef int parallel_job(size_t i, void *context, struct error **err);

/*
 * Run job(0 … n-1), at most `width` at a time (0: all at once), and return after every started job has ended.
 * errors: n slots that receive each job's error (the caller frees), or NULL.
 * With errors == NULL the first failure stops jobs that have not begun, and is *err; ERROR_CANCELLED only where no other job says why.
 * With errors != NULL all jobs run; returns 0 when all succeeded, else -1 with *err untouched.
 * A cancelled run begins no further job; those not begun get ERROR_CANCELLED.
 */
int parallel_for(size_t n, unsigned width, parallel_job *job, void *context, struct error **errors, struct error **err) MUST_USE;

/* Different functions at the same time: each entry is one job.  The first failure is *err, as above; all are waited for. */
struct parallel_task {
	int (*run)(void *context, struct error **err);
	void *context;
};
int parallel_run(const struct parallel_task *tasks, size_t n, struct error **err) MUST_USE;

/* One thread in the background; parallel_join() waits and hands its error over. */
struct parallel_thread;
struct parallel_thread *parallel_start(int (*run)(void *context, struct error **err), void *context);
int parallel_join(struct parallel_thread *thread, struct error **err); /* frees thread; NULL is fine */
