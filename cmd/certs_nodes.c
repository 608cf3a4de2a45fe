#include "cmd/certs_nodes.h"
#include "cmd/planes.h"
#include "bootstrap/renewal.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "pki/leaf.h"
#include "pki/renewed.h"

enum { PUBLISH_MS = 5 * 60 * 1000, AT_ONCE = 200, DAY = 24 * 3600 }; /* so many make a megabyte */

#define PUBLISHED_ANY "renewal:published" /* something may be there */

struct publication {
	struct work *w;
	struct json_object *maps;
	struct strv nodes, digests; /* of those in maps */
};

static void clear(struct publication *p)
{
	json_object_put(steal_ptr(p->maps));
	strv_free(&p->nodes);
	strv_free(&p->digests);
	p->nodes = p->digests = STRV_INIT;
}

static int publish(struct ssh *s, void *context, struct error **err)
{
	const struct publication *p = context;

	return renewal_publish(s, p->maps, clock_deadline(PUBLISH_MS), err);
}

static int withdraw(struct ssh *s, void *context UNUSED, struct error **err)
{
	return renewal_withdraw(s, clock_deadline(PUBLISH_MS), err);
}

static int give(struct publication *p, struct error **err)
{
	int r = 0;

	if (p->nodes.n == 0)
		return 0;
	r = state_set(p->w->c->state, PUBLISHED_ANY, "1", err) < 0 ? -1 : planes_ask(p->w->c, p->w->reach, publish, p, NULL, err);
	for (size_t i = 0; r == 0 && i < p->nodes.n; i++) {
		CLEANUP_FREE char *key = xasprintf(STATE_PUBLISHED "%s", p->nodes.v[i]);

		r = state_set(p->w->c->state, key, p->digests.v[i], err);
	}
	clear(p);
	return r;
}

static int add(struct publication *p, const struct node *n, struct error **err)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_FREE char *key = xasprintf(STATE_PUBLISHED "%s", n->name), *published = state_get(p->w->c->state, key);
	struct json_object *data;
	char hex[DIGEST_HEX_LEN + 1];

	if (pki_node_files(p->w->pki, p->w->c->plan, n, &files, err) < 0)
		return -1;
	renewed_digest(&files, hex);
	if (published != NULL && strcmp(published, hex) == 0)
		return 0;
	data = renewed_data(&files);
	if (data == NULL)
		return 0;
	if (p->maps == NULL)
		p->maps = json_object_new_array();
	json_object_array_add(p->maps, renewal_map(n->name, data));
	strv_add(&p->nodes, n->name);
	strv_add(&p->digests, hex);
	return p->nodes.n < AT_ONCE ? 0 : give(p, err);
}

static int add_all(struct publication *p, struct error **err)
{
	const struct plan *plan = p->w->c->plan;
	int r = 0;

	for (size_t i = 0; i < plan->n_nodes && r == 0; i++) {
		struct node n = {0};

		if (node_runs_kubernetes(plan->nodes[i].node.role) && work_takes(p->w, &plan->nodes[i]) &&
		    inventory_get(p->w->c->inventory, plan->nodes[i].node.name, &n) && state_is_installed(p->w->c->state, n.name))
			r = add(p, &n, err);
		node_clear(&n);
	}
	return r < 0 ? -1 : give(p, err);
}

static void forget_published(const char *key, const char *value UNUSED, void *context)
{
	if (strncmp(key, STATE_PUBLISHED, strlen(STATE_PUBLISHED)) == 0)
		strv_add(context, key);
}

static int take_back(struct work *w, struct error **err)
{
	CLEANUP_FREE char *any = state_get(w->c->state, PUBLISHED_ANY);
	CLEANUP_STRV struct strv keys = STRV_INIT;

	if (any == NULL)
		return 0;
	if (planes_ask(w->c, w->reach, withdraw, NULL, NULL, err) < 0 || state_values(w->c->state, forget_published, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++)
		if (state_set(w->c->state, keys.v[i], NULL, err) < 0)
			return -1;
	return state_set(w->c->state, PUBLISHED_ANY, NULL, err);
}

int certs_publish(struct work *w, struct error **err)
{
	struct publication p = {.w = w};
	int r;

	if (w->c->spec->platform != PLATFORM_KUBERNETES || pki_pass(w->pki) != PKI_SETTLED)
		return 0;
	r = spec_renews(w->c->spec) ? add_all(&p, err) : take_back(w, err);
	clear(&p);
	return r;
}

static void ending_nodes(const struct survey *s, int64_t now, struct strv *ret)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].by_node && s->items[i].known.not_after - now < (int64_t)LEAF_RENEW_DAYS * DAY && !strv_has(ret, s->items[i].node))
			strv_add(ret, s->items[i].node);
}

int certs_adopt_from(const struct context *c, struct survey *s, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "pki");
	size_t n = 0;

	if (survey_adopt(folder, s, &n, err) < 0)
		return -1;
	if (n > 0)
		log_verbose("%zu certificates were renewed by their nodes: the state has them now", n);
	return 0;
}

int certs_adopt(const struct context *c, struct error **err)
{
	CLEANUP_SURVEY struct survey known = {0};
	CLEANUP_CERTS struct certs_survey look = {0};
	CLEANUP_STRV struct strv nodes = STRV_INIT;

	if (!spec_renews(c->spec))
		return 0;
	if (certs_known(c, &known, err) < 0)
		return -1;
	ending_nodes(&known, clock_wall_ms() / 1000, &nodes);
	if (nodes.n == 0)
		return 0;
	return certs_look(c, &nodes, &look, err) < 0 ? -1 : certs_adopt_from(c, &look.survey, err);
}
