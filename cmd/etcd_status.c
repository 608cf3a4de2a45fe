#include "cmd/etcd.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/verbs.h"
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { ASK_MS = 60 * 1000 };

struct asked {
	const struct plan *plan;
	struct etcd_status status;
};

static int ask(struct ssh *s, void *context, struct error **err)
{
	struct asked *a = context;

	etcd_status_clear(&a->status);
	return etcd_status(s, a->plan, clock_deadline(ASK_MS), &a->status, err);
}

/* Ids as etcd's own commands take them: hexadecimal. A program's numbers are not as long. */
static char *id_of(const struct etcd_member *m)
{
	return xasprintf("%llx", (unsigned long long)m->id);
}

static struct json_object *strings(const struct strv *list)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(o, json_object_new_string(list->v[i]));
	return o;
}

static struct json_object *member_json(const struct etcd_member *m)
{
	struct json_object *o = json_object_new_object();
	CLEANUP_FREE char *id = id_of(m);

	json_add_str(o, "name", m->name);
	json_add_str(o, "id", id);
	json_add_str(o, "endpoint", m->endpoint);
	json_add_bool(o, "answers", m->version != NULL);
	json_add_bool(o, "healthy", m->trouble == NULL && m->alarms.n == 0);
	json_add_str(o, "trouble", m->trouble);
	json_add_bool(o, "leader", m->leader);
	json_add_bool(o, "learner", m->learner);
	json_add(o, "alarms", strings(&m->alarms));
	if (m->version != NULL) {
		json_add_str(o, "version", m->version);
		json_add_int(o, "dbSize", m->size);
		json_add_int(o, "dbSizeInUse", m->in_use);
		json_add_int(o, "dbSizeQuota", m->quota);
		json_add(o, "raftIndex", json_object_new_uint64(m->raft_index));
		json_add(o, "raftTerm", json_object_new_uint64(m->raft_term));
	}
	return o;
}

static void print_json(const struct context *c, const struct etcd_status *s, const struct strv *why)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_object_array_add(list, member_json(&s->members[i]));
	json_add_str(o, "cluster", c->spec->name);
	json_add_bool(o, "healthy", why->n == 0);
	json_add(o, "members", list);
	json_add(o, "ailments", strings(why));
	output_json(o);
}

/* "12.5 MiB" */
static char *mebibytes(int64_t bytes)
{
	return xasprintf("%.1f MiB", (double)bytes / (1 << 20));
}

static void row(struct table *table, const struct etcd_member *m)
{
	bool answers = m->version != NULL;
	CLEANUP_FREE char *id = id_of(m), *size = answers ? mebibytes(m->size) : NULL, *in_use = answers ? mebibytes(m->in_use) : NULL;
	CLEANUP_FREE char *index = answers ? xasprintf("%llu", (unsigned long long)m->raft_index) : NULL;
	CLEANUP_FREE char *alarms = m->alarms.n > 0 ? strv_join(&m->alarms, ", ") : NULL;
	const char *cells[] = {*m->name != '\0' ? m->name : NULL,
			       id,
			       m->endpoint,
			       m->leader ? "leader" : m->learner ? "learner" : answers ? "follower" : NULL,
			       m->version,
			       size,
			       in_use,
			       index,
			       alarms,
			       m->trouble == NULL && m->alarms.n == 0 ? "healthy" : answers ? "ILL" : "DOWN"};

	table_row(table, cells);
}

static void print_table(const struct etcd_status *s)
{
	static const char *const headings[] = {"MEMBER", "ID", "ENDPOINT", "ROLE", "VERSION", "SIZE", "IN USE", "RAFT INDEX", "ALARMS", "HEALTH"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < s->n; i++)
		row(table, &s->members[i]);
	table_print(table);
}

static int look(struct context *c, struct asked *a, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	CLEANUP_STRV struct strv why = STRV_INIT;

	a->plan = c->plan;
	if (planes_ask(c, reach, ask, a, NULL, err) < 0)
		return -1;
	etcd_ailments(&a->status, c->plan, &why);
	if (c->o->format == OUTPUT_JSON)
		print_json(c, &a->status, &why);
	else
		print_table(&a->status);
	for (size_t i = 0; i < why.n; i++)
		log_warning("%s", why.v[i]);
	return why.n > 0 ? EXIT_ILL : 0;
}

int verb_etcd_status(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	struct asked a = {0};
	int r = context_open(o, CONTEXT_READ, &c, err) < 0 || context_need_kubernetes(&c, ETCD_OF_SWARM, err) < 0 || context_need_keys(&c, err) < 0 ? -1 : look(&c, &a, err);

	etcd_status_clear(&a.status);
	return r;
}
