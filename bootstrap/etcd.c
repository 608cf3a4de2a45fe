#include "bootstrap/etcd.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/json.h"

#define CLIENT_PORT 2379
enum { FULL_PERCENT = 80 };

static void member_clear(struct etcd_member *m)
{
	free(m->name);
	free(m->endpoint);
	free(m->version);
	free(m->trouble);
	strv_free(&m->alarms);
}

void etcd_status_clear(struct etcd_status *s)
{
	for (size_t i = 0; i < s->n; i++)
		member_clear(&s->members[i]);
	free(s->members);
	*s = (struct etcd_status){0};
}

/* ---- what the node says */

/* Ids are 64 bits without a sign. */
static uint64_t get_number(struct json_object *o, const char *path)
{
	struct json_object *value = json_at(o, path);

	return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

/* Of a list whose entries are objects; NULL where it is none. */
static struct json_object *entry(struct json_object *list, size_t i)
{
	struct json_object *o = json_object_array_get_idx(list, i);

	return json_object_is_type(o, json_type_object) ? o : NULL;
}

static struct etcd_member *find(const struct etcd_status *s, uint64_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->members[i].id == id)
			return &s->members[i];
	return NULL;
}

static struct etcd_member *find_at(const struct etcd_status *s, const char *endpoint)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->members[i].endpoint, endpoint) == 0)
			return &s->members[i];
	return NULL;
}

static void set_trouble(struct etcd_member *m, char *trouble)
{
	free(m->trouble);
	m->trouble = trouble;
}

static void read_members(struct json_object *o, struct etcd_status *ret)
{
	struct json_object *list = json_at(o, "members");

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *member = entry(list, i);
		uint64_t id = get_number(member, "ID");

		if (member == NULL || find(ret, id) != NULL)
			continue;
		array_grow(ret->members, ret->n, ret->cap);
		ret->members[ret->n++] = (struct etcd_member){.id = id,
							      .name = xstrdup(json_get_str(member, "name", "")),
							      .endpoint = xstrdup(json_get_str(member, "clientURLs[0]", "")),
							      .learner = json_get_bool(member, "isLearner", false),
							      .trouble = xstrdup("it was not asked")};
	}
}

/* By the id that answers, wherever that was asked. */
static void read_answers(struct json_object *list, struct etcd_status *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = entry(list, i);
		struct etcd_member *m = o != NULL ? find(ret, get_number(o, "Status.header.member_id")) : NULL;

		if (m == NULL)
			continue;
		free(m->endpoint);
		m->endpoint = xstrdup(json_get_str(o, "Endpoint", ""));
		free(m->version);
		m->version = xstrdup(json_get_str(o, "Status.version", "?"));
		m->size = json_get_int(o, "Status.dbSize", 0);
		m->in_use = json_get_int(o, "Status.dbSizeInUse", 0);
		m->quota = json_get_int(o, "Status.dbSizeQuota", 0);
		m->raft_index = get_number(o, "Status.raftIndex");
		m->raft_term = get_number(o, "Status.raftTerm");
		m->leader = get_number(o, "Status.leader") == m->id && m->id != 0;
		m->learner = m->learner || json_get_bool(o, "Status.isLearner", false);
	}
}

static void read_health(struct json_object *list, struct etcd_status *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = entry(list, i);
		struct etcd_member *m = o != NULL ? find_at(ret, json_get_str(o, "endpoint", "")) : NULL;
		const char *why = json_get_str(o, "error", "");

		if (m == NULL)
			continue;
		if (json_get_bool(o, "health", false))
			set_trouble(m, NULL);
		else
			set_trouble(m, xasprintf("%s%s%s", m->version == NULL ? "it does not answer" : "it is not healthy", *why != '\0' ? ": " : "", why));
	}
}

/* etcdserverpb.AlarmType */
static void read_alarms(struct json_object *o, struct etcd_status *ret)
{
	static const char *const names[] = {"NONE", "NOSPACE", "CORRUPT"};
	struct json_object *list = json_at(o, "alarms");

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *alarm = entry(list, i);
		struct etcd_member *m = alarm != NULL ? find(ret, get_number(alarm, "memberID")) : NULL;
		uint64_t type = get_number(alarm, "alarm");

		if (m != NULL && type > 0)
			strv_add(&m->alarms, type < ARRAY_SIZE(names) ? names[type] : "ALARM");
	}
}

static int by_name(const void *a, const void *b)
{
	const struct etcd_member *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : x->id < y->id ? -1 : x->id > y->id;
}

static int read_line(const char *line, struct etcd_status *ret, struct error **err)
{
	static const struct {
		const char *word;
		void (*read)(struct json_object *o, struct etcd_status *ret);
	} readers[] = {{"members ", read_members}, {"status ", read_answers}, {"health ", read_health}, {"alarms ", read_alarms}};
	CLEANUP_JSON struct json_object *o = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		size_t n = strlen(readers[i].word);

		if (strncmp(line, readers[i].word, n) != 0)
			continue;
		/* "null", where nobody has answered, is nothing */
		if (strcmp(line + n, "null") != 0 && json_parse(line + n, strlen(line + n), "etcdctl", &o, err) < 0)
			return -1;
		readers[i].read(o, ret);
	}
	return 0;
}

int etcd_read_status(const char *text, size_t len, struct etcd_status *ret, struct error **err)
{
	CLEANUP_FREE char *copy = xstrndup(text, len);
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_ETCD_STATUS struct etcd_status s = {0};
	CLEANUP_ERROR struct error *why = NULL;

	strv_split(&lines, copy, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		if (read_line(lines.v[i], &s, &why) < 0)
			return error_set(err, ERROR_NODE, "what etcd says cannot be understood: %s", error_message(why));
	if (s.n == 0)
		return error_set(err, ERROR_NODE, "etcd tells of no members: %.200s", copy);
	qsort(s.members, s.n, sizeof(*s.members), by_name);
	*ret = s;
	s = (struct etcd_status){0};
	return 0;
}

int etcd_status(struct ssh *s, const struct plan *plan, int64_t deadline, struct etcd_status *ret, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT, endpoints = BUF_INIT;
	struct ssh_command c = {.out = &out, .deadline = deadline};

	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == NODE_CONTROL_PLANE && plan->nodes[i].node.address != NULL)
			buf_addf(&endpoints, "%shttps://%s:%d", endpoints.len > 0 ? "," : "", plan->nodes[i].node.address, CLIENT_PORT);
	remote_command(&command, text_etcd_status);
	buf_add_char(&command, ' ');
	buf_add_shell(&command, buf_str(&endpoints));
	c.command = buf_str(&command);
	return remote_run(s, "asking etcd", &c, err) < 0 ? -1 : etcd_read_status(buf_str(&out), out.len, ret, err);
}

/* ---- what is not well */

static void judge_member(const struct etcd_member *m, struct strv *ret)
{
	CLEANUP_FREE char *alarms = strv_join(&m->alarms, ", ");
	CLEANUP_FREE char *name = *m->name != '\0' ? xstrdup(m->name) : xasprintf("member %llx", (unsigned long long)m->id);

	if (*m->name == '\0')
		strv_addf(ret, "%s has never started", name);
	else if (m->trouble != NULL)
		strv_addf(ret, "%s: %s", name, m->trouble);
	if (m->alarms.n > 0)
		strv_addf(ret, "%s: alarm %s", name, alarms);
	if (m->quota > 0 && m->size / FULL_PERCENT > m->quota / 100)
		strv_addf(ret, "%s: its data base takes %lld of the %lld MiB that it may; %lld are in use, the others a defragmentation gives back", name,
			  (long long)(m->size >> 20), (long long)(m->quota >> 20), (long long)(m->in_use >> 20));
	if (m->learner)
		strv_addf(ret, "%s is a learner: it has no vote yet", name);
}

static void judge_quorum(const struct etcd_status *s, struct strv *ret)
{
	size_t voters = 0, answer = 0, leaders = 0;

	for (size_t i = 0; i < s->n; i++) {
		voters += !s->members[i].learner;
		answer += !s->members[i].learner && s->members[i].version != NULL;
		leaders += s->members[i].leader;
	}
	if (answer <= voters / 2)
		strv_addf(ret, "there is no quorum: %zu of %zu members answer", answer, voters);
	else if (leaders == 0)
		strv_add(ret, "there is no leader");
}

static bool has_member(const struct etcd_status *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->members[i].name, name) == 0)
			return true;
	return false;
}

static bool has_plane(const struct plan *plan, const char *name)
{
	const struct plan_node *p = plan_find(plan, name);

	return p != NULL && p->node.role == NODE_CONTROL_PLANE;
}

void etcd_ailments(const struct etcd_status *s, const struct plan *plan, struct strv *ret)
{
	judge_quorum(s, ret);
	for (size_t i = 0; i < s->n; i++) {
		judge_member(&s->members[i], ret);
		if (*s->members[i].name != '\0' && !has_plane(plan, s->members[i].name))
			strv_addf(ret, "%s is a member, and no control plane of the cluster", s->members[i].name);
	}
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == NODE_CONTROL_PLANE && !has_member(s, plan->nodes[i].node.name))
			strv_addf(ret, "%s is a control plane, and no member", plan->nodes[i].node.name);
}
