/*
 * table: who gets what.  Pure: from plan and node to the authorities' files and the leaves that the node is given.
 * The source of every row is the PKI table of docs/security.md, which follows kubeadm's names.
 */
#pragma once
#include "core/cluster/plan.h"

enum pki_signer { PKI_CA, PKI_ETCD_CA, PKI_FRONT_PROXY_CA, PKI_REGISTRY_CA, PKI_SWARM_CA, PKI_MKE_CA, PKI_ENGINE_CA, PKI_PORTAINER_CA, PKI_SIGNERS };

struct table_authority {
	const char *name; /* of its files below the folder, without .crt and .key */
	const char *cn;
	unsigned certificate_places; /* nodes (core/cluster/platform.h) that get the certificate … */
	unsigned key_places;	     /* … and the key, below /etc/kubernetes/pki */
	unsigned platforms;	     /* 1u << enum platform_type: where it is made */
};
extern const struct table_authority table_authorities[PKI_SIGNERS];

struct table_leaf {
	const char *name; /* of its file in the folder's nodes/NODE/ */
	const char *path; /* on the node, without .crt and .key */
	enum pki_signer signer;
	unsigned usage; /* CERTIFICATE_* */
	const char *cn; /* "{node}" and "{registry}" are filled in */
	const char *o;	/* or NULL */
	/* Adds the names in its SAN, or NULL. */
	void (*sans)(const struct plan *plan, const struct node *node, struct strv *ret);
	unsigned places;	/* nodes that get it */
	const char *kubeconfig; /* path on the node of a kubeconfig that refers to it, or NULL */
	bool flannel;		/* only where flannel is the network's plugin */
};

/* The i-th row for this node, NULL after the last. */
const struct table_leaf *table_leaf(const struct plan *plan, const struct node *node, size_t *i);
/* Whether nodes renew it by themselves, as the file says. */
bool table_is_renewed_on_nodes(const struct plan *plan, const struct table_leaf *leaf);
/* The caller frees. */
char *table_cn(const struct table_leaf *leaf, const struct node *node) MUST_USE;
/* What the node's kubeconfigs call: the API server or the balancer on the node itself; on workers of a cluster with one control plane that
 * one's address.  The caller frees. */
char *table_server(const struct plan *plan, const struct node *node) MUST_USE;
