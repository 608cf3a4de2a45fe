#include "cmd/going_back.h"
#include "cmd/checks.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static bool is_swarm(const struct restoring *b)
{
	return strcmp(b->key, SWARM_RESTORE_KEY) == 0;
}

static char *subject(const struct restoring *b)
{
	return is_swarm(b) ? xasprintf("the swarm of cluster %s", b->c.spec->name) : xasprintf("cluster %s's etcd", b->c.spec->name);
}

int going_back_open(struct restoring *b, struct error **err)
{
	CLEANUP_FREE char *noted = state_get(b->c.state, b->key), *what = subject(b);
	CLEANUP_STRV struct strv words = STRV_INIT;

	if (noted == NULL)
		return error_set(err, ERROR_CONFIG,
				 "no restoration of %s is under way, so that there is nothing to go back from; one that has come to its end has said where the data of "
				 "before is",
				 what);
	strv_split(&words, noted, " ");
	b->id = xstrdup(words.n > 0 ? words.v[0] : "");
	b->stamp = xstrdup(words.n > 1 ? words.v[1] : "");
	b->noted = true;
	return 0;
}

void going_back_without(struct restoring *b, const struct strv *names, size_t all, const char *why, const char *way, struct findings *ret)
{
	CLEANUP_FREE char *list = names->n > 0 ? verb_names(names) : NULL;
	char *what;

	if (names->n == 0)
		return;
	what = xasprintf("%s had no data of %s before the restoration", list, is_swarm(b) ? "a swarm" : "etcd's");
	if (names->n * 2 < all)
		findings_add(ret, SEVERITY_WARNING, "data", what, NULL, xstrdup(way));
	else
		findings_add(ret, SEVERITY_ERROR, "data", what, xstrdup(why),
			     xasprintf("go on: \"davit %s restore\" with the same backup, or another one", is_swarm(b) ? "swarm" : "etcd"));
}

static int check(const struct going_back *g, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (g->check(g->of, &findings, err) < 0)
		return -1;
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}

static void print_json(const struct going_back *g)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "cluster", g->b->c.spec->name);
	if (g->b->c.o->dry_run)
		json_add(o, "steps", g->steps(g->of));
	output_json(o);
}

static int show(const struct going_back *g)
{
	if (g->b->c.o->format == OUTPUT_JSON)
		print_json(g);
	else
		g->print(g->of);
	return 0;
}

static int run(const struct going_back *g, struct error **err)
{
	int64_t begun = clock_ms();
	CLEANUP_FREE char *what = subject(g->b), *question = xasprintf("Go back from the restoration of %s to the data of before it", what);
	struct live *live;
	int result;

	if (output_confirm(g->b->c.o->yes, question, err) < 0)
		return -1;
	live = live_new(g->b->events, g->b->c.state, g->b->c.o);
	result = g->run(g->of, err);
	live_free(live);
	if (result < 0)
		return restoring_told(result, "the same command goes on from here", err);
	log_info("%s %s before the restoration (%.1f s)", what, g->done, (double)(clock_ms() - begun) / 1000);
	if (g->b->c.o->format == OUTPUT_JSON)
		print_json(g);
	return 0;
}

int going_back(const struct going_back *g, struct error **err)
{
	if (check(g, err) < 0)
		return -1;
	return g->b->c.o->dry_run ? show(g) : run(g, err);
}
