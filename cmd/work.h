/*
 * work: what the threads of one `apply` share, and what each node goes through.
 */
#pragma once
#include "cmd/context.h"
#include "cmd/latch.h"
#include "cmd/reach.h"
#include "cmd/swarm.h"
#include "cmd/turn.h"
#include "bootstrap/bootstrap.h"
#include "manifests/manifests.h"
#include "pki/pki.h"
#include <stdatomic.h>

struct work {
	const struct context *c;
	struct events *events;
	struct reach *reach;
	struct pki *pki;
	struct latch *bundle; /* opened once `artifacts` and `bundle_folder` are there */
	struct turn *turn; /* of nodes that run and that others feel */
	struct artifacts artifacts;
	char *bundle_folder;
	char *registry_password, *encryption_key;
	char *openstack_ca; /* NULL: the cloud has no authority of its own */
	char *cloud_conf;   /* for the cluster's controllers, secret; NULL: the file wants none */
	struct strv authorized_keys; /* of people, beside the cluster's own */
	int64_t deadline;
	struct error **errors; /* of each of plan->nodes */
	atomic_flag addons_claimed; /* by the control plane that applies them */
	struct swarm_work swarm; /* of a swarm */
	const char *pool;      /* whose nodes alone are worked on; NULL: all */
};

/* Password and keys of the state, made at first; pki. */
int work_open(const struct context *c, struct events *events, struct work *ret, struct error **err) MUST_USE;
void work_close(struct work *w);
#define CLEANUP_WORK CLEANUP(work_close)

bool work_takes(const struct work *w, const struct plan_node *p);
/* All files and units of a node, and the run that puts them there.  files and units belong to the caller and outlive run. */
int work_render(const struct work *w, const struct node *n, struct fileset *files, struct strv *units, struct bootstrap_run *run,
		struct error **err) MUST_USE;
/* The digest of all that work_render() gives: what is compared to know whether a node is as wanted. */
void work_digest(const struct fileset *files, const struct artifacts *artifacts, char *ret_hex);
/* Whether the last installation of the node came to its end, and it would get the same once more; waits for the bundle. */
int work_is_applied(struct work *w, const struct node *n, bool *ret, struct error **err) MUST_USE;
/* The installation of one node alone, which the state then knows; *s as in reach_run(). */
int work_install(struct work *w, const struct node *n, struct ssh **s, struct error **err) MUST_USE;
/* The cluster's roles and add-ons, by this control plane. */
int work_addons(struct work *w, const struct node *n, struct error **err) MUST_USE;
/* parallel_for's jobs for plan->nodes[i]: the wait for its server, which the state then knows; and from there to a node that runs. */
int work_server(size_t i, void *context, struct error **err);
int work_node(size_t i, void *context, struct error **err);
/* What needs the whole cluster: labels, Ready, roll-outs; at last the recovery file. */
int work_finish(struct work *w, struct error **err) MUST_USE;
/* That alone: the state has changed in what a recovery needs. */
int work_keep_recovery(struct work *w, struct error **err) MUST_USE;
