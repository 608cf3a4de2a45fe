/* Availability zones and volume types that the file names. */
#include "provision/preflight.h"

static struct json_object *find_zone(struct json_object *answer, const char *name, struct strv *ret_names)
{
	struct json_object *list = json_at(answer, "availabilityZoneInfo"), *found = NULL;

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *zone = json_get_str(o, "zoneName", "");

		strv_add(ret_names, zone);
		if (strcmp(zone, name) == 0)
			found = o;
	}
	strv_sort(ret_names);
	return found;
}

static void check_compute_zone(struct preflight *p, const struct plan_node *node)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *key = xasprintf("a zone of pool \"%s\"", node->node.pool);
	struct json_object *zone = find_zone(p->view->facts[FACT_COMPUTE_ZONES].json, node->zone, &names);

	if (zone == NULL)
		preflight_missing(p, "availability zone", key, node->zone, &names, NULL);
	else if (!json_get_bool(zone, "zoneState.available", true))
		REFUSE(p, "availability zone", "no hypervisor of it takes servers", "wait, or name another one",
		       "availability zone \"%s\": nova says that it is not available", node->zone);
	else
		PASS(p, "availability zone", "availability zone \"%s\"", node->zone);
}

/* cinder has zones of its own: nova attaches across them only where the operator allows it (cross_az_attach). */
static void check_volume_zone(struct preflight *p, const struct plan_node *node)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	struct json_object *answer = p->view->facts[FACT_VOLUME_ZONES].json;
	CLEANUP_FREE char *all = NULL;

	if (answer == NULL || (node->root.size_gib == 0 && node->n_volumes == 0) || find_zone(answer, node->zone, &names) != NULL)
		return;
	all = strv_join(&names, ", ");
	WARN(p, "availability zone", "nova refuses to attach volumes of another zone where the operator has set cross_az_attach to false",
	     "ask the cloud's operator whether servers of this zone may use such volumes, or leave out the pool's volume or zones",
	     "availability zone \"%s\": nova has it, cinder has not (it has %s), and pool \"%s\" wants volumes", node->zone, all,
	     node->node.pool);
}

void check_zones(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	if (!fact_wanted(FACT_COMPUTE_ZONES, p->plan) ||
	    preflight_fact(p, FACT_COMPUTE_ZONES, "availability zone", "the list of availability zones") == NULL)
		return;
	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct plan_node *node = &p->plan->nodes[i];
		CLEANUP_FREE char *key = node->zone != NULL ? xasprintf("%s in %s", node->node.pool, node->zone) : NULL;

		if (key == NULL || strv_has(&seen, key))
			continue;
		strv_add(&seen, key);
		check_compute_zone(p, node);
		check_volume_zone(p, node);
	}
}

static void check_type(struct preflight *p, const struct volume_spec *volume, struct strv *seen)
{
	struct json_object *list = json_at(p->view->facts[FACT_VOLUME_TYPES].json, "volume_types");
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (volume->size_gib == 0 || volume->type == NULL || strv_has(seen, volume->type))
		return;
	strv_add(seen, volume->type);
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "id", ""), volume->type) == 0)
			return;
		strv_add(&names, json_get_str(o, "name", ""));
	}
	strv_sort(&names);
	if (strv_has(&names, volume->type))
		PASS(p, "volume type", "volume type \"%s\"", volume->type);
	else
		preflight_missing(p, "volume type", "the volume's type", volume->type, &names, NULL);
}

void check_volume_types(struct preflight *p)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	if (!fact_wanted(FACT_VOLUME_TYPES, p->plan) ||
	    preflight_fact(p, FACT_VOLUME_TYPES, "volume type", "the list of volume types") == NULL)
		return;
	for (size_t i = 0; i < p->plan->n_nodes; i++) {
		const struct plan_node *node = &p->plan->nodes[i];

		check_type(p, &node->root, &seen);
		for (size_t v = 0; v < node->n_volumes; v++)
			check_type(p, &node->volumes[v].spec, &seen);
	}
}
