#include "bootstrap/deprecated.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/cluster/version.h"

#define METRIC "apiserver_requested_deprecated_apis{"

/* The value of a label in NAME="VALUE",…}; "" where there is none.  The caller frees. */
static char *label(const char *labels, const char *name)
{
	struct buf value = BUF_INIT;
	size_t n = strlen(name);
	const char *at = labels;

	while (*at != '\0' && *at != '}') {
		bool mine = strncmp(at, name, n) == 0 && at[n] == '=' && at[n + 1] == '"';

		at += strcspn(at, "\"}");
		if (*at != '"')
			break;
		for (at++; *at != '\0' && *at != '"'; at++) {
			at += *at == '\\' && at[1] != '\0';
			if (mine)
				buf_add_char(&value, *at);
		}
		if (mine)
			break;
		at += *at == '"';
		at += *at == ',';
	}
	return buf_steal(&value);
}

static void take(const char *labels, const struct version *target, struct strv *ret)
{
	CLEANUP_FREE char *removed = label(labels, "removed_release"), *group = label(labels, "group");
	CLEANUP_FREE char *version = label(labels, "version"), *resource = label(labels, "resource"), *text = NULL;
	struct version gone;

	if (!version_parse(removed, &gone) || version_compare(&gone, target) > 0)
		return;
	text = xasprintf("%s%s%s %s (gone with %s)", group, *group != '\0' ? "/" : "", version, resource, removed);
	if (!strv_has(ret, text))
		strv_add(ret, text);
}

void deprecated_apis(const char *metrics, const char *target, struct strv *ret)
{
	CLEANUP_STRV struct strv lines = STRV_INIT;
	struct version to;

	version_parse(target, &to);
	strv_split(&lines, metrics, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		if (strncmp(lines.v[i], METRIC, strlen(METRIC)) == 0)
			take(lines.v[i] + strlen(METRIC), &to, ret);
}
