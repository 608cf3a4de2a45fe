#include "cmd/etcd.h"
#include "cmd/etcd_away.h"
#include "cmd/etcd_file.h"
#include "cmd/etcd_header.h"
#include "cmd/output.h"
#include "cmd/passphrase.h"
#include "cmd/planes.h"
#include "cmd/verbs.h"
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "core/cluster/recovery.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct making {
	struct context c;
	const char *folder; /* --to; NULL: FILE was given */
	struct objects *away; /* --to: where it goes then; else NULL */
	char *passing;	      /* folder of the file on its way there */
	char *path;
	struct strv certificates; /* PEM texts */
	struct strv sealed_for;
	char *passphrase;
	struct buf recovery;
	const char *plane; /* that is asked */
	char *kubernetes;
	int64_t taken_ms;
	char *node, *snapshot; /* one that this node has made; NULL: one is made now */
	struct backup header;
	struct etcd_writer writer;
	int64_t size; /* of the file */
	char sha256[DIGEST_HEX_LEN + 1];
	struct strv removed;
};

static void clear(struct making *m)
{
	etcd_writer_close(&m->writer);
	backup_clear(&m->header);
	strv_free(&m->certificates);
	strv_free(&m->sealed_for);
	strv_free(&m->removed);
	secret_free(m->passphrase);
	buf_wipe(&m->recovery);
	free(m->kubernetes);
	free(m->node);
	free(m->snapshot);
	free(m->path);
	etcd_away_drop(&m->passing);
	objects_close(m->away);
	context_close(&m->c);
}

/* ---- for whom */

static int add_recipient(struct making *m, const char *path, struct error **err)
{
	CLEANUP_BUF struct buf pem = BUF_INIT;
	CLEANUP_FREE char *who = NULL;

	if (path_read(path, &pem, err) < 0)
		return -1;
	if (seal_describe(path, buf_str(&pem), pem.len, &who, err) < 0)
		return -1;
	strv_add(&m->certificates, buf_str(&pem));
	strv_add(&m->sealed_for, who);
	return 0;
}

/* A passphrase is not asked for where there are certificates, but may be given as well. */
static int find_recipients(struct making *m, struct error **err)
{
	const struct options *o = m->c.o;

	for (size_t i = 0; i < o->recipients.n; i++)
		if (add_recipient(m, o->recipients.v[i], err) < 0)
			return -1;
	if (o->recipients.n > 0 && o->passphrase_file == NULL)
		return 0;
	strv_add(&m->sealed_for, "passphrase");
	return passphrase_read(o, true, &m->passphrase, err);
}

/* ---- where to */

static int find_path(struct making *m, struct error **err)
{
	const struct options *o = m->c.o;
	CLEANUP_FREE char *name = backup_name(m->c.spec->name, m->taken_ms);

	if (o->args.n > 0 && (o->folder != NULL || o->keep > 0))
		return error_set(err, ERROR_USAGE, "etcd backup: FILE has the name that it is given; --to and --keep are for names that are made");
	if (o->folder != NULL && objects_is_url(o->folder)) {
		if (etcd_away_open(&m->c, o->folder, &m->away, err) < 0 || etcd_away_folder(&m->passing, err) < 0)
			return -1;
		m->path = xasprintf("%s/%s", m->passing, name);
	} else if (o->args.n == 0) {
		m->folder = o->folder != NULL ? o->folder : ".";
		if (path_mkdirs(m->folder, 0700, err) < 0)
			return -1;
		m->path = xasprintf("%s/%s", m->folder, name);
	} else {
		m->path = xstrdup(o->args.v[0]);
	}
	return path_exists(m->path) ? error_set(err, ERROR_USAGE, "%s is there already, and is not written over", m->path) : 0;
}

/* ---- on its way */

static int on_begin(const struct etcd_snapshot *s, void *context, struct error **err)
{
	struct making *m = context;
	struct seal_to to = {.certificates = &m->certificates, .passphrase = m->passphrase};

	if (s->alone)
		log_warning("%s has no quorum behind it: the others may know of more than it does", m->plane);
	backup_clear(&m->header);
	m->header = (struct backup){.cluster = xstrdup(m->c.spec->name),
				    .uuid = xstrdup(state_uuid(m->c.state)),
				    .kubernetes = xstrdup(m->kubernetes),
				    .etcd = xstrdup(s->version),
				    .storage = xstrdup(s->storage),
				    .node = xstrdup(m->plane),
				    .taken_ms = m->taken_ms,
				    .size = s->size,
				    .revision = s->revision,
				    .keys = s->keys};
	memcpy(m->header.sha256, s->sha256, sizeof(m->header.sha256));
	strv_copy(&m->header.sealed_for, &m->sealed_for);
	return etcd_writer_open(m->path, &m->header, &m->recovery, &to, &m->writer, err);
}

static int on_piece(const void *p, size_t n, void *context, struct error **err)
{
	struct making *m = context;

	return etcd_writer_add(&m->writer, p, n, err);
}

/* What an attempt before has written is begun anew. */
static int take(struct ssh *s, void *context, struct error **err)
{
	struct making *m = context;
	struct etcd_sink sink = {on_begin, on_piece, m};

	etcd_writer_close(&m->writer);
	return m->snapshot != NULL ? etcd_fetch_kept(s, m->snapshot, &sink, err) : etcd_take_snapshot(s, &sink, err);
}

/* ---- one that is there */

/* "latest", or "NODE/NAME" as etcd snapshots prints it; its name tells when it was taken. */
static int choose(struct making *m, struct reach *reach, struct error **err)
{
	const char *word = m->c.o->snapshot, *slash;
	CLEANUP_JSON struct json_object *found = NULL;
	CLEANUP_FREE char *node = NULL;

	if (word == NULL)
		return 0;
	if (strcmp(word, "latest") == 0) {
		if (etcd_find_kept(&m->c, reach, &found, err) < 0)
			return -1;
		word = json_get_str(found != NULL ? json_object_array_get_idx(found, 0) : NULL, "name", NULL);
		if (word == NULL)
			return error_set(err, ERROR_NODE, "the control planes have no snapshots; etcd.snapshots of %s is their schedule", m->c.spec->path);
	}
	slash = strchr(word, '/');
	if (slash == NULL || !etcd_kept_is_name(slash + 1, &m->taken_ms))
		return error_set(err, ERROR_USAGE, "--snapshot: \"%s\" is none; write latest, or NODE/NAME as \"davit etcd snapshots\" prints it", word);
	node = xstrndup(word, (size_t)(slash - word));
	m->snapshot = xstrdup(slash + 1);
	return context_node_name(&m->c, node, &m->node, err) < 0 ? -1 : find_path(m, err);
}

static int fetch(struct making *m, struct reach *reach, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (m->node == NULL)
		return planes_ask(&m->c, reach, take, m, &m->plane, err);
	m->plane = m->node;
	return reach_run(reach, m->node, &s, take, m, err);
}

/* ---- away */

static int send(struct making *m, struct error **err)
{
	CLEANUP_FREE char *url = NULL;

	if (m->away == NULL)
		return 0;
	if (etcd_away_put(&m->c, m->away, m->path, &url, err) < 0)
		return -1;
	free(m->path);
	m->path = steal_ptr(url);
	return 0;
}

/* ---- those before it */

struct kept {
	struct strv names;
	struct backup_file *files;
	size_t n;
};

/* Only what is a backup of this very cluster: another one of its name may have its own there. */
static int find_kept(const struct making *m, struct kept *ret, struct error **err)
{
	if (path_list(m->folder, &ret->names, err) < 0)
		return -1;
	ret->files = xnew_n(struct backup_file, ret->names.n + 1);
	for (size_t i = 0; i < ret->names.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", m->folder, ret->names.v[i]);
		CLEANUP_ETCD_FILE struct etcd_file f = {.fd = -1};
		CLEANUP_ERROR struct error *why = NULL;

		if (!backup_is_name(ret->names.v[i], m->c.spec->name))
			continue;
		if (etcd_file_open(path, &f, &why) < 0)
			log_warning("%s; it is left as it is, and not counted", error_message(why));
		else if (strcmp(f.header.uuid, state_uuid(m->c.state)) == 0)
			ret->files[ret->n++] = (struct backup_file){ret->names.v[i], f.header.taken_ms};
	}
	return 0;
}

static int retire(struct making *m, struct error **err)
{
	CLEANUP_STRV struct strv gone = STRV_INIT;
	struct kept kept = {0};
	int r;

	if (m->c.o->keep <= 0)
		return 0;
	if (m->away != NULL)
		return etcd_away_retire(&m->c, m->away, (size_t)m->c.o->keep, &m->removed, err);
	r = find_kept(m, &kept, err);
	if (r == 0 && kept.n > 0)
		backup_retire(kept.files, kept.n, (size_t)m->c.o->keep, &gone);
	for (size_t i = 0; r == 0 && i < gone.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", m->folder, gone.v[i]);

		if (unlink(path) < 0)
			r = error_errno(err, errno, "the backup is made; an older one cannot be removed: %s", path);
		else
			strv_add(&m->removed, path);
	}
	free(kept.files);
	strv_free(&kept.names);
	return r;
}

/* ---- the whole */

static void print(const struct making *m)
{
	struct json_object *o, *removed;

	if (m->c.o->format != OUTPUT_JSON) {
		printf("%s\n", m->path);
		fflush(stdout);
		return;
	}
	o = etcd_header_json(&m->header);
	removed = json_object_new_array();
	json_add_str(o, "file", m->path);
	json_add_int(o, "size", m->size);
	json_add_str(o, "sha256", m->sha256);
	for (size_t i = 0; i < m->removed.n; i++)
		json_object_array_add(removed, json_object_new_string(m->removed.v[i]));
	json_add(o, "removed", removed);
	output_json(o);
}

static int open_making(struct making *m, const struct options *o, struct error **err)
{
	if (context_open(o, CONTEXT_READ, &m->c, err) < 0 || context_need_kubernetes(&m->c, ETCD_OF_SWARM, err) < 0 || context_need_keys(&m->c, err) < 0)
		return -1;
	m->kubernetes = frozen_version(m->c.state);
	if (m->kubernetes == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet: there is nothing to keep", m->c.spec->name);
	if ((o->snapshot == NULL && find_path(m, err) < 0) || find_recipients(m, err) < 0)
		return -1;
	return recovery_write(m->c.state, &m->recovery, err);
}

int verb_etcd_backup(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct making m = {.taken_ms = clock_wall_ms() / 1000 * 1000, .writer = {.fd = -1}};
	CLEANUP_REACH struct reach *reach = NULL;

	if (open_making(&m, o, err) < 0)
		return -1;
	reach = reach_new(m.c.spec, m.c.state, m.c.inventory);
	if (choose(&m, reach, err) < 0 || fetch(&m, reach, err) < 0 || etcd_writer_end(&m.writer, &m.size, m.sha256, err) < 0)
		return -1;
	log_info("etcd of cluster %s as it %s on %s: %lld keys in %lld bytes, with the cluster's keys; SHA-256 of the file: %s", m.c.spec->name, m.node != NULL ? "was" : "is", m.plane,
		 (long long)m.header.keys, (long long)m.header.size, m.sha256);
	if (send(&m, err) < 0 || retire(&m, err) < 0)
		return -1;
	for (size_t i = 0; i < m.removed.n; i++)
		log_info("removed: %s", m.removed.v[i]);
	print(&m);
	return 0;
}
