#include "cmd/apply.h"
#include "cmd/leaving.h"
#include "cmd/live.h"
#include "cmd/turnover.h"
#include "cmd/verbs.h"
#include "cmd/work.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/cluster/edit.h"
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct scale {
	const struct options *o;
	struct context c;
	struct buf before, after; /* the file as it was read, and with the new number */
	const char *pool;
	int from, to; /* what the file says, and what it will say */
	struct strv back; /* nodes that an earlier run had chosen to go, and that stay */
};

static void scale_clear(struct scale *s)
{
	context_close(&s->c);
	buf_free(&s->before);
	buf_free(&s->after);
	strv_free(&s->back);
}

static const struct pool_spec *find_pool(const struct spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->n_pools; i++)
		if (strcmp(spec->pools[i].name, name) == 0)
			return &spec->pools[i];
	return NULL;
}

static int no_such_pool(const struct spec *spec, const char *name, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL, *meant = NULL;

	for (size_t i = 0; i < spec->n_pools; i++)
		strv_add(&names, spec->pools[i].name);
	meant = str_meant(name, &names);
	all = strv_join(&names, ", ");
	return error_set(err, ERROR_USAGE, "%s has no pool \"%s\"; it has: %s%s", spec->path, name, names.n > 0 ? all : "none", meant);
}

/* "3" or "=3"; what is absurd is told by the file's own check, with its place. */
static int read_number(const char *word, bool *ret_exact, int *ret, struct error **err)
{
	const char *digits = word + (*word == '=');
	char *end;
	long n = strtol(digits, &end, 10);

	if (*digits < '0' || *digits > '9' || *end != '\0' || n > INT_MAX / 2)
		return error_set(err, ERROR_USAGE, "\"%s\" is no number of workers; write 2 for two more or fewer, =2 for two in all", word);
	*ret_exact = digits != word;
	*ret = (int)n;
	return 0;
}

static int target(struct scale *s, bool up, struct error **err)
{
	const char *word = s->o->args.n > 1 ? s->o->args.v[1] : NULL;
	bool exact = false;
	int n = s->o->nodes.n > 0 ? (int)s->o->nodes.n : 1;

	if (word != NULL && read_number(word, &exact, &n, err) < 0)
		return -1;
	s->to = exact ? n : up ? s->from + n : s->from - n;
	if (exact && (up ? n < s->from : n > s->from))
		return error_set(err, ERROR_USAGE, "pool %s has %d, so that =%d is a case for \"davit scale-%s\"", s->pool, s->from, n,
				 up ? "down" : "up");
	if (s->to < 0)
		return error_set(err, ERROR_USAGE, "pool %s has %d: it cannot be made %d smaller", s->pool, s->from, n);
	if (s->o->nodes.n > 0 && s->from - s->to != (int)s->o->nodes.n)
		return error_set(err, ERROR_USAGE, "%zu node%s named, and pool %s is to be made %d smaller", s->o->nodes.n,
				 s->o->nodes.n == 1 ? " is" : "s are", s->pool, s->from - s->to);
	return 0;
}

/* A part is added only to what is whole; taking one away may be what mends it. */
static int check_complete(const struct scale *s, bool up, struct error **err)
{
	if (!up || context_is_whole(&s->c, s->pool))
		return 0;
	return error_set(err, ERROR_CONFIG, "the last run for cluster %s did not come to its end: \"davit apply\" goes on from there, then scale",
			 s->c.spec->name);
}

/* Before new ones are made: nodes of the pool that a run which did not come to its end had chosen to go, and that nobody wants replaced. */
static void take_back(struct scale *s)
{
	size_t n;
	struct node *nodes = inventory_list(s->c.inventory, &n);

	for (size_t i = 0; i < n && s->back.n < (size_t)(s->to > s->from ? s->to - s->from : 0); i++) {
		if (!nodes[i].leaving || turnover_is_asked(&s->c, nodes[i].name) || strcmp(nodes[i].pool, s->pool) != 0)
			continue;
		strv_add(&s->back, nodes[i].name);
		inventory_leaving(s->c.inventory, nodes[i].name, false);
	}
	node_list_free(nodes, n);
}

/* The cluster as it is to be. */
static int prepare(struct scale *s, bool up, struct error **err)
{
	const struct pool_spec *pool;
	struct spec *spec = NULL;

	s->pool = s->o->args.v[0];
	if (spec_read(s->o->file, &s->before, err) < 0 || context_open(s->o, CONTEXT_EXISTING, &s->c, err) < 0)
		return -1;
	pool = find_pool(s->c.spec, s->pool);
	if (pool == NULL)
		return no_such_pool(s->c.spec, s->pool, err);
	s->from = pool->count;
	if (target(s, up, err) < 0 || check_complete(s, up, err) < 0 ||
	    edit_count(s->o->file, buf_str(&s->before), s->before.len, s->pool, s->to, &s->after, err) < 0 ||
	    spec_parse(s->o->file, buf_str(&s->after), s->after.len, &spec, err) < 0)
		return -1;
	context_take_spec(&s->c, spec);
	take_back(s);
	context_pin_pools(&s->c, s->pool);
	return context_replan(&s->c, err);
}

static int write_file(struct scale *s, struct error **err)
{
	if (s->to == s->from)
		return 0;
	if (edit_save(s->o->file, &s->before, &s->after, err) < 0)
		return -1;
	log_info("%s: pool %s: count %d instead of %d", s->o->file, s->pool, s->to, s->from);
	return 0;
}

static int commit(void *context, struct error **err)
{
	struct scale *s = context;
	CLEANUP_LEAVING struct leaving l = {0};
	CLEANUP_FREE char *names = verb_names(&s->back);

	leaving_init(&l, &s->c);
	if (write_file(s, err) < 0 || leaving_take_back(&l, &s->back, err) < 0)
		return -1;
	if (s->back.n > 0)
		log_info("chosen to go by an earlier run, and staying: %s", names);
	return 0;
}

static int told(const struct scale *s, int r, struct error **err)
{
	if (r < 0 && err != NULL && error_is(*err, ERROR_CANCELLED) && cancel_by_user())
		return error_set(err, ERROR_CANCELLED,
				 "interrupted; nothing is lost: \"davit scale-%s %s =%d\" goes on from here, and so does \"davit apply\"",
				 s->to >= s->from ? "up" : "down", s->pool, s->to);
	return r;
}

int verb_scale_up(const struct options *o, struct error **err)
{
	CLEANUP(scale_clear) struct scale s = {.o = o, .before = BUF_INIT, .after = BUF_INIT, .back = STRV_INIT};
	struct apply_scope scope = {.pool = NULL, .commit = commit, .context = &s};

	if (prepare(&s, true, err) < 0)
		return -1;
	scope.pool = s.pool;
	return told(&s, apply_run(&s.c, &scope, err), err);
}

static int named(struct scale *s, struct strv *ret, struct error **err)
{
	for (size_t i = 0; i < s->o->nodes.n; i++) {
		CLEANUP_FREE char *name = NULL;
		struct node n = {0};
		bool fits;

		if (context_node_name(&s->c, s->o->nodes.v[i], &name, err) < 0)
			return -1;
		fits = inventory_get(s->c.inventory, name, &n) && n.role == NODE_WORKER && strcmp(n.pool, s->pool) == 0;
		if (!fits)
			error_set(err, ERROR_USAGE, "%s is no node of pool %s, but of %s", name, s->pool, n.pool);
		else if (strv_has(ret, name))
			error_set(err, ERROR_USAGE, "%s is named twice", name);
		node_clear(&n);
		if (!fits || strv_has(ret, name))
			return -1;
		strv_add(ret, name);
	}
	return 0;
}

/* Those of the pool that go, of which some may have been chosen by an earlier run. */
static int choose(struct scale *s, struct leaving *l, struct strv *ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (named(s, &names, err) < 0 || leaving_mark(l, &names, err) < 0 || leaving_choose(l, err) < 0)
		return -1;
	leaving_names(&s->c, s->pool, ret);
	return 0;
}

static void show(const struct scale *s, const struct strv *nodes)
{
	CLEANUP(changes_free) struct changes changes = {0};

	for (size_t i = 0; i < nodes->n; i++) {
		char *reason = xasprintf("pool %s: %d instead of %d", s->pool, s->to, s->from);

		changes_add(&changes, CHANGE_DELETE, "node", nodes->v[i], reason)->leaving = true;
	}
	verb_print_changes(&changes, s->o->format);
}

static int shrink(struct scale *s, struct leaving *l, const struct strv *nodes, struct cloud *cloud, struct error **err)
{
	struct events *events = events_new();
	struct live *live = live_new(events, s->c.state, s->o);
	int r = write_file(s, err);

	if (r == 0)
		r = context_remember(&s->c, cloud, err) < 0 ? -1 : leaving_run(l, nodes, cloud, events, err);
	live_free(live);
	events_free(events);
	return r;
}

static int run_down(struct scale *s, struct leaving *l, struct error **err)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_FREE char *names = NULL;
	int64_t start = clock_ms();

	if (choose(s, l, &nodes, err) < 0 || leaving_check(l, &nodes, err) < 0)
		return -1;
	if (s->o->dry_run) {
		show(s, &nodes);
		return 0;
	}
	if (nodes.n == 0 && s->to == s->from) {
		log_info("pool %s has %d: nothing to do", s->pool, s->to);
		return 0;
	}
	if (cloud_open(context_cloud(&s->c), &cloud, err) < 0 || context_check_project(s->c.state, cloud, err) < 0 ||
	    shrink(s, l, &nodes, cloud, err) < 0)
		return -1;
	names = verb_names(&nodes);
	log_info("pool %s of cluster %s has %d; gone: %s (%.1f s, %llu API calls)", s->pool, s->c.spec->name, s->to,
		 nodes.n > 0 ? names : "none", (double)(clock_ms() - start) / 1000, (unsigned long long)cloud_requests(cloud));
	return 0;
}

int verb_scale_down(const struct options *o, struct error **err)
{
	CLEANUP(scale_clear) struct scale s = {.o = o, .before = BUF_INIT, .after = BUF_INIT, .back = STRV_INIT};
	CLEANUP_LEAVING struct leaving l = {0};
	int r = prepare(&s, false, err);

	if (r < 0)
		return -1;
	leaving_init(&l, &s.c);
	r = context_need_keys(&s.c, err) < 0 ? -1 : run_down(&s, &l, err);
	return told(&s, r, err);
}
