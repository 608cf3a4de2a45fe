/*
 * swarm_backup: what a manager of a swarm has (/var/lib/docker/swarm), for a backup.  As Docker has it, its engine is stopped while the data is copied:
 * https://docs.docker.com/engine/swarm/admin_guide/#back-up-the-swarm.  With autolock the manager is locked after that, and the copy of no use without
 * the key.
 */
#pragma once
#include "bootstrap/download.h"
#include "core/base/json.h"

/* The manager that gives it. */
struct swarm_source {
	char *node;
	char *engine; /* "29.9.3" */
	char *key;    /* that unlocks the data; NULL: there is none.  Secret */
	bool alone;   /* there is no other manager */
};
void swarm_source_clear(struct swarm_source *s);
/* One that does not lead, where there are several; ERROR_NODE where those that are left would have no majority.  nodes: as the API lists them; all but the
 * key.  Pure. */
int swarm_backup_choose(struct json_object *nodes, struct swarm_source *ret, struct error **err) MUST_USE;
/* In a session with any manager.  What ret had is freed. */
int swarm_backup_look(struct ssh *s, int64_t deadline, struct swarm_source *ret, struct error **err) MUST_USE;

/* In a session with that manager, one after the other, and each may be done again; id: of this backup.  Copied, with the engine stopped; it has begun again
 * then, also where this fails. */
int swarm_backup_copy(struct ssh *s, const char *id, struct error **err) MUST_USE;
int swarm_backup_send(struct ssh *s, const char *id, const struct download_sink *sink, struct error **err) MUST_USE; /* a tar, by gzip */
int swarm_backup_fetch(struct ssh *s, const char *id, const char *path, struct error **err) MUST_USE; /* the same into a file here */
int swarm_backup_drop(struct ssh *s, const char *id, struct error **err) MUST_USE;
