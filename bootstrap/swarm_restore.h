/*
 * swarm_restore: a swarm made anew of what one of its managers had (swarm_backup.h), after most managers were lost:
 * https://docs.docker.com/engine/swarm/admin_guide/#restore-from-a-backup.  Three things are otherwise than there:
 * - What was locked (autolock) is opened on its way (pki/swarm_key.h): the engine makes a new swarm of locked data with no key.
 * - docker-state.json is left out: without it the engine waits for nobody, and the new swarm has the address of the server that it is on.
 * - The other managers leave, by their engine's API, which takes away the containers of their tasks; a copy of what they had stays.
 */
#pragma once
#include "bootstrap/swarm.h"
#include "core/net/ssh.h"

struct swarm_restoration {
	const char *id, *stamp; /* of this restoration; the latter is part of a folder's name */
	const char *sha256;	/* of the backup's data */
};

/* A manager before it. */
struct swarm_place {
	char *engine;	/* "29.9.3" */
	bool done;	/* this restoration is through with it */
	bool has_data;	/* of a manager */
	char *before;	/* the folder where what it has is kept, once it is touched … */
	bool kept;	/* … which it is */
};
void swarm_place_clear(struct swarm_place *p);
int swarm_read_place(const char *text, struct swarm_place *ret, struct error **err) MUST_USE; /* pure */

/* In a session with a manager; each may be done again. */
int swarm_restore_look(struct ssh *s, const struct swarm_restoration *r, struct swarm_place *ret, struct error **err) MUST_USE;
/* The data, beside its place, opened by the backup's keys (NULL: it was not locked). */
int swarm_restore_push(struct ssh *s, const struct swarm_restoration *r, ssh_read *read, void *context, const char *unlock,
		       struct error **err) MUST_USE;
/* In its place; the engine runs again then, and is in no swarm yet. */
int swarm_restore_take(struct ssh *s, const struct swarm_restoration *r, struct error **err) MUST_USE;
/* A new swarm of it, with this manager alone, and with autolock where the file says so.  keys: of the state, for one that was restarted since. */
int swarm_restore_begin(struct ssh *s, const struct spec *spec, const char *address, const struct strv *keys, int64_t deadline,
			struct error **err) MUST_USE;
/* The other managers: out of the swarm that was. */
int swarm_restore_leave(struct ssh *s, const struct swarm_restoration *r, int64_t deadline, struct error **err) MUST_USE;

/* Whether it had the data of a manager before the restoration.  Pure. */
bool swarm_place_had_data(const struct swarm_place *p);
/* The way back: what it had before in its place, with its engine stopped, so that none of that swarm meets one of the new one; then its engine runs. */
int swarm_restore_back(struct ssh *s, const struct swarm_restoration *r, struct error **err) MUST_USE;
int swarm_restore_start(struct ssh *s, const struct swarm_restoration *r, struct error **err) MUST_USE;
