/*
 * platform: what the servers of a cluster become: Kubernetes, a swarm of Docker engines, or Mirantis Kubernetes Engine on such a one.  One more (k3s, nomad) is a word in the file
 * (core/cluster/spec.h), these in tables, and one struct platform:
 *
 *   core/cluster/platform   which keys of the file it takes
 *   core/cluster/rules      which ports it needs; core/cluster/frozen: what of it no running cluster can change
 *   registry/catalogue      which programs and images a version of it is made of
 *   pki/table               which authorities it has, and who gets which certificate
 *   manifests/node          which files and units a node gets
 *   bootstrap/steps         what is done on a node, in order
 *
 * Rows of these tables are for places: a role on a platform, one bit each (core/cluster/platform.h).  All else is shared: pools, the registry
 * server, ways, host keys, the archive and the detached run, the order in which nodes come and go.
 *
 * struct platform is what is asked of and done to the members of a cluster that runs.  Each function is given a session with a control plane,
 * but for `part` and `leave`, may be called again when a session broke, and waits until its deadline (clock_ms()).  Members and what runs on them are told in
 * one shape, whatever the platform calls them, by which the rest judges (leave.h, health.h, nodes.h): that of `kubectl get -o json`.
 */
#pragma once
#include "bootstrap/bootstrap.h"
#include "bootstrap/upgrade.h"

struct platform {
	/* Nodes alone, and with pods and budgets. */
	int (*status)(struct ssh *s, struct json_object **ret, struct error **err);
	int (*facts)(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err);
	/* Labels and what else the plan wants of its members, and the wait until all are well; as kubernetes_nodes(). */
	int (*settle)(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline, struct error **err);
	/* What of the file the cluster itself has otherwise, a line each for people; or NULL, where it has no settings that no node has. */
	int (*differs)(struct ssh *s, const struct spec *spec, int64_t deadline, struct strv *ret, struct error **err);
	/* Until what davit itself runs on them is out, or NULL where that is nothing. */
	int (*rollout)(struct ssh *s, struct events *events, const char *subject, int64_t deadline, struct error **err);
	int (*wait_ready)(struct ssh *s, const char *node, int64_t deadline, struct error **err);
	/* Nothing new runs on these, which are known; and back. */
	int (*cordon)(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err);
	int (*uncordon)(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err);
	int (*drain)(struct ssh *s, const struct node_drain *d, struct error **err);
	/* It is no member any more; none is no error. */
	int (*forget)(struct ssh *s, const char *node, int64_t deadline, struct error **err);
	/* Whether the other control planes can do without this one: ERROR_NODE where they would have no majority. */
	int (*is_dispensable)(struct ssh *s, const struct node *n, int64_t deadline, struct error **err);
	/* It is a control plane no more; the same refusal. */
	int (*demote)(struct ssh *s, const struct node *n, int64_t deadline, struct error **err);
	bool demotes_first; /* before it is drained */
	/* In a session with a control plane itself, which is about to be one no more, or NULL: it says goodbye.  Nobody depends on it. */
	int (*part)(struct ssh *s, int64_t deadline, struct error **err);
	/* In a session with a node itself that nothing runs on any more, or NULL: it leaves.  Nobody depends on it. */
	int (*leave)(struct ssh *s, int64_t deadline, struct error **err);
	/* What it has made in the cloud for its users, or NULL where it makes nothing; as kubernetes_claims(). */
	int (*claims)(struct ssh *s, int64_t deadline, struct strv *ret_volumes, struct strv *ret_services, struct error **err);
	/* How it goes to another version, node by node, or NULL where it does not. */
	const struct platform_upgrade *upgrade;
};

const struct platform *platform_of(const struct spec *spec);
