#include "core/base/parallel.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include <pthread.h>

enum { STACK_BYTES = 512 * 1024 };

struct pool {
	pthread_mutex_t lock;
	size_t next, n;
	bool stop;
	parallel_job *job;
	void *context;
	struct error **errors;
	struct error *first;
	bool failed;
};

/* The next index, or n when there is nothing left to begin. */
static size_t take(struct pool *p)
{
	size_t i = p->n;

	pthread_mutex_lock(&p->lock);
	if (!p->stop && p->next < p->n)
		i = p->next++;
	pthread_mutex_unlock(&p->lock);
	return i;
}

/* "interrupted" explains nothing where another job says why. */
static bool explains(const struct error *first, const struct error *error)
{
	return first == NULL || (error_is(first, ERROR_CANCELLED) && !error_is(error, ERROR_CANCELLED));
}

static void record(struct pool *p, size_t i, struct error *error)
{
	pthread_mutex_lock(&p->lock);
	p->failed = true;
	if (p->errors != NULL) {
		p->errors[i] = error;
	} else {
		p->stop = true;
		if (explains(p->first, error)) {
			error_free(p->first);
			p->first = error;
		} else {
			error_free(error);
		}
	}
	pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
	struct pool *p = arg;
	size_t i;

	while ((i = take(p)) < p->n) {
		struct error *error = NULL;

		if (cancel_check(&error) < 0 || p->job(i, p->context, &error) < 0)
			record(p, i, error);
	}
	return NULL;
}

static int start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return r;
}

int parallel_for(size_t n, unsigned width, parallel_job *job, void *context, struct error **errors, struct error **err)
{
	struct pool p = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .job = job, .context = context, .errors = errors};
	size_t wanted = width == 0 || width > n ? n : width, started = 0;
	CLEANUP_FREE pthread_t *threads = xnew_n(pthread_t, wanted);

	while (started < wanted && start_thread(&threads[started], work, &p) == 0)
		started++;
	if (started < wanted)
		work(&p); /* no more threads to be had: help out here */
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&p.lock);
	if (!p.failed)
		return 0;
	return p.first == NULL ? -1 : error_move(err, p.first);
}

static int run_task(size_t i, void *context, struct error **err)
{
	const struct parallel_task *tasks = context;

	return tasks[i].run(tasks[i].context, err);
}

int parallel_run(const struct parallel_task *tasks, size_t n, struct error **err)
{
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n);
	struct error *first = NULL;
	int r = parallel_for(n, 0, run_task, (void *)tasks, errors, err);

	for (size_t i = 0; i < n; i++) {
		if (errors[i] != NULL && explains(first, errors[i])) {
			error_free(first);
			first = errors[i];
		} else {
			error_free(errors[i]);
		}
	}
	return r == 0 ? 0 : error_move(err, first);
}

struct parallel_thread {
	pthread_t id;
	bool started;
	int (*run)(void *, struct error **);
	void *context;
	int result;
	struct error *error;
};

static void *run_thread(void *arg)
{
	struct parallel_thread *t = arg;

	t->result = t->run(t->context, &t->error);
	return NULL;
}

struct parallel_thread *parallel_start(int (*run)(void *context, struct error **err), void *context)
{
	struct parallel_thread *t = xnew(struct parallel_thread);

	t->run = run;
	t->context = context;
	t->started = start_thread(&t->id, run_thread, t) == 0;
	if (!t->started)
		t->result = error_set(&t->error, ERROR_INTERNAL, "cannot start a thread");
	return t;
}

int parallel_join(struct parallel_thread *t, struct error **err)
{
	int result;

	if (t == NULL)
		return 0;
	if (t->started)
		pthread_join(t->id, NULL);
	result = t->result;
	if (result < 0)
		error_move(err, t->error);
	free(t);
	return result;
}
