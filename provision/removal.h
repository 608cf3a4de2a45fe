/*
 * removal: what the steps of provision_remove() share.  A step that fails does not keep the others from their work: what it says
 * is told when something is left in the end.
 */
#pragma once
#include "provision/view.h"
#include "provision/watch.h"
#include "provision/workload.h"

enum { REMOVAL_WIDTH = 8, REMOVAL_STALL_MS = 10 * 60 * 1000 };

struct removal {
	const struct removal_job *job;
	struct cloud *cloud;
	struct view *view;
	struct workload_scope scope; /* by which the things of Kubernetes are told */
	struct workload workload;    /* found once no server runs any more that could make others */
	struct watch *servers, *volumes;
	pthread_mutex_t lock; /* of problems and of the items' gone in workload */
	struct strv problems;
};

typedef bool removal_take(const struct removal *r, const struct item *it);
typedef int removal_one(struct removal *r, const struct item *it, struct error **err);

/* remove_items.c: one() for each item of the kind that take (NULL: all) chooses, width at a time (0: all at once). */
int removal_each(struct removal *r, enum kind kind, removal_take *take, unsigned width, removal_one *one, struct error **err);
/* Takes failure among the problems; only a cancelled run ends the step. */
int removal_note(struct removal *r, struct error *failure, struct error **err);
int removal_gone(struct removal *r, const struct item *it, struct error **err); /* view and state forget it */
int removal_delete(struct removal *r, const struct item *it, struct error **err);
/* What bears the mark, and what the state has an id of. */
int removal_look(const struct removal_job *job, struct view **ret, struct error **err);
int removal_server_alone(struct removal *r, const struct item *it, struct error **err); /* its port stays */
int removal_server(struct removal *r, const struct item *it, struct error **err); /* and as soon as it is gone, its port */
int removal_balancer(struct removal *r, const struct item *it, struct error **err); /* with its parts, until it is gone */
int removal_volume(struct removal *r, const struct item *it, struct error **err); /* once it is detached */
/* The server that is there and holds the volume: somebody else's, or one of ours that did not go.  NULL: those that went, also by an
 * earlier run that was cut off, let go of it soon. */
int removal_holder(struct removal *r, struct json_object *volume, const char **ret_id, struct error **err);
/* Calls once() again, while it says ERROR_CONFLICT, for a minute; between two tries why() (or NULL) may give up with a reason. */
int removal_settle(struct removal *r, const struct item *it, removal_one *once, removal_one *why, struct error **err);

/* The steps of the table in remove.c; context is the removal. */
int remove_servers(void *context, struct error **err);
int remove_volumes(void *context, struct error **err);
int remove_balancers(void *context, struct error **err);
int remove_keypairs(void *context, struct error **err);
int remove_server_groups(void *context, struct error **err);
int remove_floating_ips(void *context, struct error **err); /* remove_network.c */
int remove_interfaces(void *context, struct error **err);
int remove_routers(void *context, struct error **err);
int remove_ports(void *context, struct error **err);
int remove_networks(void *context, struct error **err);
int remove_groups(void *context, struct error **err);
int remove_workload_look(void *context, struct error **err); /* remove_workload.c */
int remove_workload_balancers(void *context, struct error **err);
int remove_workload_volumes(void *context, struct error **err);
int remove_workload_groups(void *context, struct error **err);
int remove_credential(void *context, struct error **err); /* remove_items.c */
