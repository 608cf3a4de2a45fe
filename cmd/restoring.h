/*
 * restoring: what putting back a backup of etcd and one of a swarm share: the backup, what the state knows of a restoration that has not come to its end,
 * during which others refuse, and a phase on a node.
 */
#pragma once
#include "cmd/backup_file.h"
#include "cmd/context.h"
#include "cmd/reach.h"
#include "core/cluster/events.h"

/* "ID STAMP HEADER-SHA256", from before the first write until the end. */
#define ETCD_RESTORE_KEY "etcd:restoring"
#define SWARM_RESTORE_KEY "swarm:restoring"

/* ERROR_CONFIG while one is under way. */
int restoring_check_none(const struct context *c, struct error **err) MUST_USE;

/* What is gone on with is the restoration that was begun of the same backup, with the data of before where that one has put it. */
struct restoring {
	const char *key; /* one of the two */
	struct context c;
	struct reach *reach; /* the caller's, after restoring_open() */
	struct events *events;
	struct backup_file file;
	struct json_object *recovery; /* what was sealed with the data */
	char *id, *stamp;	      /* the latter is fit for a folder's name */
	bool resumed;
	bool noted; /* something has been touched, and the state knows */
};
#define RESTORING_INIT(which) {.key = which, .events = events_new(), .file = {.fd = -1}}

/* With c open: the backup of that name, which has to be one of the right kind, and whether one of it has been begun. */
int restoring_open(struct restoring *r, const char *name, struct error **err) MUST_USE;
int restoring_note(struct restoring *r, struct error **err) MUST_USE;
void restoring_clear(struct restoring *r);
/* Asked once: not of a run that goes on. */
int restoring_confirm(const struct restoring *r, const char *question, struct error **err) MUST_USE;
/* A phase of a node, told as its event.  session: as of reach_run(). */
int restoring_phase(struct restoring *r, const char *node, struct ssh **session, const char *phase, reach_job *job, void *context, struct error **err) MUST_USE;
/* {"cluster": …, "backup": …, "nodes": nodes, "steps": steps}; steps may be NULL. */
void restoring_print_json(const struct restoring *r, struct json_object *nodes, struct json_object *steps);
struct json_object *restoring_node_json(const char *node, const char *before) MUST_USE;
/* Where the data of before is. */
void restoring_tell_before(const char *node, const char *before);
/* What to do next, where it did not come to its end: "the same command goes on from here". */
int restoring_told(int result, const char *onward, struct error **err) MUST_USE;
