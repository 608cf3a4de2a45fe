#include "provision/check_modes.h"
#include "core/base/alloc.h"
#include "provision/body.h"

/* Nova can change neither a group's policy nor the group that a server is in. */
void check_server_groups(const struct plan *plan, struct view *view, struct strv *ret)
{
	for (size_t i = 0; i < plan->n_server_groups && view->uuid != NULL; i++) {
		const struct plan_server_group *group = &plan->server_groups[i];
		CLEANUP_FREE char *name = name_server_group(plan, group->name, view->uuid);
		const struct item *it = view_find(view, KIND_SERVER_GROUP, name);
		/* nova calls it policy from 2.64 on */
		const char *had = it == NULL ? NULL : json_get_str(it->json, "policies[0]", json_get_str(it->json, "policy", NULL));

		if (had != NULL && strcmp(had, server_group_policy(group->policy)) != 0)
			strv_addf(ret,
				  "server group \"%s\": its policy is %s, which cannot be changed into %s; write serverGroup: %s, or "
				  "make another pool",
				  name, had, server_group_policy(group->policy), had);
	}
}
