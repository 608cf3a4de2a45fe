/*
 * manifests: every file that is the same kind of text on every cluster: units, configuration, add-ons; from templates embedded
 * at build time.  Pure: no I/O, golden-tested.
 */
#pragma once
#include "core/base/fileset.h"
#include "core/cluster/artifact.h"
#include "core/cluster/etcd.h"
#include "core/cluster/plan.h"

#define OPENSTACK_CA_PATH "/etc/davit/openstack-ca.pem" /* the cloud's own authority, on control planes */

/* What the plan cannot know. */
struct manifest_values {
	const char *registry_password;
	const char *encryption_key;	   /* one or two (encryption.h) */
	const char *etcd_token;		   /* the cluster's uuid */
	const char *registry_ca;	   /* PEM */
	const char *mke_ca;		   /* PEM, of MKE alone */
	const char *signing_ca, *published_ca; /* paths on a node (pki.h); NULL: ca.crt */
	const char *published_pem;	   /* what is in the latter; NULL: not known */
	const char *openstack_ca;	   /* PEM: the cloud's own authority, or NULL where it has none */
	const struct artifacts *artifacts; /* versions and images of the bundle */
	struct etcd_start etcd;		   /* of a control plane */
	struct strv volume_ids;		   /* cinder's, of the node's volumes in the plan's order; fewer: not made yet */
};

/* Units, configuration and the list of units ("units" in order, one a line) of a Kubernetes node, at their paths. */
int manifests_node(const struct plan *plan, const struct node *node, const struct manifest_values *values, struct fileset *ret,
		   struct strv *ret_units, struct error **err) MUST_USE;
/* The names of those units alone, "kubelet.service"; none of a bastion. */
void manifests_units(const struct plan *plan, const struct node *node, struct strv *ret);
/* The registry server: its config.yml, htpasswd (bcrypt), volume and service units. */
int manifests_registry(const struct plan *plan, const struct node *node, const struct manifest_values *values,
		       struct fileset *ret, struct strv *ret_units, struct error **err) MUST_USE;
/* Kubernetes objects as one YAML stream, applied in this order: "rbac" (by super-admin), then "addons". */
int manifests_rbac(const struct plan *plan, struct buf *ret, struct error **err) MUST_USE;
int manifests_addons(const struct plan *plan, const struct manifest_values *values, struct buf *ret, struct error **err) MUST_USE;
/* Of a swarm with Portainer: its stack, a Compose file. */
int manifests_portainer(const struct plan *plan, struct buf *ret, struct error **err) MUST_USE;
