/*
 * swarm: a swarm through the API of its managers' engines (docker.h): how it begins, how nodes join, its settings and its lock, and struct platform's
 * part.
 *
 * Certificates: managers and workers have certificates of the swarm's own authority, which managers sign with; it is ours, and put in place
 * before anybody joins: join tokens are made with its digest.  Swarm takes P-256 and a single certificate without a pathlen (with pathlen:0 every
 * later rotation hangs).
 */
#pragma once
#include "bootstrap/platform.h"

/* Which begins: the swarm, or, where it has begun, what of it was not done.  ca_key is secret; ca_pem NULL: the swarm's authority is its
 * own, or another's to choose. */
int swarm_begin(struct ssh *s, const struct spec *spec, const char *address, const char *ca_pem, const char *ca_key, int64_t deadline,
		struct error **err) MUST_USE;

/* Of the data that the engine has, which is in no swarm: one with this manager alone (ForceNewCluster). */
int swarm_begin_anew(struct ssh *s, const struct spec *spec, const char *address, int64_t deadline, struct error **err) MUST_USE;

/* The swarm's authority becomes this one, by which every node's certificate is made anew; until all have theirs.  One that it has already is no write.  The
 * API may be away meanwhile; a node that is down is waited for. */
int swarm_take_authority(struct ssh *s, const char *ca_pem, const char *ca_key, int64_t deadline, struct error **err) MUST_USE;

void swarm_down(struct json_object *nodes, struct strv *ret); /* pure: those that are not ready */
/* ERROR_NODE names nodes that are down, for which a change of authority would wait. */
int swarm_check_all_up(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;

/* By whom one joins, and what one has to show: secrets, which change with the authority. */
struct swarm_offer {
	char *address, *worker, *manager;
};
/* Of a manager at that address. */
int swarm_offer_read(struct ssh *s, const char *address, int64_t deadline, struct swarm_offer *ret, struct error **err) MUST_USE;
void swarm_offer_clear(struct swarm_offer *o);

/* What a node's engine says of itself. */
enum swarm_standing {
	SWARM_OUTSIDE,
	SWARM_PENDING, /* it joins, or has begun anew and waits for the managers */
	SWARM_MEMBER,
	SWARM_LOCKED, /* a manager with autolock, whose engine has begun anew */
	SWARM_BROKEN,
};
int swarm_standing(struct ssh *s, int64_t deadline, enum swarm_standing *ret, struct error **err) MUST_USE;
/* Until it is a member; one that is stays so, and one that is locked is an error. */
int swarm_join(struct ssh *s, const struct node *n, const struct swarm_offer *offer, int64_t deadline, struct error **err) MUST_USE;

/* Whatever becomes of the swarm, and of the data that the engine has; one outside stays so. */
int swarm_leave_by_force(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;

/* Settings of the swarm itself that the file has and a swarm can change: autolock, certExpiry.  Of what differs: a line each, for people. */
void swarm_differs(struct json_object *swarm, const struct spec *spec, struct strv *ret); /* pure; swarm: GET /swarm */
int swarm_compare(struct ssh *s, const struct spec *spec, int64_t deadline, struct strv *ret, struct error **err) MUST_USE;
int swarm_set(struct ssh *s, const struct spec *spec, int64_t deadline, struct error **err) MUST_USE; /* nothing, where nothing differs */
/* POST /swarm/update of what change() makes of its spec (NULL: as it is), once more where somebody else was faster.  query: "" or "&…". */
typedef void swarm_change(struct json_object *spec, const void *what);
int swarm_update(struct ssh *s, const char *query, swarm_change *change, const void *what, int64_t deadline, struct error **err) MUST_USE;

/*
 * Autolock: managers encrypt what they have on disk with a key that is in their memory alone.  The swarm makes it, and says it to whoever asks a
 * manager that is not locked.  One that was away while the key changed is opened by the former one.
 */
int swarm_key_read(struct ssh *s, int64_t deadline, char **ret, struct error **err) MUST_USE; /* *ret: secret; NULL: there is none */
int swarm_key_rotate(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
/* Where it is locked, with the first of these keys that opens it (ERROR_NODE where none does); until its engine is with the others, for which it has a
 * minute.  *ret: what it is then. */
int swarm_unlock(struct ssh *s, const struct strv *keys, int64_t deadline, enum swarm_standing *ret, struct error **err) MUST_USE;

/* By the docker client of a manager: until its services are up, or gone.  text: a Compose file (core/cluster/stacks.h). */
int swarm_stack_deploy(struct ssh *s, const char *name, const struct buf *text, int64_t deadline, struct error **err) MUST_USE;
int swarm_stack_remove(struct ssh *s, const char *name, int64_t deadline, struct error **err) MUST_USE;

/* Secrets of the swarm, which its services get as files.  One that a service uses cannot be removed (ERROR_REMOTE), and is left as it is by the other. */
int swarm_secret_put(struct ssh *s, const char *name, const char *text, int64_t deadline, struct error **err) MUST_USE;
int swarm_secret_remove(struct ssh *s, const char *name, int64_t deadline, struct error **err) MUST_USE;

/* What managers say of everything, as the API lists it; the caller clears. */
struct swarm_lists {
	struct json_object *nodes, *tasks, *services;
};
int swarm_list_all(struct ssh *s, int64_t deadline, struct swarm_lists *ret, struct error **err) MUST_USE;
void swarm_lists_clear(struct swarm_lists *l);
#define CLEANUP_SWARM_LISTS CLEANUP(swarm_lists_clear)

/* Pure: nodes, tasks and services, as the API lists them, in the shape that the rest judges by (platform.h); tasks and services may be NULL.  Of
 * several nodes of one name those that are down are left out where another one is not.  spec.availability: "active", "pause" or "drain". */
struct json_object *swarm_shape(struct json_object *nodes, struct json_object *tasks, struct json_object *services);
/* Pure: services with a task on that node that elsewhere have fewer running than they should, for people: "web has 3 of 4 tasks", "agent on whale-w-2". */
void swarm_short(const struct swarm_lists *l, const char *node, struct strv *ret);
/* Until there are none, as budgets of Kubernetes have it: a node that was drained before this one may not have its tasks again yet.  For a minute at
 * most (force_after_ms: less): then it is a warning, since a service may never be whole. */
int swarm_await_whole(struct ssh *s, const struct node_drain *d, struct error **err) MUST_USE;
/* ERROR_NODE where the managers other than that one would have no majority. */
int swarm_spares(struct json_object *nodes, const char *name, struct error **err) MUST_USE;

/* What managers say of all nodes, as the API lists them; ERROR_NODE where this one is locked.  While they elect a leader, which takes seconds, nobody
 * has an answer: that is waited for, a little and not after the deadline.  deadline 0: an answer at once or none. */
int swarm_list_nodes(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err) MUST_USE;

/* Pure: all of the view but its facts. */
void swarm_upgrade_view(struct json_object *nodes, struct upgrade_view *ret);

/* A node that is ready, that the other managers reach where it is one, and in a swarm whose leader knows of each other node whether it is up: the next
 * engine can begin anew then. */
struct swarm_wanted {
	const char *name;
	bool manages;	     /* it is a manager; false: it may be one */
	const char *version; /* NULL: any */
};
/* Pure: what stands against it, for people; NULL: nothing.  The caller frees. */
char *swarm_unwell(struct json_object *nodes, const struct swarm_wanted *w) MUST_USE;
int swarm_await(struct ssh *s, const struct swarm_wanted *w, int64_t deadline, struct error **err) MUST_USE;

extern const struct platform_upgrade swarm_upgrade;
extern const struct platform platform_swarm, platform_mke;
