#include "cmd/making.h"
#include "cmd/backup_away.h"
#include "cmd/backup_header.h"
#include "cmd/output.h"
#include "cmd/passphrase.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/recovery.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void making_init(struct making *m, const char *command)
{
	*m = (struct making){.command = command, .taken_ms = clock_wall_ms() / 1000 * 1000, .writer = {.fd = -1}};
}

void making_clear(struct making *m)
{
	backup_writer_close(&m->writer);
	backup_clear(&m->header);
	strv_free(&m->certificates);
	strv_free(&m->sealed_for);
	strv_free(&m->removed);
	secret_free(m->passphrase);
	buf_wipe(&m->recovery);
	secret_free(m->unlock);
	free(m->path);
	backup_away_drop(&m->passing);
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

int making_prepare(struct making *m, struct error **err)
{
	return find_recipients(m, err) < 0 ? -1 : recovery_write(m->c.state, &m->recovery, err);
}

/* ---- where to */

int making_place(struct making *m, struct error **err)
{
	const struct options *o = m->c.o;
	CLEANUP_FREE char *name = backup_name(m->c.spec->name, m->taken_ms);

	if (o->args.n > 0 && (o->folder != NULL || o->keep > 0))
		return error_set(err, ERROR_USAGE,
				 "%s: FILE has the name that it is given; --to and --keep are for names that are made",
				 m->command);
	if (o->folder != NULL && objects_is_url(o->folder)) {
		if (backup_away_open(&m->c, o->folder, &m->away, err) < 0 || backup_away_folder(&m->passing, err) < 0)
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

void making_anew(struct making *m)
{
	backup_writer_close(&m->writer);
}

int making_begin(struct making *m, struct backup *header, struct error **err)
{
	struct backup_secrets secrets = {&m->recovery, m->unlock};
	struct seal_to to = {.certificates = &m->certificates, .passphrase = m->passphrase};

	backup_clear(&m->header);
	m->header = *header;
	*header = (struct backup){0};
	m->header.cluster = xstrdup(m->c.spec->name);
	m->header.uuid = xstrdup(state_uuid(m->c.state));
	m->header.node = xstrdup(m->node);
	m->header.taken_ms = m->taken_ms;
	strv_copy(&m->header.sealed_for, &m->sealed_for);
	return backup_writer_open(m->path, &m->header, &secrets, &to, &m->writer, err);
}

int making_add(const void *p, size_t n, void *making, struct error **err)
{
	struct making *m = making;

	return backup_writer_add(&m->writer, p, n, err);
}

int making_end(struct making *m, struct error **err)
{
	return backup_writer_end(&m->writer, &m->size, m->sha256, err);
}

/* ---- away */

static int send(struct making *m, struct error **err)
{
	CLEANUP_FREE char *url = NULL;

	if (m->away == NULL)
		return 0;
	if (backup_away_put(&m->c, m->away, m->path, &url, err) < 0)
		return -1;
	free(m->path);
	m->path = steal_ptr(url);
	return 0;
}

/* ---- those before it */

struct kept {
	struct strv names;
	struct backup_entry *files;
	size_t n;
};

/* Only what is a backup of this very cluster: another one of its name may have its own there. */
static int find_kept(const struct making *m, struct kept *ret, struct error **err)
{
	if (path_list(m->folder, &ret->names, err) < 0)
		return -1;
	ret->files = xnew_n(struct backup_entry, ret->names.n + 1);
	for (size_t i = 0; i < ret->names.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", m->folder, ret->names.v[i]);
		CLEANUP_BACKUP_FILE struct backup_file f = {.fd = -1};
		CLEANUP_ERROR struct error *why = NULL;

		if (!backup_is_name(ret->names.v[i], m->c.spec->name))
			continue;
		if (backup_file_open(path, &f, &why) < 0)
			log_warning("%s; it is left as it is, and not counted", error_message(why));
		else if (strcmp(f.header.uuid, state_uuid(m->c.state)) == 0)
			ret->files[ret->n++] = (struct backup_entry){ret->names.v[i], f.header.taken_ms};
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
		return backup_away_retire(&m->c, m->away, (size_t)m->c.o->keep, &m->removed, err);
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

/* ---- the end */

static void print(const struct making *m)
{
	struct json_object *o, *removed;

	if (m->c.o->format != OUTPUT_JSON) {
		printf("%s\n", m->path);
		fflush(stdout);
		return;
	}
	o = backup_header_json(&m->header);
	removed = json_object_new_array();
	json_add_str(o, "file", m->path);
	json_add_int(o, "size", m->size);
	json_add_str(o, "sha256", m->sha256);
	for (size_t i = 0; i < m->removed.n; i++)
		json_object_array_add(removed, json_object_new_string(m->removed.v[i]));
	json_add(o, "removed", removed);
	output_json(o);
}

int making_deliver(struct making *m, struct error **err)
{
	if (send(m, err) < 0 || retire(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->removed.n; i++)
		log_info("removed: %s", m->removed.v[i]);
	print(m);
	return 0;
}
