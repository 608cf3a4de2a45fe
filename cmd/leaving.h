/*
 * leaving: nodes that the file no longer wants: workers chosen by what Kubernetes says of them, control planes with the highest numbers;
 * drained, and taken out of etcd, Kubernetes, the cloud and the state.  Who was chosen is in the state from then on, so that an
 * interrupted run is taken up with the same ones.
 */
#pragma once
#include "cmd/context.h"
#include "cmd/reach.h"
#include "core/cluster/events.h"
#include "provision/provision.h"

struct leaving {
	struct context *c;
	struct reach *reach;
	struct json_object *facts; /* of Kubernetes (kubernetes_facts()), read at first need */
};

void leaving_init(struct leaving *l, struct context *c);
void leaving_clear(struct leaving *l);
#define CLEANUP_LEAVING CLEANUP(leaving_clear)

/* Reads l->facts, if they are not there. */
int leaving_facts(struct leaving *l, struct error **err) MUST_USE;
/* Chooses for each pool that has more than the file wants, and makes the plan again without them. */
int leaving_choose(struct leaving *l, struct error **err) MUST_USE;
/* These are chosen. */
int leaving_mark(struct leaving *l, const struct strv *nodes, struct error **err) MUST_USE;
/* ERROR_PREFLIGHT where no worker would be left for pods that are on them. */
int leaving_check(struct leaving *l, const struct strv *nodes, struct error **err) MUST_USE;
/* Sorts nodes in the order of leave.h. */
int leaving_order(struct leaving *l, struct strv *nodes, struct error **err) MUST_USE;
/* All of plan->leaving, or those of one pool. */
void leaving_names(const struct context *c, const char *pool, struct strv *ret);
/* These are chosen, in the state too: from here on an interrupted run is taken up with the same ones. */
int leaving_remember(struct leaving *l, const struct strv *nodes, struct error **err) MUST_USE;
/* These stay after all: they take pods again, and are no longer chosen.  What an interrupted run has taken from them is made again by `apply`. */
int leaving_take_back(struct leaving *l, const struct strv *nodes, struct error **err) MUST_USE;
/* Those of plan->leaving that are named go; first they go into the state as chosen.  Each that fails is told in one error of ERROR_NODE; the others go. */
int leaving_run(struct leaving *l, const struct strv *nodes, struct cloud *cloud, struct events *events, struct error **err) MUST_USE;

/* Of a control plane that is about to go: its API server ends, so that the others know and requests come to their end; if it can be
 * reached. */
void leaving_stop_plane(struct leaving *l, const char *node);

/* Parts of that for nodes that stay; the facts are there. */
int leaving_cordon(struct leaving *l, const struct strv *nodes, struct error **err) MUST_USE; /* those that Kubernetes knows */
/* answers: its kubelet may be waited for, if it is Ready besides. */
int leaving_drain(struct leaving *l, const char *node, bool answers, struct events *events, struct error **err) MUST_USE;
/* One error of ERROR_NODE of those that there are: "2 of 5 nodes could not WHAT: …". */
int leaving_sum_up(const char *what, struct error **errors, size_t n, struct error **err) MUST_USE;
