/* What the file says about how things are to be made, against what is there already. */
#include "provision/body.h"
#include "provision/pick.h"
#include "provision/preflight.h"

/* Names say the policy, so that only a group that somebody else has made, or changed the name of, has another one. */
void check_server_groups(struct preflight *p)
{
	for (size_t i = 0; i < p->plan->n_server_groups && p->view->uuid != NULL; i++) {
		const struct plan_server_group *group = &p->plan->server_groups[i];
		CLEANUP_FREE char *name = name_server_group(p->plan, group->name, p->view->uuid);
		const struct item *it = view_find(p->view, KIND_SERVER_GROUP, name);
		const char *had = it != NULL ? pick_policy(it->json) : NULL;
		const char *wanted = server_group_policy(group->policy);
		CLEANUP_FREE char *fix = had != NULL ? xasprintf("write serverGroup: %s, or make another pool", had) : NULL;

		if (had != NULL && strcmp(had, wanted) != 0)
			REFUSE(p, "server group", "nova can change neither it nor the group that a server is in", fix,
			       "server group \"%s\": its policy is %s, which cannot be changed into %s", name, had, wanted);
	}
}

static void check_zone(struct preflight *p, const struct volume_spec *volume, struct strv *seen)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (volume->zone == NULL || strv_has(seen, volume->zone))
		return;
	strv_add(seen, volume->zone);
	for (size_t i = 0; i < json_len(p->view->volume_zones); i++)
		strv_add(&names, json_get_str(json_object_array_get_idx(p->view->volume_zones, i), "zoneName", ""));
	if (strv_has(&names, volume->zone))
		PASS(p, "volume zone", "volume zone \"%s\"", volume->zone);
	else
		preflight_missing(p, "volume zone", "the volume's zone", volume->zone, &names, NULL);
}

void check_volume_zones(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct plan_node *node = &p->plan->nodes[i];

		check_zone(p, &node->root, &seen);
		for (size_t k = 0; k < node->n_volumes; k++)
			check_zone(p, &node->volumes[k].spec, &seen);
	}
}
