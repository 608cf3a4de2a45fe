/*
 * provision: the cluster's resources in the cloud, made, compared and removed.  Everything bears the mark "davit:UUID" in its
 * description (or metadata), an intent row is written before each create, and what lacks the mark is never touched.
 */
#pragma once
#include "core/cluster/events.h"
#include "core/cluster/plan.h"
#include "core/cluster/state.h"
#include "provision/cloud.h"
#include "provision/finding.h"

/* What the cloud has of what the file names, and of this cluster; read in one parallel round. */
struct view;

int provision_look(struct cloud *c, const struct plan *plan, const char *uuid, struct view **ret, struct error **err) MUST_USE;
/* As provision_look(), and reads in the same round what provision_preflight() weighs: quotas, zones, extensions, versions. */
int provision_survey(struct cloud *c, const struct plan *plan, const char *uuid, struct view **ret, struct error **err) MUST_USE;
void view_free(struct view *v);
void view_free_ptr(struct view **v);
#define CLEANUP_VIEW CLEANUP(view_free_ptr)

enum change_action {
	CHANGE_NONE,
	CHANGE_CREATE,
	CHANGE_UPDATE,
	CHANGE_REPLACE,
	CHANGE_DELETE,
	CHANGE_MANUAL /* a difference that provision_create() leaves alone: the reason says what a person can do */
};
#define CHANGE_KIND_RULE "rule" /* of a security group, where it is told alone; all else is of the kinds that the cloud names */
struct change {
	enum change_action action;
	char *kind, *name; /* "server", "demo-w-1" */
	char *reason;	   /* for people, or NULL */
	bool leaving;	   /* CHANGE_DELETE: goes with a node that leaves (provision_withdraw()), not by provision_create() */
	bool retired;	   /* the same, with provision_retire(), be it a rule or what costs money */
	char *node;	   /* CHANGE_REPLACE: this worker is to be replaced by a new one, which provision_create() does not do; or NULL */
	bool broken;	   /* its server cannot be in use any more */
};
struct changes {
	struct change *items;
	size_t n, cap;
};
void changes_free(struct changes *c);
/* Appends one, and returns it until the next is; takes reason, which may be NULL. */
struct change *changes_add(struct changes *c, enum change_action action, const char *kind, const char *name, char *reason);
/* What provision_create() would do (CHANGE_NONE entries left out), and what differs and stays as it is (CHANGE_MANUAL): what the file no
 * longer wants, what cannot be changed in place.  Run after it, the former is gone. */
int provision_compare(const struct plan *plan, struct view *view, struct changes *ret, struct error **err) MUST_USE;

/* What the file names and the cloud lacks: image, flavors, external network, key services; with the names that the cloud has, or the
 * ids of two of one name.  All findings in one error of kind ERROR_PREFLIGHT. */
int provision_check(const struct plan *plan, struct view *view, struct error **err) MUST_USE;
/* All that stands against making what is missing: the above, quotas, zones, addresses, versions, roles, the clock.  Asks the cloud for
 * what the view has not of it (see provision_survey()).  Fails only where it could not check: findings are no failure. */
int provision_preflight(struct cloud *c, const struct plan *plan, struct view *view, struct findings *ret, struct error **err) MUST_USE;

struct provision_job {
	struct cloud *cloud;
	const struct plan *plan;
	struct view *view;
	struct state *state;
	struct inventory *inventory; /* holds the plan's nodes; gets news as they come */
	struct events *events;
	const char *public_key;	     /* of the cluster's keypair, "ssh-ed25519 AAAA… demo" */
	/* The user-data (plain text) for a node about to be created; the caller of it frees.  Called from several threads at once. */
	int (*user_data)(void *context, const struct plan_node *node, char **ret, struct error **err);
	void *context;
};
/* For a network that is not ours: makes the servers' ports, and tells the inventory which addresses the cloud chose.  The plan is
 * to be made again with that inventory before provision_create(), which takes the same view. */
int provision_reserve(const struct provision_job *job, struct error **err) MUST_USE;
/* For an API with an address of its own: its floating IP is made before anything is, since certificates hold it.  *ret_news: it is another one
 * than the plan knows, which is to be made again with the inventory; the state has it from now on. */
int provision_reserve_api(const struct provision_job *job, bool *ret_news, struct error **err) MUST_USE;
/* Makes what is missing, updates what differs, and waits until every server is ACTIVE or failed.  Failed workers are told
 * through the inventory and do not fail the whole; what the rest needs does. */
int provision_create(const struct provision_job *job, struct error **err) MUST_USE;

/* Writes down in a state that is new what bears the mark, and which servers are nodes (by their metadata), with their addresses; host
 * keys are not known to the cloud.  ret gets the nodes too. */
int provision_adopt(struct view *view, struct state *state, struct inventory *ret, struct error **err) MUST_USE;

struct removal_job {
	struct cloud *cloud;
	const char *cluster, *uuid;
	struct state *state;		       /* NULL: by the mark alone */
	struct events *events;		       /* NULL: none */
	const struct strv *volumes, *services; /* what the cluster's API says of its claims and services: ids and uids; or NULL */
	bool keep_volumes;		       /* those of its claims */
};
/*
 * Removes everything that bears the mark or that the state has an id of, and what Kubernetes made (workload.h), in the contract's
 * order, then lists what is left: ERROR_LEFTOVERS names it, and why.  Resources of others are never touched, also where they are
 * in the way.
 */
int provision_remove(const struct removal_job *job, struct error **err) MUST_USE;
/* Removes what served a way to the servers that the plan no longer has (retire.h), found by the marks: to be called when all of them were
 * reached in the new way.  Inventory and state forget it.  Called again after an interruption it takes the rest. */
int provision_retire(const struct removal_job *job, const struct plan *plan, struct inventory *inventory, struct error **err) MUST_USE;
/* What provision_remove() would remove: CHANGE_DELETE entries; CHANGE_NONE: what it finds and leaves, with the reason. */
int provision_removal(const struct removal_job *job, struct changes *ret, struct error **err) MUST_USE;
/*
 * Single nodes go, each with server, floating IP, port and volumes; what is gone already is no error, so that a run that was cut off can
 * be taken up.  job->state is needed, of the rest cloud, cluster, uuid, events.  plan: those that go are in its `leaving`.
 */
struct withdrawal;
int provision_withdraw_begin(const struct removal_job *job, const struct plan *plan, struct withdrawal **ret, struct error **err) MUST_USE;
int provision_withdraw(struct withdrawal *w, const char *node, struct error **err) MUST_USE; /* from several threads */
/* Of a node that stays, the server and its root volume: the next one of the name takes over its port with the address, its floating IP and
 * its data volumes. */
int provision_withdraw_server(struct withdrawal *w, const char *node, struct error **err) MUST_USE;
/* Lists again, and takes what has turned up late; then the state forgets the nodes, and server groups go that no server is in any more. */
int provision_withdraw_finish(struct withdrawal *w, struct error **err) MUST_USE;
void provision_withdraw_end(struct withdrawal *w);				 /* NULL is fine */
/* Switches the server off and on again, whatever it is doing, and waits until it is ACTIVE.  n: with its server_id. */
int provision_reboot(struct cloud *c, const char *uuid, const char *cluster, const struct node *n, struct error **err) MUST_USE;
/* Names for `davit init` as a JSON object, each list by memory, then name: images[] {name, id, min_disk_gib, min_ram_mib},
 * flavors[] {name, id, vcpus, ram_mib, disk_gib}, external_networks[] {name, id}. */
int provision_offer(struct cloud *c, struct json_object **ret, struct error **err) MUST_USE;
