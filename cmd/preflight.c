#include "cmd/checks.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/cluster/frozen.h"
#include <stdio.h>

static void print_passed(const struct findings *f)
{
	static const char *const headings[] = {"CHECK", "RIGHT"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < f->n_passed; i++) {
		CLEANUP_FREE char *text = passed_text(&f->passed[i]);

		table_row(table, (const char *[]){f->passed[i].check, text});
	}
	table_print(table);
}

/* Paragraphs: they are too long for the cells of a table. */
static void print_findings(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		CLEANUP_FREE char *text = finding_text(&f->items[i]);

		printf("\n%s: %s\n", severity_name(f->items[i].severity), text);
	}
	fflush(stdout);
}

static void print(const struct context *c, const struct findings *f)
{
	struct json_object *o;

	if (c->o->format == OUTPUT_JSON) {
		o = findings_json(f);
		json_add_str(o, "cluster", c->spec->name);
		output_json(o);
		return;
	}
	print_passed(f);
	print_findings(f);
}

int verb_preflight(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_FINDINGS struct findings findings = {0};
	size_t errors, warnings;

	if (context_open(o, CONTEXT_LOOK, &c, err) < 0 || frozen_check(c.spec, c.state, FROZEN_ALLOW_UPGRADE, err) < 0 ||
	    cloud_open(context_cloud(&c), &cloud, err) < 0 ||
	    provision_survey(cloud, c.plan, c.state != NULL ? state_uuid(c.state) : NULL, &view, err) < 0 ||
	    checks_run(&c, cloud, view, true, &findings, err) < 0)
		return -1;
	print(&c, &findings);
	errors = findings_count(&findings, SEVERITY_ERROR);
	warnings = findings_count(&findings, SEVERITY_WARNING);
	if (errors > 0)
		return error_set(err, ERROR_PREFLIGHT, "cluster %s cannot be made as %s says: %zu refusals, %zu warnings, %zu right",
				 c.spec->name, c.spec->path, errors, warnings, findings.n_passed);
	log_info("nothing stands against cluster %s: %zu checks are right, %zu warnings", c.spec->name, findings.n_passed, warnings);
	return 0;
}
