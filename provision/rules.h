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
/* A rule for SSH may be what another way to the servers needs, by which they are reached until the plan's works (retire.h). */
enum rule_use { RULE_OTHER, RULE_SSH };
/* Ingress rules of the group (by its short name) and the use that the plan does not want: a new array that references them. */
struct json_object *rules_extra(const struct plan *plan, struct view *view, const char *group, enum rule_use use) MUST_USE;
/* "tcp 22 from 0.0.0.0/0"; the caller frees. */
char *rule_describe(const struct plan_rule *rule) MUST_USE;
/* As neutron has it; the view knows its groups' names. */
char *rule_describe_had(struct view *view, struct json_object *had) MUST_USE;
