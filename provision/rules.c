#include "provision/rules.h"
#include "core/base/alloc.h"
#include "provision/body.h"

enum { SSH_PORT = 22 };

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* neutron keeps what it was given; other tools give numbers */
static const char *protocol_name(const char *protocol)
{
	static const struct {
		const char *number, *name;
	} protocols[] = {{"1", "icmp"}, {"6", "tcp"}, {"17", "udp"}, {"any", NULL}, {"0", NULL}};

	for (size_t i = 0; protocol != NULL && i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocol, protocols[i].number) == 0)
			return protocols[i].name;
	return protocol;
}

/* 0.0.0.0/0 and no source at all mean the same */
static const char *cidr_name(const char *cidr)
{
	return cidr != NULL && strcmp(cidr, "0.0.0.0/0") == 0 ? NULL : cidr;
}

bool rule_matches(const struct rule_wanted *w, struct json_object *had)
{
	if (w->rule->from_group != NULL && w->from_group_id == NULL)
		return false; /* from a group that is not made yet */
	return strcmp(json_get_str(had, "direction", ""), "ingress") == 0 &&
	       strcmp(json_get_str(had, "ethertype", ""), "IPv4") == 0 &&
	       same(w->rule->protocol, protocol_name(json_get_str(had, "protocol", NULL))) &&
	       json_get_int(had, "port_range_min", 0) == w->rule->port_min &&
	       json_get_int(had, "port_range_max", 0) == w->rule->port_max &&
	       same(w->from_group_id, json_get_str(had, "remote_group_id", NULL)) &&
	       same(cidr_name(w->rule->from_cidr), cidr_name(json_get_str(had, "remote_ip_prefix", NULL)));
}

struct json_object *rule_find(const struct rule_wanted *w, struct json_object *group)
{
	struct json_object *list = json_at(group, "security_group_rules");

	for (size_t i = 0; i < json_len(list); i++)
		if (rule_matches(w, json_object_array_get_idx(list, i)))
			return json_object_array_get_idx(list, i);
	return NULL;
}

static const char *group_id(const struct plan *plan, struct view *view, const char *group)
{
	CLEANUP_FREE char *name = group != NULL ? name_group(plan, group) : NULL;

	return name != NULL ? view_id(view, KIND_GROUP, name) : NULL;
}

struct rule_wanted rule_resolve(const struct plan *plan, struct view *view, const struct plan_rule *rule)
{
	return (struct rule_wanted){rule, group_id(plan, view, rule->group), group_id(plan, view, rule->from_group)};
}

static bool wanted(const struct plan *plan, struct view *view, const char *group, struct json_object *had)
{
	for (size_t i = 0; i < plan->n_rules; i++) {
		struct rule_wanted w = rule_resolve(plan, view, &plan->rules[i]);

		if (strcmp(plan->rules[i].group, group) == 0 && rule_matches(&w, had))
			return true;
	}
	return false;
}

static enum rule_use use_of(struct json_object *had)
{
	const char *protocol = protocol_name(json_get_str(had, "protocol", NULL));
	bool ssh = json_get_int(had, "port_range_min", 0) == SSH_PORT && json_get_int(had, "port_range_max", 0) == SSH_PORT;

	return ssh && same(protocol, "tcp") ? RULE_SSH : RULE_OTHER;
}

struct json_object *rules_extra(const struct plan *plan, struct view *view, const char *group, enum rule_use use)
{
	CLEANUP_FREE char *name = name_group(plan, group);
	const struct item *it = view_find(view, KIND_GROUP, name);
	struct json_object *list = it != NULL ? json_at(it->json, "security_group_rules") : NULL;
	struct json_object *extra = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *had = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(had, "direction", ""), "ingress") == 0 && use_of(had) == use && !wanted(plan, view, group, had))
			json_object_array_add(extra, json_object_get(had));
	}
	return extra;
}

static char *describe(const char *protocol, int min, int max, const char *from)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_add(&b, protocol != NULL ? protocol : "anything");
	if (min > 0)
		buf_addf(&b, " %d", min);
	if (max > min)
		buf_addf(&b, "-%d", max);
	buf_addf(&b, " from %s", from != NULL ? from : "anywhere");
	return buf_steal(&b);
}

char *rule_describe(const struct plan_rule *rule)
{
	return describe(rule->protocol, rule->port_min, rule->port_max,
			rule->from_group != NULL ? rule->from_group : rule->from_cidr);
}

static const char *name_of_group(struct view *view, const char *id)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(view, KIND_GROUP, &n);

	for (size_t i = 0; i < n; i++)
		if (same(all[i]->id, id))
			return all[i]->name;
	return id;
}

char *rule_describe_had(struct view *view, struct json_object *had)
{
	const char *group = json_get_str(had, "remote_group_id", NULL);
	const char *from = group != NULL ? name_of_group(view, group) : json_get_str(had, "remote_ip_prefix", NULL);

	return describe(protocol_name(json_get_str(had, "protocol", NULL)), (int)json_get_int(had, "port_range_min", 0),
			(int)json_get_int(had, "port_range_max", 0), from);
}
