#include "cmd/marks.h"
#include "core/base/alloc.h"
#include "provision/census.h"

static int several(const char *name, const struct census *census, struct error **err)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	for (size_t i = 0; i < census->n; i++) {
		const struct census_cluster *c = &census->clusters[i];
		CLEANUP_FREE char *kinds = census_kinds(c);

		if (strv_has(&c->names, name))
			buf_addf(&b, "\n  --uuid %s  (%s; since %s)", c->uuid, kinds, c->created != NULL ? c->created : "?");
	}
	return error_set(err, ERROR_USAGE, "several clusters in this project are called %s; say which is meant:%s", name, buf_str(&b));
}

static int is_another(const char *name, const char *uuid, const struct census *census, struct error **err)
{
	for (size_t i = 0; i < census->n; i++) {
		const struct census_cluster *c = &census->clusters[i];
		CLEANUP_FREE char *names = strv_join(&c->names, ", ");

		if (strcmp(c->uuid, uuid) == 0 && c->names.n > 0 && !strv_has(&c->names, name))
			return error_set(err, ERROR_USAGE, "%s is cluster %s, not %s; give --name %s if that is meant", c->uuid, names,
					 name, c->names.v[0]);
	}
	return 0;
}

int marks_find(struct cloud *cloud, const char *name, const char *uuid, char **ret, struct error **err)
{
	CLEANUP_CENSUS struct census census = {0};
	const struct census_cluster *found = NULL;
	size_t n;

	if (census_take(cloud, &census, err) < 0)
		return -1;
	if (uuid != NULL && is_another(name, uuid, &census, err) < 0)
		return -1;
	n = census_named(&census, name, &found, 1);
	if (uuid == NULL && n > 1)
		return several(name, &census, err);
	*ret = uuid != NULL ? xstrdup(uuid) : n == 1 ? xstrdup(found->uuid) : NULL;
	return 0;
}
