#include "cmd/upgrade.h"
#include "cmd/output.h"
#include "core/base/alloc.h"
#include <stdio.h>

/* What is done, in one phrase.  The caller frees. */
static char *what(const struct upgrade *u, const struct upgrade_step *step)
{
	switch (step->phase) {
	case UPGRADE_BUNDLE:
		return xasprintf("fetch programs and images of %s", u->to);
	case UPGRADE_REGISTRY:
		return xstrdup("put them into the registry, beside those of before");
	case UPGRADE_SNAPSHOT:
		return xasprintf("keep %s in the state folder", u->of->whole != NULL ? "MKE's own backup" : "a snapshot of etcd");
	case UPGRADE_PLANE:
		if (u->nodes_run_on)
			return xasprintf("load the images of %s", u->c->spec->version);
		if (u->of->restarts_planes)
			return xasprintf("drain, install %s, wait until the other managers reach it, back to its availability", u->to);
		return xasprintf("install %s, wait until etcd, API and kubelet are well", u->to);
	case UPGRADE_ADDONS:
		return xasprintf("apply roles and add-ons of %s", u->to);
	case UPGRADE_WORKER:
		if (u->nodes_run_on)
			return xasprintf("load the images of %s", u->c->spec->version);
		if (u->of->restarts_planes)
			return xasprintf("drain, install %s, wait until it is ready, back to its availability", u->to);
		return xasprintf("cordon, drain, install %s, wait until it is Ready, uncordon", u->to);
	case UPGRADE_WHOLE:
		return xasprintf("MKE's own upgrade to %s, wait until all managers have it and are well", u->c->spec->version);
	case UPGRADE_RETIRE:
		return xasprintf("remove the programs of %s from the nodes", u->from);
	}
	return xstrdup("");
}

static struct json_object *json(const struct upgrade *u)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_add_str(o, "from", u->from);
	json_add_str(o, "to", u->to);
	for (size_t i = 0; i < u->steps.n; i++) {
		const struct upgrade_step *step = &u->steps.items[i];
		CLEANUP_FREE char *text = what(u, step);
		struct json_object *s = json_object_new_object();

		json_add_str(s, "step", upgrade_phase_name(step->phase));
		json_add_str(s, "node", step->node != NULL ? step->node->node.name : NULL);
		json_add_str(s, "pool", step->phase == UPGRADE_WORKER ? step->node->node.pool : NULL);
		json_add_str(s, "what", text);
		json_object_array_add(list, s);
	}
	json_add(o, "steps", list);
	json_add_int(o, "parallel", u->c->o->at_once);
	return o;
}

void upgrade_print(const struct upgrade *u, int format)
{
	static const char *const headings[] = {"STEP", "NODE", "WHAT"};
	struct table *table;

	if (format == OUTPUT_JSON) {
		output_json(json(u));
		return;
	}
	table = table_new(headings, ARRAY_SIZE(headings));
	for (size_t i = 0; i < u->steps.n; i++) {
		const struct upgrade_step *step = &u->steps.items[i];
		CLEANUP_FREE char *text = what(u, step);

		table_row(table, (const char *[]){upgrade_phase_name(step->phase), step->node != NULL ? step->node->node.name : NULL, text});
	}
	table_print(table);
	printf("\nfrom %s to %s, %d worker%s of a pool at a time\n", u->from, u->to, u->c->o->at_once, u->c->o->at_once == 1 ? "" : "s");
	fflush(stdout);
}
