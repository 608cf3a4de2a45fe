/*
 * upgrade: from the version that the control planes have to the one of the file.  What files of cmd/upgrade*.c share.
 *
 * The state remembers: "upgrade:to", the version that is gone to, from before the first write until the end, "upgrade:from", where from, "upgrade:snapshot", the path of
 * the snapshot of etcd, or of MKE, "upgrade:kept:NODE", what "applied:NODE" was before the node was begun with, and "cordoned:NODE" of each node that is cordoned
 * for the upgrade alone.  Everything else is found out from the nodes.
 */
#pragma once
#include "cmd/work.h"
#include "bootstrap/platform.h"
#include "provision/finding.h"
#include <stdatomic.h>

#define UPGRADE_KEY "upgrade:to"
#define UPGRADE_FROM_KEY "upgrade:from"
#define UPGRADE_SNAPSHOT_KEY "upgrade:snapshot"
#define UPGRADE_KEPT "upgrade:kept:"

struct upgrade {
	struct context *c;
	struct work w;
	char *from, *to; /* platform_release(): what the cluster had when the last upgrade had come to its end, and the file's */
	const char *version; /* that nodes tell of themselves when they have come to it */
	bool resumed;	/* an earlier run has begun it */
	const struct platform_upgrade *of;
	const char *plane; /* where the cluster is asked */
	bool lenient; /* what is not well may be so because of an earlier run, or a lock that is opened first: it is a warning */
	struct upgrade_view view; /* its answer before anything is done; none: resumed */
	bool bundled;		   /* w.artifacts are there */
	struct upgrade_steps steps;
	bool noted;	  /* the state has the new version as the cluster's */
	bool whole;	  /* when the nodes are through, MKE itself is upgraded */
	bool nodes_run_on; /* none of their programs begins anew */
	bool nodes_tell;   /* by their version whether they have come to it */
	bool put_back;	  /* a control plane has failed, and has what it had before */
	atomic_bool stop; /* a worker has failed: no other one begins */
};

/* ERROR_CONFIG where one was begun and has not come to its end: other commands keep off the nodes. */
int upgrade_check_none(const struct context *c, struct error **err) MUST_USE;

/* "Kubernetes 1.36.3 instead of 1.35.4: "davit upgrade" does that, node by node"; NULL: the cluster has the file's version, or none yet. The caller frees. */
char *upgrade_due(const struct context *c) MUST_USE;

/* All that stands against it, and what is worth knowing: versions, nodes, API, budgets, APIs that are gone, programs, disks. Sets the
 * view.  Fails only where it could not look. */
int upgrade_look(struct upgrade *u, struct findings *ret, struct error **err) MUST_USE;
/* Whether the node needs nothing any more, as far as can be told; for upgrade_make_steps(), context is the upgrade. */
bool upgrade_is_done(const struct plan_node *p, void *context);
/* Cordoned by an upgrade that has not come to its end. */
bool upgrade_has_cordoned(const struct upgrade *u, const char *node);

/* One node to the file's version; where it does not come up with that, back to what it had.  ERROR_NODE tells what is so then. */
int upgrade_node(struct upgrade *u, const struct plan_node *p, struct error **err) MUST_USE;

/* What the platform keeps, into the state's folder: one for the whole upgrade, however often it is gone on with, of the cluster as it was. */
int upgrade_snapshot(struct upgrade *u, struct error **err) MUST_USE;
/* MKE itself, until all managers have come to its version and are well. */
int upgrade_whole(struct upgrade *u, struct error **err) MUST_USE;

/* The steps as a table or JSON. */
void upgrade_print(const struct upgrade *u, int format);
