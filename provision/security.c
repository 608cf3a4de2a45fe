#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "provision/rules.h"
#include "provision/steps.h"

int make_groups(void *context, struct error **err)
{
	struct maker *m = context;
	size_t n = m->plan->groups.n;
	CLEANUP_FREE struct want *wants = xnew_n(struct want, n);
	CLEANUP_STRV struct strv names = STRV_INIT;

	for (size_t i = 0; i < n; i++) {
		strv_take(&names, name_group(m->plan, m->plan->groups.v[i]));
		wants[i] = (struct want){names.v[i], body_group(m->plan, m->mark, m->plan->groups.v[i])};
	}
	return make_all(m, KIND_GROUP, wants, n, err);
}

/* One call takes the rules of one group only (neutron: SecurityGroupNotSingleGroupRules). */
static struct json_object *missing_rules(struct maker *m, const char *group)
{
	CLEANUP_FREE char *name = name_group(m->plan, group);
	const struct item *it = view_find(m->view, KIND_GROUP, name);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < m->plan->n_rules; i++) {
		struct rule_wanted w = rule_resolve(m->plan, m->view, &m->plan->rules[i]);

		if (strcmp(m->plan->rules[i].group, group) == 0 && rule_find(&w, it->json) == NULL)
			json_object_array_add(list, body_rule(w.rule, w.group_id, w.from_group_id));
	}
	return list;
}

static int post_rules(struct maker *m, const char *group, struct json_object *rules, int *ret_status, bool *ret_ambiguous,
		      struct error **err)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	CLEANUP_FREE char *what =
		xasprintf("create %zu rules of security group \"%s-%s\"", json_len(rules), m->plan->spec->name, group);
	struct cloud_call call = {.service = CLOUD_NETWORK,
				  .method = "POST",
				  .path = "/security-group-rules",
				  .body = body,
				  .retry = RETRY_C,
				  .what = what};

	if (json_len(rules) == 1)
		json_add(body, "security_group_rule", json_object_get(json_object_array_get_idx(rules, 0)));
	else
		json_add(body, "security_group_rules", json_object_get(rules));
	return cloud_call(m->cloud, &call, &answer, ret_status, ret_ambiguous, err);
}

/* The group as it is now, with its rules. */
static int reread(struct maker *m, const char *group, struct error **err)
{
	CLEANUP_FREE char *name = name_group(m->plan, group);
	CLEANUP_JSON struct json_object *o = NULL;
	const struct item *it = view_find(m->view, KIND_GROUP, name);

	if (kind_get(m->cloud, KIND_GROUP, it->id, &o, err) < 0)
		return -1;
	if (o == NULL)
		return error_set(err, ERROR_CONFLICT, "security group \"%s\": somebody deleted it meanwhile; run again", name);
	view_put(m->view, KIND_GROUP, name, it->id, o);
	return 0;
}

struct single_rules {
	struct maker *m;
	const char *group;
	struct json_object *rules;
};

static int post_single(size_t i, void *context, struct error **err)
{
	struct single_rules *s = context;
	CLEANUP_JSON struct json_object *one = json_object_new_array();
	CLEANUP_ERROR struct error *failure = NULL;

	json_object_array_add(one, json_object_get(json_object_array_get_idx(s->rules, i)));
	if (post_rules(s->m, s->group, one, NULL, NULL, &failure) == 0 || error_is(failure, ERROR_CONFLICT))
		return 0; /* a rule is its own key: a conflict means that it is there */
	return error_move(err, steal_ptr(failure));
}

/* Rules are their own natural key: whatever came of a failed call, what is still missing afterwards is asked for again. */
static int make_rules_of(size_t i, void *context, struct error **err)
{
	struct maker *m = context;
	const char *group = m->plan->groups.v[i];

	for (int attempt = 1;; attempt++) {
		CLEANUP_JSON struct json_object *rules = missing_rules(m, group);
		CLEANUP_ERROR struct error *failure = NULL;
		struct single_rules single = {m, group, rules};
		bool ambiguous = false;
		int status = 0;

		if (json_len(rules) == 0 || post_rules(m, group, rules, &status, &ambiguous, &failure) == 0)
			return 0;
		if (status == 400 && json_len(rules) > 1) /* a cloud without bulk */
			return parallel_for(json_len(rules), MAKE_WIDTH, post_single, &single, NULL, err);
		if (attempt == MAKE_ATTEMPTS || (!ambiguous && !error_is(failure, ERROR_CONFLICT)))
			return error_move(err, steal_ptr(failure));
		if (reread(m, group, err) < 0)
			return -1;
	}
}

static int delete_rule(struct cloud *c, struct view *view, const char *group, struct json_object *had, struct error **err)
{
	CLEANUP_JSON struct json_object *answer = NULL;
	CLEANUP_FREE char *text = rule_describe_had(view, had);
	CLEANUP_FREE char *what = xasprintf("delete rule \"%s\" of security group \"%s\"", text, group);
	CLEANUP_FREE char *path = xasprintf("/security-group-rules/%s", json_get_str(had, "id", ""));
	struct cloud_call call = {
		.service = CLOUD_NETWORK, .method = "DELETE", .path = path, .retry = RETRY_A, .what = what, .not_found_ok = true};

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

int rules_remove_extra(struct cloud *c, const struct plan *plan, struct view *view, enum rule_use use, struct error **err)
{
	for (size_t g = 0; g < plan->groups.n; g++) {
		const char *group = plan->groups.v[g];
		CLEANUP_JSON struct json_object *extra = rules_extra(plan, view, group, use);

		for (size_t i = 0; i < json_len(extra); i++)
			if (delete_rule(c, view, group, json_object_array_get_idx(extra, i), err) < 0)
				return -1;
	}
	return 0;
}

int make_rules(void *context, struct error **err)
{
	struct maker *m = context;

	/* what somebody added to our groups opens what the file does not want open */
	if (rules_remove_extra(m->cloud, m->plan, m->view, RULE_OTHER, err) < 0)
		return -1;
	return parallel_for(m->plan->groups.n, MAKE_WIDTH, make_rules_of, m, NULL, err);
}

static int compare_key(const char *mine, const char *there)
{
	size_t n = strcspn(mine, " "); /* "TYPE BASE64 comment": the comment does not count */

	n += mine[n] == ' ' ? 1 + strcspn(mine + n + 1, " \n") : 0;
	return strncmp(mine, there, n);
}

int make_keypair(void *context, struct error **err)
{
	struct maker *m = context;
	const struct item *it = NULL;

	if (make_one(m, KIND_KEYPAIR, m->keypair, body_keypair(m->keypair, m->job->public_key), err) < 0)
		return -1;
	it = view_find(m->view, KIND_KEYPAIR, m->keypair);
	if (compare_key(m->job->public_key, json_get_str(it->json, "public_key", "")) == 0)
		return 0;
	return error_set(err, ERROR_CONFLICT,
			 "keypair \"%s\": the cloud has one of that name with another key (fingerprint %s), which "
			 "is not in this cluster's state; delete it there if nobody needs it, or restore the state's folder ssh",
			 m->keypair, json_get_str(it->json, "fingerprint", "unknown"));
}

int make_server_groups(void *context, struct error **err)
{
	struct maker *m = context;
	size_t n = m->plan->n_server_groups;
	CLEANUP_FREE struct want *wants = xnew_n(struct want, n);
	CLEANUP_STRV struct strv names = STRV_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct plan_server_group *group = &m->plan->server_groups[i];

		strv_take(&names, name_server_group(m->plan, group->name, m->view->uuid));
		wants[i] = (struct want){names.v[i], body_server_group(names.v[i], group->policy)};
	}
	return make_all(m, KIND_SERVER_GROUP, wants, n, err);
}
