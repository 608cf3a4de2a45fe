#include "provision/watch.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct waiter {
	struct waiter *next;
	const char *id;
	watch_settled *settled;
	uint64_t since;		   /* polls begun before count: their list may be older than the resource */
	int64_t stall_ms, changed; /* clock_ms() of the last change */
	char *state;		   /* what is compared to notice one */
	bool over;
	struct json_object *found;
};

struct watch {
	struct cloud *cloud;
	enum kind kind;
	char *uuid, *cluster;
	struct cond news;
	struct waiter *waiters;
	uint64_t polls;
	int64_t changed; /* of anything, for the pace */
	int stop_fd;
	bool stopped;
	struct error *failure; /* of the poll: everybody's */
	struct parallel_thread *poller;
};

/* The pace of the polls: quick while something moves.  Empty volumes take a moment, servers seconds. */
struct pace {
	int64_t quiet_ms, interval_ms;
};
static const struct pace volume_paces[] = {{3000, 300}, {30000, 1000}, {120000, 2000}, {INT64_MAX, 5000}};
static const struct pace server_paces[] = {{15000, 700}, {30000, 1000}, {120000, 2000}, {INT64_MAX, 5000}};

static int64_t pace(enum kind kind, int64_t quiet_ms)
{
	const struct pace *p = kind == KIND_VOLUME ? volume_paces : server_paces;

	while (quiet_ms >= p->quiet_ms)
		p++;
	return p->interval_ms;
}

static struct json_object *find(struct json_object *list, enum kind kind, const char *id)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *it = kind_item_id(kind, o);

		if (it != NULL && strcmp(it, id) == 0)
			return o;
	}
	return NULL;
}

static char *state_of(struct json_object *o)
{
	return xasprintf("%s/%s/%lld", json_get_str(o, "status", ""), json_get_str(o, "OS-EXT-STS:task_state", ""),
			 (long long)json_get_int(o, "progress", 0));
}

/* under the lock */
static void judge(struct watch *w, struct waiter *x, struct json_object *list)
{
	struct json_object *o = find(list, w->kind, x->id);
	char *state = state_of(o);

	if (x->state == NULL || strcmp(x->state, state) != 0)
		w->changed = x->changed = clock_ms();
	free(x->state);
	x->state = state;
	x->over = o == NULL || x->settled(o);
	/* a copy: json-c does not count references atomically, and the list is freed in this thread, the resource in another */
	if (x->over && o != NULL && json_object_deep_copy(o, &x->found, NULL) < 0)
		abort();
}

static void tell(struct watch *w, struct json_object *list, uint64_t poll, struct error *failure)
{
	cond_lock(&w->news);
	if (failure != NULL && w->failure == NULL)
		w->failure = failure;
	for (struct waiter *x = w->waiters; x != NULL && list != NULL; x = x->next)
		if (!x->over && x->since < poll)
			judge(w, x, list);
	cond_tell(&w->news);
	cond_unlock(&w->news);
}

/* under the lock */
static bool somebody_waits(const struct watch *w)
{
	for (const struct waiter *x = w->waiters; x != NULL; x = x->next)
		if (!x->over)
			return true;
	return false;
}

/* False when it is time to end. */
static bool next_poll(struct watch *w, int64_t *ret_pause)
{
	bool go = true;

	cond_lock(&w->news);
	while (go && !w->stopped && !somebody_waits(w))
		go = cond_wait(&w->news, CLOCK_NEVER, NULL) > 0;
	go = go && !w->stopped && w->failure == NULL;
	*ret_pause = pace(w->kind, clock_ms() - w->changed);
	cond_unlock(&w->news);
	return go;
}

static uint64_t begin_poll(struct watch *w)
{
	uint64_t poll;

	cond_lock(&w->news);
	poll = ++w->polls;
	cond_unlock(&w->news);
	return poll;
}

static int poll_once(struct watch *w, int64_t pause, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;
	uint64_t poll;
	int r;

	/* what was just asked for takes a while: wait first */
	r = cancel_poll(w->stop_fd, POLLIN, clock_deadline(pause), err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	poll = begin_poll(w);
	if (kind_list(w->cloud, w->kind, w->uuid, w->cluster, &list, err) < 0)
		return -1;
	tell(w, list, poll, NULL);
	return 0;
}

static int poll_all(void *context, struct error **err UNUSED)
{
	struct watch *w = context;
	int64_t pause = 0;

	while (next_poll(w, &pause)) {
		struct error *failure = NULL;

		if (poll_once(w, pause, &failure) < 0)
			tell(w, NULL, 0, failure);
	}
	return 0;
}

struct watch *watch_new(struct cloud *c, enum kind kind, const char *uuid, const char *cluster)
{
	struct watch *w = xnew(struct watch);

	*w = (struct watch){.cloud = c, .kind = kind, .uuid = xstrdup(uuid), .cluster = xstrdup(cluster)};
	cond_init(&w->news);
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (w->stop_fd < 0)
		abort(); /* no file descriptor left: nothing else would work either */
	return w;
}

/* under the lock: what became of it */
static int result(struct watch *w, struct waiter *x, struct json_object **ret, struct error **err)
{
	const struct kind_info *k = kind_info(w->kind);

	if (x->over) {
		*ret = steal_ptr(x->found);
		return 0;
	}
	if (cancel_check(err) < 0)
		return -1;
	if (w->failure != NULL)
		return error_set(err, error_kind(w->failure), "%s", error_message(w->failure));
	if (w->stopped)
		return error_set(err, ERROR_CANCELLED, "wait for %s %s: stopped", k->name, x->id);
	return error_set(err, ERROR_TIMEOUT, "%s %s: nothing has changed for %lld s; it is \"%s\"", k->name, x->id,
			 (long long)(clock_ms() - x->changed) / 1000, x->state != NULL ? x->state : "not listed yet");
}

static bool go_on(const struct watch *w, const struct waiter *x)
{
	return !x->over && !w->stopped && w->failure == NULL && clock_ms() - x->changed < x->stall_ms;
}

static void leave(struct watch *w, struct waiter *x)
{
	for (struct waiter **at = &w->waiters; *at != NULL; at = &(*at)->next)
		if (*at == x) {
			*at = x->next;
			return;
		}
}

int watch_wait(struct watch *w, const char *id, watch_settled *settled, int64_t stall_ms, struct json_object **ret,
	       struct error **err)
{
	struct waiter x = {.id = id, .settled = settled, .stall_ms = stall_ms, .changed = clock_ms()};
	int r = 1;

	cond_lock(&w->news);
	if (w->poller == NULL && !w->stopped)
		w->poller = parallel_start(poll_all, w);
	x.since = w->polls;
	x.next = w->waiters;
	w->waiters = &x;
	w->changed = x.changed;
	cond_tell(&w->news);
	while (r >= 0 && go_on(w, &x))
		r = cond_wait(&w->news, x.changed + stall_ms, NULL); /* the poller may be busy with repeats */
	leave(w, &x);
	r = result(w, &x, ret, err);
	cond_unlock(&w->news);
	json_object_put(x.found);
	free(x.state);
	return r;
}

void watch_stop(struct watch *w)
{
	uint64_t one = 1;

	cond_lock(&w->news);
	w->stopped = true;
	cond_tell(&w->news);
	cond_unlock(&w->news);
	if (write(w->stop_fd, &one, sizeof(one)) < 0)
		log_debug("stop of a watch: the poller ends with its pause");
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	watch_stop(w);
	if (parallel_join(w->poller, NULL) < 0)
		log_debug("the poller did not start");
	close(w->stop_fd);
	cond_destroy(&w->news);
	error_free(w->failure);
	free(w->uuid);
	free(w->cluster);
	free(w);
}
