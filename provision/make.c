#include "provision/make.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "provision/pick.h"
#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A service goes on with what a client has let go: for so long the resource may turn up late … */
enum { UNDER_WAY_MS = 10 * 1000 };
/* … and is looked for at these moments after an ambiguous failure. */
static const int64_t look_again_ms[] = {0, 1000, 1000, 2000, 3000, 3000};

/* A POST of some wants and what came of it. */
struct post {
	struct maker *m;
	enum kind kind;
	struct want *wants;
	size_t n;
	const char *microversion; /* NULL: the kind's */
	int status;
	bool ambiguous;
};

const char *made_id(struct maker *m, enum kind kind, const char *name)
{
	const char *id = view_id(m->view, kind, name);

	assert(id != NULL);
	return id;
}

static void drop_body(struct want *w)
{
	json_object_put(w->body);
	w->body = NULL;
}

/* Moves the wants that the view lacks to the front; returns how many.  Frees the bodies of the others. */
static size_t drop_made(struct maker *m, enum kind kind, struct want *wants, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		struct want want = wants[i];

		wants[i].body = NULL; /* each body stands in one place only */
		if (view_find(m->view, kind, want.name) != NULL)
			drop_body(&want);
		else
			wants[left++] = want;
	}
	return left;
}

static int keep(struct maker *m, enum kind kind, const char *name, struct json_object *o, struct error **err)
{
	const char *id = kind_item_id(kind, o);

	if (id == NULL)
		return error_set(err, ERROR_REMOTE, "create %s \"%s\": the answer holds no id", kind_info(kind)->name, name);
	json_object_object_del(o, "adminPass");
	view_put(m->view, kind, name, id, o);
	return state_made(m->job->state, kind_info(kind)->name, name, id, err);
}

/* {"ports": [{…}, …]} for several, {"port": {…}} for one. */
static struct json_object *wrap(const struct post *p)
{
	const struct kind_info *k = kind_info(p->kind);
	struct json_object *o = json_object_new_object(), *list;

	if (p->n == 1) {
		json_add(o, k->key, json_object_get(p->wants[0].body));
		return o;
	}
	list = json_object_new_array();
	for (size_t i = 0; i < p->n; i++)
		json_object_array_add(list, json_object_get(p->wants[i].body));
	json_add(o, k->keys, list);
	return o;
}

static char *describe(const struct post *p)
{
	const struct kind_info *k = kind_info(p->kind);

	if (p->n == 1)
		return xasprintf("create %s \"%s\"", k->name, p->wants[0].name);
	return xasprintf("create %zu %ss (\"%s\", …)", p->n, k->name, p->wants[0].name);
}

static int keep_answer(struct post *p, struct json_object *answer, struct error **err)
{
	const struct kind_info *k = kind_info(p->kind);
	struct json_object *list = json_at(answer, k->keys), *one = json_at(answer, k->key);

	if (p->n == 1)
		return keep(p->m, p->kind, p->wants[0].name, one, err);
	if (json_len(list) != p->n) /* neutron answers in the order of the request */
		return error_set(err, ERROR_REMOTE, "create %zu %ss: the answer holds %zu", p->n, k->name, json_len(list));
	for (size_t i = 0; i < p->n; i++)
		if (keep(p->m, p->kind, p->wants[i].name, json_object_array_get_idx(list, i), err) < 0)
			return -1;
	return 0;
}

static int post(struct post *p, struct json_object *body, struct error **err)
{
	const struct kind_info *k = kind_info(p->kind);
	CLEANUP_FREE char *what = describe(p);
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {.service = k->service,
				  .method = "POST",
				  .path = k->path,
				  .body = body,
				  .microversion = p->microversion != NULL ? p->microversion : k->microversion,
				  .retry = RETRY_C,
				  .what = what};

	p->status = 0;
	p->ambiguous = false;
	if (make_check(p->m, err) < 0)
		return -1;
	make_begin(p->m, p->kind);
	if (cloud_call(p->m->cloud, &call, &answer, &p->status, &p->ambiguous, err) < 0)
		return -1;
	return keep_answer(p, answer, err);
}

/* What a want has become in the cloud: a floating IP that is to point nowhere yet has no name there, and is one that is spare. */
static const char *id_of(struct post *p, const struct want *want)
{
	struct maker *m = p->m;
	const char *id = view_id(m->view, p->kind, want->name);
	const struct item *spare;

	if (id != NULL || p->kind != KIND_FLOATING_IP || json_at(want->body, "port_id") != NULL)
		return id;
	spare = pick_spare_floating_ip(m->view, m->plan, 0);
	return spare != NULL ? view_put(m->view, p->kind, want->name, spare->id, spare->json)->id : NULL;
}

/* Those of the wants that bear our mark in the cloud all the same are taken; p->n: the number that is still missing. */
static int look(struct post *p, struct error **err)
{
	struct maker *m = p->m;
	const struct kind_info *k = kind_info(p->kind);
	CLEANUP_JSON struct json_object *list = NULL;

	if (kind_list(m->cloud, p->kind, m->view->uuid, m->plan->spec->name, &list, err) < 0)
		return -1;
	view_add_list(m->view, p->kind, list);
	for (size_t w = 0; w < p->n; w++) {
		const char *id = id_of(p, &p->wants[w]);

		if (id == NULL)
			continue;
		log_verbose("%s \"%s\": was made although nobody saw an answer; adopted", k->name, p->wants[w].name);
		if (state_made(m->job->state, k->name, p->wants[w].name, id, err) < 0)
			return -1;
	}
	p->n = drop_made(m, p->kind, p->wants, p->n);
	return 0;
}

static int adopt(struct post *p, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(look_again_ms) && p->n > 0; i++)
		if (cancel_sleep(look_again_ms[i], err) < 0 || look(p, err) < 0)
			return -1;
	return 0;
}

/* ms until no call of an earlier run can be under way any more that makes one of these. */
static int64_t patience(const struct post *p)
{
	int64_t now = clock_wall_ms(), longest = 0;

	for (size_t i = 0; i < p->n; i++) {
		int64_t since = state_intended(p->m->job->state, kind_info(p->kind)->name, p->wants[i].name);
		int64_t left = since > 0 && now >= since ? since + UNDER_WAY_MS - now : 0; /* a clock that was set back is not waited for */

		longest = left > longest ? left : longest;
	}
	return longest;
}

/* What a run before this one has asked for may come to be yet: made once more, it would be there twice. */
static int await_begun(struct post *p, struct error **err)
{
	int64_t left = p->n > 0 ? patience(p) : 0, nap = 0;

	if (left <= 0)
		return 0;
	log_verbose("%s \"%s\": a run before this one has asked for it, and nobody saw an answer; it is looked for until %.0f s after that", kind_info(p->kind)->name,
		    p->wants[0].name, UNDER_WAY_MS / 1000.0);
	for (;; left -= nap) {
		if (look(p, err) < 0)
			return -1;
		if (p->n == 0 || left <= 0)
			return 0;
		nap = left < 1000 ? left : 1000;
		if (cancel_sleep(nap, err) < 0)
			return -1;
	}
}

static int make_each(struct post *p, struct error **err);

static bool may_be_there(const struct post *p, const struct error *failure)
{
	return p->ambiguous || error_is(failure, ERROR_CONFLICT); /* a conflict: made by an earlier run or by a repeat */
}

/* The cloud has answered, and made none: the next run need not wait. */
static int refuse(struct post *p, struct error *failure, struct error **err)
{
	for (size_t i = 0; i < p->n; i++)
		(void)!state_refused(p->m->job->state, kind_info(p->kind)->name, p->wants[i].name, NULL); /* then it waits */
	return error_move(err, failure);
}

static int intend(struct post *p, struct error **err)
{
	for (size_t i = 0; i < p->n; i++)
		if (state_intend(p->m->job->state, kind_info(p->kind)->name, p->wants[i].name, err) < 0)
			return -1;
	return 0;
}

static int make_left(struct post *p, struct json_object *(*body_of)(const struct post *p), struct error **err)
{
	bool unseen = false; /* an answer, of any attempt */

	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *body = body_of(p);
		CLEANUP_ERROR struct error *failure = NULL;
		size_t before = p->n;

		if (intend(p, err) < 0)
			return -1;
		if (post(p, body, &failure) == 0)
			return 0;
		if (p->n > 1 && p->status == 400) /* some clouds take no bulk */
			return make_each(p, err);
		unseen = unseen || p->ambiguous;
		if (!may_be_there(p, failure))
			return unseen ? error_move(err, steal_ptr(failure)) : refuse(p, steal_ptr(failure), err);
		if (adopt(p, err) < 0)
			return -1;
		if (p->n == 0)
			return 0;
		/* a conflict with something else stays one */
		if (attempt == MAKE_ATTEMPTS || (!p->ambiguous && p->n == before))
			return error_move(err, steal_ptr(failure));
	}
}

static int make_each_job(size_t i, void *context, struct error **err)
{
	const struct post *all = context;
	struct post one = {.m = all->m, .kind = all->kind, .wants = &all->wants[i], .n = 1};

	return make_left(&one, wrap, err);
}

static int make_each(struct post *p, struct error **err)
{
	return parallel_for(p->n, MAKE_WIDTH, make_each_job, p, NULL, err);
}

static int make_wants(struct maker *m, enum kind kind, struct want *wants, size_t n, bool bulk, struct error **err)
{
	struct post p = {.m = m, .kind = kind, .wants = wants, .n = drop_made(m, kind, wants, n)};
	size_t todo = p.n;
	int r = 0;

	if (p.n > 0)
		r = await_begun(&p, err);
	if (r == 0 && p.n > 0)
		r = p.n == 1 || bulk ? make_left(&p, wrap, err) : make_each(&p, err);
	for (size_t i = 0; i < todo; i++)
		drop_body(&wants[i]);
	return r;
}

int make_all(struct maker *m, enum kind kind, struct want *wants, size_t n, struct error **err)
{
	return make_wants(m, kind, wants, n, kind_info(kind)->bulk, err);
}

int make_singly(struct maker *m, enum kind kind, struct want *wants, size_t n, struct error **err)
{
	return make_wants(m, kind, wants, n, false, err);
}

int make_one(struct maker *m, enum kind kind, const char *name, struct json_object *body, struct error **err)
{
	struct want want = {name, body};

	return make_all(m, kind, &want, 1, err);
}

static struct json_object *whole(const struct post *p)
{
	return json_object_get(p->wants[0].body);
}

int make_whole(struct maker *m, enum kind kind, const char *name, struct json_object *body, const char *microversion, struct error **err)
{
	struct want want = {name, body};
	struct post p = {.m = m, .kind = kind, .wants = &want, .n = 1, .microversion = microversion};
	int r = await_begun(&p, err);

	if (r == 0 && p.n > 0)
		r = make_left(&p, whole, err);
	drop_body(&want);
	return r;
}

int make_update(struct maker *m, const struct item *item, struct json_object *fields, struct error **err)
{
	const struct kind_info *k = kind_info(item->kind);
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/%s", k->path, item->id);
	CLEANUP_FREE char *what = xasprintf("update %s \"%s\"", k->name, item->name);
	struct cloud_call call = {
		.service = k->service, .method = "PUT", .path = path, .body = body, .retry = RETRY_A, .what = what};

	json_add(body, k->key, fields);
	make_begin(m, item->kind);
	if (cloud_call(m->cloud, &call, &answer, NULL, NULL, err) < 0)
		return -1;
	view_put(m->view, item->kind, item->name, item->id, json_at(answer, k->key));
	return 0;
}

int make_point_floating_ip(struct maker *m, const struct item *item, struct json_object *fields, const char *name, struct error **err)
{
	if (make_update(m, item, fields, err) < 0)
		return -1;
	view_put(m->view, KIND_FLOATING_IP, name, item->id, view_find(m->view, KIND_FLOATING_IP, item->name)->json);
	return state_made(m->job->state, kind_info(KIND_FLOATING_IP)->name, name, item->id, err);
}

/* The inventory is told state and details together: remember the state, so that a detail does not turn it back. */
static void tell(struct maker *m, size_t i, const enum node_cloud *cloud, const char *server_id, const char *floating_ip,
		 const char *fault)
{
	pthread_mutex_lock(&m->lock);
	if (cloud != NULL)
		m->states[i] = *cloud;
	inventory_cloud(m->job->inventory, m->plan->nodes[i].node.name, m->states[i], server_id, floating_ip, fault);
	pthread_mutex_unlock(&m->lock);
}

void make_tell(struct maker *m, size_t i, enum node_cloud cloud, const char *server_id, const char *fault)
{
	tell(m, i, &cloud, server_id, NULL, fault);
}

void make_tell_floating_ip(struct maker *m, size_t i, const char *floating_ip)
{
	tell(m, i, NULL, NULL, floating_ip, NULL);
}

void make_stop(struct maker *m)
{
	m->stopped = true;
	watch_stop(m->servers);
	watch_stop(m->volumes);
}

int make_check(struct maker *m, struct error **err)
{
	if (cancel_check(err) < 0)
		return -1;
	return m->stopped ? error_set(err, ERROR_CANCELLED, "stopped, since something else failed") : 0;
}

const char *subject_name(enum subject subject)
{
	static const char *const names[] = {"network", "security", "volumes"};

	return names[subject];
}

void make_begin(struct maker *m, enum kind kind)
{
	static const enum subject subjects[KIND_COUNT] = {
		[KIND_KEYPAIR] = SUBJECT_SECURITY, [KIND_NETWORK] = SUBJECT_NETWORK,	 [KIND_SUBNET] = SUBJECT_NETWORK,
		[KIND_ROUTER] = SUBJECT_NETWORK,   [KIND_GROUP] = SUBJECT_SECURITY,	 [KIND_SERVER_GROUP] = SUBJECT_SECURITY,
		[KIND_PORT] = SUBJECT_NETWORK,	   [KIND_BALANCER] = SUBJECT_NETWORK,	   [KIND_FLOATING_IP] = SUBJECT_NETWORK, [KIND_VOLUME] = SUBJECT_VOLUMES,
		[KIND_SERVER] = SUBJECT_COUNT}; /* servers have lines of their own */
	enum subject subject = subjects[kind];
	bool first;

	if (subject == SUBJECT_COUNT)
		return;
	pthread_mutex_lock(&m->lock);
	first = !m->begun[subject];
	m->begun[subject] = true;
	pthread_mutex_unlock(&m->lock);
	if (first)
		event_begin(m->job->events, subject_name(subject), "cloud");
}

void maker_init(struct maker *m, const struct provision_job *job)
{
	const char *uuid = state_uuid(job->state);

	if (job->view->uuid == NULL) /* looked at before the cluster had a state */
		job->view->uuid = xstrdup(uuid);
	m->job = job;
	m->cloud = job->cloud;
	m->plan = job->plan;
	m->view = job->view;
	m->mark = mark_text(uuid);
	m->keypair = name_keypair(job->plan, uuid);
	m->external_id = json_get_str(pick_external(job->view, job->plan), "id", NULL);
	m->servers = watch_new(job->cloud, KIND_SERVER, uuid, job->plan->spec->name);
	m->volumes = watch_new(job->cloud, KIND_VOLUME, uuid, NULL);
	m->leaders_fd = eventfd(0, EFD_CLOEXEC);
	m->gate = gate_new(job->plan->n_nodes, MAKE_WIDTH);
	m->states = xnew_n(enum node_cloud, job->plan->n_nodes + 1);
	pthread_mutex_init(&m->lock, NULL);
}

void maker_finish(struct maker *m)
{
	watch_free(m->servers);
	watch_free(m->volumes);
	if (m->leaders_fd >= 0)
		close(m->leaders_fd);
	gate_free(m->gate);
	pthread_mutex_destroy(&m->lock);
	free(m->states);
	free(m->mark);
	free(m->keypair);
}
