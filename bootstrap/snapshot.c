#include "bootstrap/download.h"
#include "bootstrap/etcd.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "bootstrap/upgrade.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include <ctype.h>
#include <stdio.h>

enum { SNAPSHOT_MS = 30 * 60 * 1000 /* of at most 8 GiB, etcd's quota */ };

/* ---- the line before it */

static bool is_version(const char *s)
{
	return isdigit((unsigned char)*s) && s[strspn(s, "0123456789.")] == '\0';
}

/* "VERSION all|alone ", what follows is JSON; false where a word is not right. */
static bool read_words(const char *words, struct etcd_snapshot *ret, const char **ret_json)
{
	char knows[8];

	*ret_json = words;
	if (!download_word(ret_json, ret->version, sizeof(ret->version)) || !download_word(ret_json, knows, sizeof(knows)))
		return false;
	ret->alone = strcmp(knows, "all") != 0;
	return is_version(ret->version);
}

static int read_snapshot(const struct download *d, struct etcd_snapshot *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct etcd_snapshot s = {.size = d->size};
	const char *json = NULL;

	if (!read_words(d->words, &s, &json) || json_parse(json, strlen(json), "etcdutl", &o, NULL) < 0)
		return error_set(err, ERROR_NODE, "what the node says of it cannot be understood: %.200s", d->words);
	memcpy(s.sha256, d->sha256, sizeof(s.sha256));
	s.revision = json_get_int(o, "revision", 0);
	s.keys = json_get_int(o, "totalKey", 0);
	/* before 3.6 etcdutl does not say it */
	snprintf(s.storage, sizeof(s.storage), "%s", json_get_str(o, "version", ""));
	if (!is_version(s.storage))
		snprintf(s.storage, sizeof(s.storage), "%s", s.version);
	*ret = s;
	return 0;
}

int etcd_read_snapshot(const char *line, struct etcd_snapshot *ret, struct error **err)
{
	struct download d;

	return download_read(line, &d, err) < 0 ? -1 : read_snapshot(&d, ret, err);
}

/* ---- on its way */

static int begin(const struct download *d, void *context, struct error **err)
{
	const struct etcd_sink *sink = context;
	struct etcd_snapshot snapshot = {0};

	return read_snapshot(d, &snapshot, err) < 0 ? -1 : sink->begin(&snapshot, sink->context, err);
}

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	const struct etcd_sink *sink = context;

	return sink->write(p, n, sink->context, err);
}

static int stream(struct ssh *s, const char *kept, const struct etcd_sink *sink, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct etcd_sink copy = *sink;
	struct download_sink to = {begin, on_output, &copy};

	remote_command(&command, text_snapshot);
	if (kept != NULL) {
		buf_add_char(&command, ' ');
		buf_add_shell(&command, kept);
	}
	if (download_run(s, "etcdctl", buf_str(&command), clock_deadline(SNAPSHOT_MS), &to, err) < 0)
		return error_wrap(err, "the snapshot of etcd");
	return 0;
}

int etcd_take_snapshot(struct ssh *s, const struct etcd_sink *sink, struct error **err)
{
	return stream(s, NULL, sink, err);
}

int etcd_fetch_kept(struct ssh *s, const char *name, const struct etcd_sink *sink, struct error **err)
{
	return stream(s, name, sink, err);
}

/* ---- into a file */

int kubernetes_snapshot(struct ssh *s, const char *path, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;

	remote_command(&command, text_snapshot);
	if (download_file(s, "etcdctl", buf_str(&command), clock_deadline(SNAPSHOT_MS), path, err) < 0)
		return error_wrap(err, "the snapshot of etcd");
	return 0;
}
