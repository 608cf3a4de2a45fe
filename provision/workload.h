/*
 * workload: what Kubernetes itself made in the cloud for services and volume claims: it bears no mark of davit's and must go
 * before the network can.
 *
 * How it is told, by what cloud-provider-openstack writes (pkg/openstack/loadbalancer.go, pkg/csi/cinder/controllerserver.go):
 *   load balancers   named kube_service_CLUSTER_NAMESPACE_SERVICE
 *   floating IPs     described "Floating IP for Kubernetes external service NAMESPACE/SERVICE from cluster CLUSTER"
 *   security groups  named lb-sg-UID-NAMESPACE-SERVICE, described "Security Group for … Service LoadBalancer in cluster CLUSTER"
 *   volumes, snapshots  metadata cinder.csi.openstack.org/cluster: CLUSTER
 * A name is no proof: a load balancer must be in a network where the cluster's servers are; what can be told by its name alone
 * is left where two clusters in the project bear that name, and where it is "kubernetes", which is what the name is by default.
 */
#pragma once
#include "provision/provision.h"

enum workload_kind { /* in the order in which they hold each other */
	WORKLOAD_FLOATING_IP,
	WORKLOAD_BALANCER,
	WORKLOAD_SNAPSHOT,
	WORKLOAD_VOLUME,
	WORKLOAD_GROUP,
	WORKLOAD_KINDS
};
const char *workload_kind_name(enum workload_kind kind); /* "load balancer" */

struct workload_item {
	enum workload_kind kind;
	char *id, *name;
	struct json_object *json;
	char *kept; /* why it stays, or NULL: it goes */
	bool gone;
};

struct workload {
	struct workload_item *items; /* by kind */
	size_t n, cap;
};
void workload_free(struct workload *w);

struct workload_scope {
	const char *cluster;
	struct strv own_networks; /* ids of the networks that bear the mark: what is in them can be nobody else's */
	struct strv networks;	  /* ids of all networks that the servers are in */
	struct strv servers;	  /* ids of the cluster's servers */
	const struct strv *volumes, *services; /* what the cluster's API said: ids, and uids; may be NULL */
	bool keep_volumes;
	char *ambiguous; /* why a name alone proves nothing here, or NULL */
};
void workload_scope_fill(struct workload_scope *s, struct view *view);
void workload_scope_clear(struct workload_scope *s);

/* From the lists, by workload_kind, each an array or NULL: pure. */
void workload_choose(const struct workload_scope *s, struct json_object *const lists[WORKLOAD_KINDS], struct workload *ret);
/* Asks for the lists in one round, and chooses.  Fills s->ambiguous. */
int workload_find(struct cloud *c, struct workload_scope *s, const char *uuid, struct workload *ret, struct error **err) MUST_USE;

/* DELETE; what is not there counts as deleted. */
int workload_delete(struct cloud *c, const struct workload_item *it, struct error **err) MUST_USE;
/* As the cloud tells now; NULL: it is gone. */
int workload_get(struct cloud *c, const struct workload_item *it, struct json_object **ret, struct error **err) MUST_USE;
