/* rules: the security groups' rules, wanted and had; pure. */
#pragma once
#include "provision/view.h"

struct rule_wanted {
	const struct plan_rule *rule;
	const char *group_id, *from_group_id; /* the latter NULL where the rule has none */
};

/* Does neutron's rule say the same? (protocols as names or numbers, ports as null or 0) */
bool rule_matches(const struct rule_wanted *w, struct json_object *had);
/* Among the rules embedded in a group's JSON. */
struct json_object *rule_find(const struct rule_wanted *w, struct json_object *group);
/* Resolves the rule's groups by the view's; group_id NULL where the group is not made yet. */
struct rule_wanted rule_resolve(const struct plan *plan, struct view *view, const struct plan_rule *rule);
/* Ingress rules of the group (by its short name) that the plan does not want: a new array that references them. */
struct json_object *rules_extra(const struct plan *plan, struct view *view, const char *group) MUST_USE;
/* "tcp 22 from 0.0.0.0/0"; the caller frees. */
char *rule_describe(const struct plan_rule *rule) MUST_USE;
char *rule_describe_had(struct json_object *had) MUST_USE;
