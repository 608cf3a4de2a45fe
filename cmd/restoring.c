#include "cmd/restoring.h"
#include "cmd/backup_away.h"
#include "cmd/backup_header.h"
#include "cmd/backup_open.h"
#include "cmd/output.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/cluster/recovery.h"

int restoring_check_none(const struct context *c, struct error **err)
{
	CLEANUP_FREE char *etcd = state_get(c->state, ETCD_RESTORE_KEY), *swarm = state_get(c->state, SWARM_RESTORE_KEY);

	if (etcd != NULL)
		return error_set(err, ERROR_CONFIG,
				 "a restoration of cluster %s's etcd has not come to its end: \"davit etcd restore\" with the same file goes on from there, with --abort it goes back",
				 c->spec->name);
	if (swarm != NULL)
		return error_set(err, ERROR_CONFIG,
				 "a restoration of the swarm of cluster %s has not come to its end: \"davit swarm restore\" with the same file goes on from there, with --abort it goes back",
				 c->spec->name);
	return 0;
}

/* What comes from an object store has no name on this machine any more once it is open. */
static int open_backup(struct restoring *r, const char *name, struct error **err)
{
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;
	bool wants_swarm = strcmp(r->key, SWARM_RESTORE_KEY) == 0;

	if (backup_away_local(name, context_cloud(&r->c), &folder, &path, err) < 0 ||
	    backup_open(r->c.o, path, r->c.spec->name, state_uuid(r->c.state), &r->file, &r->recovery, err) < 0)
		return -1;
	r->file.path = name;
	if (wants_swarm == (r->file.header.docker != NULL))
		return 0;
	return error_set(err, ERROR_CONFIG, wants_swarm ? "%s is of etcd, not of a swarm" : "%s is of a swarm, not of etcd", name);
}

static void take_up(struct restoring *r)
{
	CLEANUP_FREE char *noted = state_get(r->c.state, r->key), *now = clock_rfc3339(clock_wall_ms());
	CLEANUP_STRV struct strv words = STRV_INIT;

	strv_split(&words, noted != NULL ? noted : "", " ");
	r->resumed = r->noted = words.n == 3 && strcmp(words.v[2], r->file.header_sha256) == 0;
	if (words.n == 3 && !r->resumed)
		log_warning("an earlier restoration, of another backup, has not come to its end: this one takes its place");
	now[13] = now[16] = '-'; /* a colon of a path is something else to scp and rsync */
	r->id = r->resumed ? xstrdup(words.v[0]) : random_uuid();
	r->stamp = r->resumed ? xstrdup(words.v[1]) : xasprintf("%.19sZ", now);
}

int restoring_open(struct restoring *r, const char *name, struct error **err)
{
	if (open_backup(r, name, err) < 0)
		return -1;
	take_up(r);
	return 0;
}

int restoring_note(struct restoring *r, struct error **err)
{
	CLEANUP_FREE char *value = xasprintf("%s %s %s", r->id, r->stamp, r->file.header_sha256);

	r->noted = true;
	return state_set(r->c.state, r->key, value, err);
}

void restoring_clear(struct restoring *r)
{
	reach_free(r->reach);
	recovery_free(&r->recovery);
	backup_file_close(&r->file);
	events_free(r->events);
	free(r->id);
	free(r->stamp);
	context_close(&r->c);
}

int restoring_confirm(const struct restoring *r, const char *question, struct error **err)
{
	return r->resumed ? 0 : output_confirm(r->c.o->yes, question, err);
}

int restoring_phase(struct restoring *r, const char *node, struct ssh **session, const char *phase, reach_job *job, void *context, struct error **err)
{
	struct error *why = NULL;

	event_begin(r->events, node, phase);
	if (reach_run(r->reach, node, session, job, context, &why) == 0) {
		event_end(r->events, node, phase);
		return 0;
	}
	if (!error_is(why, ERROR_CANCELLED))
		event_fail(r->events, node, phase, error_message(why));
	error_wrap(&why, "%s", node);
	return error_move(err, why);
}

/* ---- told */

void restoring_print_json(const struct restoring *r, struct json_object *nodes, struct json_object *steps)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "cluster", r->c.spec->name);
	json_add(o, "backup", backup_header_json(&r->file.header));
	json_add(o, "nodes", nodes);
	if (steps != NULL)
		json_add(o, "steps", steps);
	output_json(o);
}

struct json_object *restoring_node_json(const char *node, const char *before)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "node", node);
	json_add_str(o, "before", before);
	return o;
}

void restoring_tell_before(const char *node, const char *before)
{
	log_info("what %s had before is there in %s: remove it when nobody wants it any more", node, before);
}

int restoring_told(int result, const char *onward, struct error **err)
{
	CLEANUP_FREE char *message = NULL;
	enum error_kind kind;

	if (result == 0 || err == NULL || *err == NULL)
		return result;
	kind = error_kind(*err);
	message = xstrdup(error_message(*err));
	error_clear(err);
	if (kind == ERROR_CANCELLED && cancel_by_user())
		return error_set(err, kind, "interrupted; nothing is lost: %s", onward);
	return error_set(err, kind, "%s\nWhen that is mended, %s.", message, onward);
}
