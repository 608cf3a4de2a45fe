#include "cmd/checks.h"
#include "cmd/credentials.h"
#include "cmd/differences.h"
#include "cmd/msr.h"
#include "cmd/output.h"
#include "cmd/repair.h"
#include "cmd/stacks.h"
#include "cmd/swarm_lock.h"
#include "cmd/turnover.h"
#include "cmd/verbs.h"
#include "core/base/log.h"
#include "core/cluster/frozen.h"

static void print(const struct context *c, const struct changes *changes, const struct findings *findings)
{
	struct json_object *o, *found;

	if (c->o->format == OUTPUT_JSON) {
		o = verb_changes_json(changes);
		found = findings_json(findings);
		json_add(o, "findings", json_object_get(json_at(found, "findings")));
		json_object_put(found);
		output_json(o);
		return;
	}
	checks_warn(findings);
	if (changes->n > 0)
		verb_print_changes(changes, OUTPUT_TABLE);
	if (verb_to_do(changes) == 0)
		log_info("cluster %s is as %s says: nothing to do", c->spec->name, c->spec->path);
}

/* What Kubernetes says of its nodes: those that differ, workers that ail, and those that are to be replaced; then the plan is the one that apply
 * would begin with, which may want more servers than the file. */
static int find_in_nodes(struct context *c, struct cloud *cloud, struct view *view, struct changes *changes, struct turnover *turnover, struct error **err)
{
	CLEANUP_LEAVING struct leaving l = {0};
	CLEANUP(repair_clear) struct repair repair = {.l = &l};

	leaving_init(&l, c);
	if (swarm_lock_compare(c, l.reach, changes, err) < 0 || repair_ask(&repair, err) < 0 || differences_of_nodes(c, repair.nodes, changes, err) < 0)
		return -1;
	differences_of_settings(c, &repair.settings, changes);
	repair_find(&repair, changes);
	turnover_asked(c, NULL, NULL, changes);
	turnover_tell(c, changes);
	if (repair.reboots.n > 0)
		return 0;
	return turnover_foresee(&l, changes, turnover, err) < 0 ? -1 : turnover_fit(&l, cloud, view, changes, turnover, err);
}

/* The differences are shown, also where the checks refuse to make them. */
int verb_plan(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_FINDINGS struct findings findings = {0};
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_WORK struct work w = {0};
	CLEANUP(turnover_clear) struct turnover turnover = {0};
	bool nodes;

	if (context_open(o, CONTEXT_LOOK, &c, err) < 0 || frozen_check(c.spec, c.state, FROZEN_ALLOW_UPGRADE, err) < 0)
		return -1;
	nodes = c.state != NULL && context_has_keys(&c); /* without keys the cloud alone is compared */
	if (cloud_open(context_cloud(&c), &cloud, err) < 0 ||
	    provision_survey(cloud, c.plan, c.state != NULL ? state_uuid(c.state) : NULL, &view, err) < 0 ||
	    (nodes && work_open(&c, NULL, &w, err) < 0) || differences_find(&c, view, nodes ? &w : NULL, &changes, err) < 0 ||
	    credentials_compare(&c, cloud, &changes, err) < 0 || stacks_find(&c, &changes, err) < 0 || msr_find(&c, nodes ? &w : NULL, &changes, err) < 0 || (nodes && find_in_nodes(&c, cloud, view, &changes, &turnover, err) < 0) ||
	    checks_run(&c, cloud, view, false, &findings, err) < 0)
		return -1;
	if (c.state != NULL && !nodes)
		log_warning("the keys of cluster %s are not here: only its resources in the cloud were compared, not its nodes", c.spec->name);
	print(&c, &changes, &findings);
	if (findings_refuse(&findings, err) < 0) {
		turnover_advise(&turnover);
		return -1;
	}
	return verb_to_do(&changes) > 0 ? EXIT_CHANGES : 0;
}
