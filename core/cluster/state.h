/*
 * state: what davit knows of one cluster between runs, in $XDG_STATE_HOME/davit/NAME (0700): state.db (SQLite, WAL,
 * synchronous=FULL), pki/, ssh/, bundle.  Thread-safe: one connection under one lock.  A write has reached the disk when it
 * returns.  The lock between two runs is an flock on the folder's file "lock".
 */
#pragma once
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cluster/inventory.h"

struct state;

enum state_mode {
	STATE_READ,
	STATE_WRITE,   /* takes the lock: ERROR_LOCKED with the other's pid; makes the state where there is none */
	STATE_EXISTING /* takes the lock of a state that is there */
};

/* folder NULL: the default for that name.  A cluster without state is ERROR_NOT_FOUND that says so, but for STATE_WRITE. */
int state_open(const char *folder, const char *cluster, enum state_mode mode, struct state **ret, struct error **err) MUST_USE;
void state_close(struct state *s);
void state_close_ptr(struct state **s);
#define CLEANUP_STATE CLEANUP(state_close_ptr)
/* A new state, locked, for a cluster whose UUID is known: ERROR_CONFLICT where there is one already. */
int state_create(const char *folder, const char *cluster, const char *uuid, struct state **ret, struct error **err) MUST_USE;
/* The UUIDs of all clusters that have a state in the default place.  One that cannot be read is an error: it may be anybody's. */
int state_known(struct strv *ret_uuids, struct error **err) MUST_USE;
const char *state_folder(const struct state *s);
const char *state_uuid(const struct state *s); /* of the cluster: its mark on everything in the cloud is "davit:UUID" */
char *state_path(const struct state *s, const char *relative) MUST_USE;
int state_destroy(struct state *s, struct error **err) MUST_USE; /* removes the folder, closes s */

/*
 * Resources of the cloud: an intent row before each create, the id after.  kind: "network", "server", …; name and id: each unique in its
 * kind.  What was made is known by the name that state_made() had last, in one step: never by two, and never by none.
 */
struct resource {
	char *kind, *name;
	char *id; /* NULL: intent only, it may or may not exist */
};
int state_intend(struct state *s, const char *kind, const char *name, struct error **err) MUST_USE; /* keeps an id that is there */
/* The cloud has said that it made none: the intent stays, and nothing is under way. */
int state_refused(struct state *s, const char *kind, const char *name, struct error **err) MUST_USE;
/* Since when (clock_wall_ms()) a call that makes it may be under way; 0: none is. */
int64_t state_intended(struct state *s, const char *kind, const char *name);
int state_made(struct state *s, const char *kind, const char *name, const char *id, struct error **err) MUST_USE;
int state_gone(struct state *s, const char *kind, const char *name, struct error **err) MUST_USE;
/* The id, or NULL (no row, or intent only); the caller frees. */
char *state_id(struct state *s, const char *kind, const char *name) MUST_USE;
int state_resources(struct state *s, struct resource **ret, size_t *ret_n, struct error **err) MUST_USE;
void resource_list_free(struct resource *r, size_t n);

/* Single values: "registry-password", "encryption-key", "applied-digest", …  The folder is 0700, the data base 0600. */
#define STATE_API "api:floatingIP" /* the floating IP of an API that has an address of its own */
#define STATE_PUBLISHED "published:" /* NODE: the digest of the certificates that control planes may sign anew for it */
#define STATE_UNLOCK_KEYS "swarm:unlock-keys" /* of a swarm with autolock, the newest first; none is in the recovery file: that lies beside what they lock */
char *state_get(struct state *s, const char *key) MUST_USE; /* NULL where there is none; the caller frees */
int state_set(struct state *s, const char *key, const char *value, struct error **err) MUST_USE; /* NULL removes it */
/* Whether an installation of that node has come to its end ("applied:NODE": the digest of what it got). */
bool state_is_installed(struct state *s, const char *node);
/* Calls each() for all of them, in order; it must not call the state. */
int state_values(struct state *s, void (*each)(const char *key, const char *value, void *context), void *context,
		 struct error **err) MUST_USE;
/* The value, made by random_hex(bytes) and kept at the first call. */
int state_secret(struct state *s, const char *key, size_t bytes, char **ret, struct error **err) MUST_USE;

int state_put_node(struct state *s, const struct node *n, struct error **err) MUST_USE;
int state_remove_node(struct state *s, const char *name, struct error **err) MUST_USE;
int state_nodes(struct state *s, struct inventory *ret, struct error **err) MUST_USE; /* adds the known nodes */

int state_event(struct state *s, const char *run, int64_t wall_ms, const char *type, const char *subject, const char *phase,
		const char *text, struct error **err) MUST_USE;

struct state_event {
	int64_t wall_ms;
	char *type, *subject, *phase, *text;
};
/* The events of the last run that has some, in order. */
int state_last_run(struct state *s, struct state_event **ret, size_t *ret_n, struct error **err) MUST_USE;
void state_events_free(struct state_event *e, size_t n);
