#include "bootstrap/artifacts.h"
#include "bootstrap/paths.h"
#include "bootstrap/steps.h"
#include "bootstrap/units.h"
#include "core/base/alloc.h"

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Files that stay on the node, for its look at what was changed behind our back. */
static bool stays(const struct file *f)
{
	return !starts(f->path, RUN_FOLDER) && !starts(f->path, ARTIFACTS_FOLDER);
}

static int add_sums(struct bootstrap_run *run, struct error **err)
{
	CLEANUP_BUF struct buf paths = BUF_INIT, sums = BUF_INIT;

	fileset_sort(run->files);
	for (size_t i = 0; i < run->files->n; i++) {
		const struct file *f = &run->files->files[i];
		char hex[DIGEST_HEX_LEN + 1] = "";

		if (!stays(f))
			continue;
		buf_addf(&paths, "%s\n", f->path);
		if (f->link != NULL)
			continue;
		if (f->source == NULL)
			digest_hex(buf_str(&f->content), f->content.len, hex);
		else if (digest_file(f->source, hex, NULL, err) < 0)
			return -1;
		buf_addf(&sums, "%s  %s\n", hex, f->path);
	}
	fileset_add(run->files, RUN_FOLDER "files", 0600, buf_str(&paths));
	/* what it says is of the others, which count by themselves: by less than their content, where the node may change some of it */
	fileset_add(run->files, RUN_FOLDER "files.sha256", 0600, buf_str(&sums))->identity = xstrdup("");
	return 0;
}

static void add_unit_names(struct bootstrap_run *run)
{
	CLEANUP_BUF struct buf names = BUF_INIT;

	for (size_t i = 0; run->units != NULL && i < run->units->n; i++) {
		CLEANUP_FREE char *unit = unit_full_name(run->units->v[i]);

		buf_addf(&names, "%s\n", unit);
	}
	fileset_add(run->files, RUN_FOLDER "units", 0600, buf_str(&names));
}

static int check_only(const struct bootstrap_run *run, struct error **err)
{
	CLEANUP_STRV struct strv list = STRV_INIT;
	CLEANUP_FREE char *joined = NULL;

	steps_list(run, &list);
	if (run->only == NULL || strv_has(&list, run->only))
		return 0;
	joined = strv_join(&list, ", ");
	return error_set(err, ERROR_USAGE, "there is no step \"%s\" for %s: its steps are %s", run->only, run->node, joined);
}

int bootstrap_prepare(struct bootstrap_run *run, struct error **err)
{
	CLEANUP_BUF struct buf artifacts = BUF_INIT, units = BUF_INIT, script = BUF_INIT;
	struct buf curl = BUF_INIT;

	fileset_sort(run->files); /* digests of units depend on the order */
	if (check_only(run, err) < 0 || artifacts_text(run, &artifacts, err) < 0 || units_text(run, &units, err) < 0)
		return -1;
	steps_render(run, &script);
	if (add_sums(run, err) < 0)
		return -1;
	add_unit_names(run);
	fileset_add(run->files, RUN_FOLDER "artifacts.txt", 0600, buf_str(&artifacts));
	fileset_add(run->files, RUN_FOLDER "units.txt", 0600, buf_str(&units));
	fileset_add(run->files, RUN_FOLDER "install.sh", 0700, buf_str(&script));
	if (run->registry_address != NULL) {
		artifacts_curl_conf(run, &curl);
		fileset_add_secret(run->files, RUN_FOLDER "curl.conf", 0600, buf_str(&curl));
		buf_wipe(&curl);
	}
	fileset_sort(run->files);
	return 0;
}
