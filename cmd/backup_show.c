#include "cmd/backup_away.h"
#include "cmd/backup_file.h"
#include "cmd/backup_header.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/json.h"

static void row(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *[]){what, value});
}

static char *describe(const struct backup *b)
{
	if (b->docker != NULL)
		return xasprintf("%lld bytes", (long long)b->size);
	return xasprintf("%lld bytes, %lld keys, revision %lld", (long long)b->size, (long long)b->keys, (long long)b->revision);
}

static void print_table(const struct backup *b)
{
	static const char *const headings[] = {"WHAT", "VALUE"};
	struct table *t = table_new(headings, ARRAY_SIZE(headings));
	CLEANUP_FREE char *taken = clock_rfc3339(b->taken_ms), *sealed = strv_join(&b->sealed_for, ", ");
	CLEANUP_FREE char *etcd = b->docker == NULL ? xasprintf("%s (data of %s)", b->etcd, b->storage) : NULL, *snapshot = describe(b);

	row(t, "cluster", b->cluster);
	row(t, "uuid", b->uuid);
	row(t, "taken", taken);
	row(t, "of", b->node);
	if (b->docker != NULL) {
		row(t, "docker", b->docker);
	} else {
		row(t, "kubernetes", b->kubernetes);
		row(t, "etcd", etcd);
	}
	row(t, "snapshot", snapshot);
	row(t, "sha256 of it", b->sha256);
	row(t, "encrypted for", sealed);
	table_print(t);
}

int verb_backup_show(const struct options *o, struct error **err)
{
	CLEANUP_BACKUP_FILE struct backup_file f = {.fd = -1};
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;

	if (backup_away_local(o->args.v[0], o->cloud, &folder, &path, err) < 0 || backup_file_open(path, &f, err) < 0)
		return -1;
	if (o->format == OUTPUT_JSON)
		output_json(backup_header_json(&f.header));
	else
		print_table(&f.header);
	return 0;
}
