#include "provision/flow.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include <assert.h>

struct flow {
	const struct flow_step *steps;
	const struct flow_hooks *hooks;
	void *context;
	struct cond changed;
	unsigned done;			/* bits of steps */
	const struct flow_step *failed; /* the first that did: its error explains the others' */
};

/* True when the step may begin, false when another one has failed or the run is cancelled. */
static bool wait_for_needs(struct flow *f, unsigned needs)
{
	bool go = !cancel_requested();

	cond_lock(&f->changed);
	while (go && f->failed == NULL && (f->done & needs) != needs)
		go = cond_wait(&f->changed, CLOCK_NEVER, NULL) > 0;
	go = go && f->failed == NULL;
	cond_unlock(&f->changed);
	return go;
}

static void finish(struct flow *f, const struct flow_step *step, const struct error *failure)
{
	bool first_failure, ok = failure == NULL;

	if (f->hooks->ended != NULL)
		f->hooks->ended(f->context, (size_t)(step - f->steps), failure);

	cond_lock(&f->changed);
	first_failure = !ok && f->failed == NULL;
	if (ok)
		f->done |= FLOW_NEEDS(step - f->steps);
	else if (first_failure)
		f->failed = step;
	cond_tell(&f->changed);
	cond_unlock(&f->changed);
	if (first_failure && f->hooks->stop != NULL)
		f->hooks->stop(f->context);
}

static int run_step(size_t i, void *context, struct error **err)
{
	struct flow *f = context;
	const struct flow_step *step = &f->steps[i];
	struct error *failure = NULL;
	int64_t began;

	if (!wait_for_needs(f, step->needs))
		return cancel_check(err) < 0 ? -1 : error_set(err, ERROR_CANCELLED, "%s: another step failed", step->name);
	began = clock_ms();
	if (step->run(f->context, &failure) < 0)
		assert(failure != NULL);
	log_debug("step \"%s\" %s after %lld ms", step->name, failure != NULL ? "failed" : "done",
		  (long long)(clock_ms() - began));
	finish(f, step, failure);
	return failure != NULL ? error_move(err, failure) : 0;
}

/* The error of the step that failed first; of any, where the run was cancelled before one began. */
static int cause(const struct flow *f, struct error **errors, size_t n, struct error **err)
{
	size_t chosen = f->failed != NULL ? (size_t)(f->failed - f->steps) : 0;

	while (chosen < n && errors[chosen] == NULL)
		chosen++;
	for (size_t i = 0; i < n; i++)
		if (i != chosen)
			error_free(errors[i]);
	return error_move(err, errors[chosen]);
}

int flow_run(const struct flow_step *steps, size_t n, const struct flow_hooks *hooks, void *context, struct error **err)
{
	struct flow f = {.steps = steps, .hooks = hooks, .context = context};
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n);
	int r;

	assert(n <= FLOW_STEPS_MAX);
	cond_init(&f.changed);
	r = parallel_for(n, 0, run_step, &f, errors, err);
	cond_destroy(&f.changed);
	return r == 0 ? 0 : cause(&f, errors, n, err);
}
