#include "cmd/checks.h"
#include "cmd/differences.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/log.h"

int verb_plan(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_WORK struct work w = {0};

	if (context_open(o, CONTEXT_LOOK, &c, err) < 0 || cloud_open(context_cloud(&c), &cloud, err) < 0 ||
	    provision_survey(cloud, c.plan, c.state != NULL ? state_uuid(c.state) : NULL, &view, err) < 0 ||
	    checks_pass(&c, cloud, view, err) < 0 || (c.state != NULL && work_open(&c, NULL, &w, err) < 0) ||
	    differences_find(&c, view, c.state != NULL ? &w : NULL, &changes, err) < 0)
		return -1;
	if (changes.n > 0 || o->format == OUTPUT_JSON)
		verb_print_changes(&changes, o->format);
	else
		log_info("cluster %s is as %s says: nothing to do", c.spec->name, c.spec->path);
	return changes.n > 0 ? EXIT_CHANGES : 0;
}
