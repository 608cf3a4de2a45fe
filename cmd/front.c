#include "cmd/front.h"
#include "cmd/jump.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/net/http.h"
#include "core/net/pump.h"
#include <sys/socket.h>
#include <unistd.h>

#define READY_URL "https://127.0.0.1:6443/readyz"

enum {
	API_PORT = 6443,
	LOGIN_MS = 15 * 1000, /* to a control plane; one that is gone costs as much before the next one is asked */
	ASK_MS = 5 * 1000,
	EVERY_MS = 3 * 1000,
	FAILURES = 2, /* in a row, of one that has answered before: an API server that is busy is none that is gone */
	NONE = -1,
};

struct plane {
	struct front *front;
	char *name;
	struct jump *jump;
	struct http *http; /* to its API server, through jump */
	bool answered;	   /* it has, when it was asked last: of the watcher alone */
};

/* A connection that is being served: fd is the API server's side. */
struct served {
	struct served *next;
	size_t plane;
	int fd;
};

struct front {
	struct reach *reach;
	struct plane *planes;
	size_t n;
	struct parallel_thread *watcher;
	struct cond cond;
	/* under its lock */
	int chosen; /* of planes; NONE: none answers */
	bool doubt; /* somebody could not connect to it */
	bool closing;
	struct error *why; /* none answers */
	struct served *served;
};

static int connect_plane(void *context, int64_t deadline, struct ssh **ret, struct error **err)
{
	struct plane *p = context;

	return reach_ssh(p->front->reach, p->name, deadline, ret, err);
}

static int dial_api(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err)
{
	struct plane *p = context;

	return jump_dial(p->jump, host, port, clock_deadline(LOGIN_MS), false, ret_fd, err);
}

/* Whether its API server takes requests, by its own word. */
static int ask(struct plane *p, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request request = {.url = READY_URL, .timeout_ms = ASK_MS + (p->answered ? 0 : LOGIN_MS), .answer_max = 64 * 1024};

	if (http_perform(p->http, &request, &r, err) < 0)
		return error_wrap(err, "%s", p->name);
	p->answered = r.status == 200;
	return p->answered ? 0 : error_set(err, ERROR_REMOTE, "%s: its API server is not ready (HTTP %d)", p->name, r.status);
}

/* The first that answers of those after `last`, which is asked at the end; all the reasons where none does. */
static int find(struct front *f, int last, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	for (size_t k = 0; k < f->n; k++) {
		size_t i = ((size_t)(last + 1) + k) % f->n;
		CLEANUP_ERROR struct error *why = NULL;

		if (ask(&f->planes[i], &why) == 0)
			return (int)i;
		if (error_is(why, ERROR_CANCELLED))
			return error_move(err, steal_ptr(why));
		f->planes[i].answered = false;
		buf_addf(&text, "%s%s", k > 0 ? "; " : "", error_message(why));
	}
	return error_set(err, ERROR_NETWORK, "no API server answers: %s", buf_str(&text));
}

/* With the lock: the connections to all others end, so that their clients connect anew. */
static void choose(struct front *f, int plane)
{
	if (f->chosen != NONE && plane != NONE && f->chosen != plane)
		log_warning("the API server of %s does not answer; from now on it is that of %s", f->planes[f->chosen].name, f->planes[plane].name);
	for (struct served *s = f->served; s != NULL; s = s->next)
		if ((int)s->plane != plane)
			shutdown(s->fd, SHUT_RDWR);
	f->chosen = plane;
	f->doubt = false;
}

/* Waits until it is time to ask again, or somebody doubts; false when all is over.  *ret: the one to ask. */
static bool rest(struct front *f, int *ret, bool *ret_doubt)
{
	int64_t next = clock_deadline(EVERY_MS);
	bool on = true;

	cond_lock(&f->cond);
	while (on && !f->closing && !f->doubt && clock_ms() < next)
		on = cond_wait(&f->cond, next, NULL) >= 0;
	*ret = f->chosen;
	*ret_doubt = f->doubt;
	on = on && !f->closing;
	cond_unlock(&f->cond);
	return on;
}

static bool still_answers(struct front *f, int plane, bool doubt)
{
	for (int i = doubt ? 1 : 0; plane != NONE && i < FAILURES; i++) {
		CLEANUP_ERROR struct error *why = NULL;

		if (ask(&f->planes[plane], &why) == 0)
			return true;
		log_debug("%s", error_message(why));
	}
	return false;
}

static int watch(void *context, struct error **err)
{
	struct front *f = context;
	int plane = NONE;
	bool doubt = false;

	do {
		struct error *why = NULL;

		if (!still_answers(f, plane, doubt))
			plane = find(f, plane, &why);
		cond_lock(&f->cond);
		choose(f, plane);
		error_free(f->why);
		f->why = why;
		cond_tell(&f->cond);
		cond_unlock(&f->cond);
	} while (rest(f, &plane, &doubt));
	(void)err; /* why none answers is told to those who wait */
	return 0;
}

static int add_plane(struct front *f, const struct node *node, const char *ca_pem, struct error **err)
{
	struct plane *p = &f->planes[f->n];
	struct http_options options = {.ca_pem = ca_pem, .dial = dial_api, .dial_context = p, .no_proxy = true};

	*p = (struct plane){.front = f, .name = xstrdup(node->name)};
	p->jump = jump_new(connect_plane, p);
	f->n++;
	return http_new(&options, &p->http, err);
}

static int add_planes(struct front *f, struct inventory *inventory, const char *ca_pem, struct error **err)
{
	size_t n;
	struct node *nodes = inventory_list(inventory, &n);
	int r = 0;

	f->planes = xnew_n(struct plane, n);
	for (size_t i = 0; i < n && r == 0; i++)
		if (nodes[i].role == NODE_CONTROL_PLANE)
			r = add_plane(f, &nodes[i], ca_pem, err);
	node_list_free(nodes, n);
	if (r == 0 && f->n == 0)
		r = error_set(err, ERROR_NOT_FOUND, "the cluster has no control plane yet; run \"davit apply\"");
	return r;
}

int front_new(struct reach *reach, struct inventory *inventory, const char *ca_pem, struct front **ret, struct error **err)
{
	struct front *f = xnew(struct front);

	f->reach = reach;
	f->chosen = NONE;
	cond_init(&f->cond);
	if (add_planes(f, inventory, ca_pem, err) < 0) {
		front_free(f);
		return -1;
	}
	f->watcher = parallel_start(watch, f);
	*ret = f;
	return 0;
}

void front_free(struct front *f)
{
	if (f == NULL)
		return;
	cond_lock(&f->cond);
	f->closing = true;
	cond_tell(&f->cond);
	cond_unlock(&f->cond);
	(void)parallel_join(f->watcher, NULL);
	for (size_t i = 0; i < f->n; i++) {
		http_free(f->planes[i].http);
		jump_free(f->planes[i].jump);
		free(f->planes[i].name);
	}
	free(f->planes);
	error_free(f->why);
	cond_destroy(&f->cond);
	free(f);
}

/* One that answers; until the deadline where none does.  doubt: that one did not take a connection. */
static int await(struct front *f, int doubt, int64_t deadline, size_t *ret, struct error **err)
{
	int r = 1;

	cond_lock(&f->cond);
	if (doubt != NONE && f->chosen == doubt) {
		f->doubt = true;
		cond_tell(&f->cond);
	}
	while (r > 0 && (f->chosen == NONE || f->doubt))
		r = cond_wait(&f->cond, deadline, err);
	if (r == 0)
		r = error_set(err, ERROR_TIMEOUT, "%s", f->why != NULL ? error_message(f->why) : "no API server has answered in time");
	*ret = (size_t)f->chosen;
	cond_unlock(&f->cond);
	return r < 0 ? -1 : 0;
}

int front_wait(struct front *f, int64_t deadline, const char **ret_name, struct error **err)
{
	size_t plane;

	if (await(f, NONE, deadline, &plane, err) < 0)
		return -1;
	*ret_name = f->planes[plane].name;
	return 0;
}

/* A connection to an API server: another one's where the first takes none. */
static int connect_any(struct front *f, int64_t deadline, size_t *ret_plane, int *ret_fd, struct error **err)
{
	int doubt = NONE;

	for (;;) {
		CLEANUP_ERROR struct error *why = NULL;

		if (await(f, doubt, deadline, ret_plane, err) < 0)
			return -1;
		if (jump_dial(f->planes[*ret_plane].jump, "127.0.0.1", API_PORT, deadline, false, ret_fd, &why) == 0)
			return 0;
		if (clock_ms() >= deadline || error_is(why, ERROR_CANCELLED))
			return error_move(err, steal_ptr(why));
		doubt = (int)*ret_plane;
	}
}

static void enlist(struct front *f, struct served *s)
{
	cond_lock(&f->cond);
	s->next = f->served;
	f->served = s;
	if ((int)s->plane != f->chosen) /* it was given up meanwhile */
		shutdown(s->fd, SHUT_RDWR);
	cond_unlock(&f->cond);
}

static void delist(struct front *f, const struct served *s)
{
	cond_lock(&f->cond);
	for (struct served **p = &f->served; *p != NULL; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	cond_unlock(&f->cond);
}

int front_serve(struct front *f, int fd, int64_t deadline, struct error **err)
{
	struct served s = {.fd = -1};
	int r;

	if (connect_any(f, deadline, &s.plane, &s.fd, err) < 0)
		return -1;
	enlist(f, &s);
	r = pump(fd, s.fd, err);
	delist(f, &s);
	close(s.fd);
	return r;
}
