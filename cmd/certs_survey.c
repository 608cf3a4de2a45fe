#include "cmd/certs_survey.h"
#include "cmd/reach.h"
#include "bootstrap/certificates.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"

enum { CONNECT_MS = 30 * 1000, READ_MS = 60 * 1000, AT_ONCE = 32 };

struct look {
	struct certs_survey *to;
	struct reach *reach;
};

int certs_known(const struct context *c, struct survey *ret, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "pki");
	size_t n;
	struct node *nodes = inventory_list(c->inventory, &n);
	int r = survey_state(folder, c->plan, nodes, n, ret, err);

	node_list_free(nodes, n);
	return r;
}

const struct survey_item *certs_ending(const struct survey *s, int64_t now, int days, size_t *ret_n)
{
	const struct survey_item *first = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct survey_item *item = &s->items[i];

		if (item->kind == SURVEY_COPY || !survey_is_ending(item, now, days))
			continue;
		++*ret_n;
		if (first == NULL || survey_first(item)->not_after < survey_first(first)->not_after)
			first = item;
	}
	return first;
}

/* Once: what a node says in a session that broke then is asked by nobody again. */
static int ask(size_t i, void *context, struct error **err)
{
	struct look *l = context;
	const char *name = l->to->names.v[i];
	CLEANUP_STRV struct strv paths = STRV_INIT;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_SSH struct ssh *s = NULL;

	survey_paths(&l->to->survey, name, &paths);
	if (reach_ssh(l->reach, name, clock_deadline(CONNECT_MS), &s, err) < 0 ||
	    bootstrap_certificates(s, &paths, clock_deadline(READ_MS), &files, err) < 0)
		return -1;
	survey_take(&l->to->survey, name, &files);
	return 0;
}

static void nodes_of(const struct survey *s, const struct strv *only, struct strv *ret)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].node != NULL && !strv_has(ret, s->items[i].node) && (only == NULL || strv_has(only, s->items[i].node)))
			strv_add(ret, s->items[i].node);
}

int certs_look(const struct context *c, const struct strv *only, struct certs_survey *ret, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	struct look l = {ret, reach};

	if (certs_known(c, &ret->survey, err) < 0)
		return -1;
	nodes_of(&ret->survey, only, &ret->names);
	ret->failures = xnew_n(struct error *, ret->names.n);
	(void)!parallel_for(ret->names.n, AT_ONCE, ask, &l, ret->failures, NULL);
	return cancel_check(err);
}

void certs_survey_clear(struct certs_survey *s)
{
	for (size_t i = 0; i < s->names.n; i++)
		error_free(s->failures[i]);
	free(s->failures);
	strv_free(&s->names);
	survey_free(&s->survey);
}
