/*
 * pki: the cluster's own authorities and every certificate, key and kubeconfig made with them.
 *
 * Files are in kubeadm's layout below the folder (state/pki): ca.crt, ca.key, etcd/ca.crt, front-proxy-ca.crt, registry-ca.crt,
 * sa.key, sa.pub, …  P-256 (RSA-2048 for sa.key); authorities 10 years, leaves 1 year, both backdated an hour; random serials.
 * Thread-safe once open.
 */
#pragma once
#include "core/base/fileset.h"
#include "core/cluster/plan.h"

struct pki;

/* Reads the folder, makes what authorities are missing.  A damaged or mismatched pair is ERROR_CONFIG that names the file. */
int pki_open(const char *folder, struct pki **ret, struct error **err) MUST_USE;
void pki_free(struct pki *p);
void pki_free_ptr(struct pki **p);
#define CLEANUP_PKI CLEANUP(pki_free_ptr)

/* Everything that one node gets of the table (docs/security.md): certificates, keys, kubeconfigs, at their paths on the node.
 * Leaves are kept in the folder (nodes/NAME/…) and used again while they match (SANs, subject, issuer) and 30 days are left. */
int pki_node_files(struct pki *p, const struct plan *plan, const struct node *node, struct fileset *ret,
		   struct error **err) MUST_USE;
/* Self-contained kubeconfig of kubernetes-admin (group kubeadm:cluster-admins) for use from outside. */
int pki_admin_kubeconfig(struct pki *p, const char *cluster, const char *server_url, struct buf *ret,
			 struct error **err) MUST_USE;
/* Certificate and key of kubernetes-super-admin (system:masters) in one PEM: for the first RBAC apply, never kept on a node. */
int pki_super_admin(struct pki *p, struct buf *ret_pem, struct error **err) MUST_USE;
const char *pki_ca_pem(struct pki *p, const char *authority); /* "ca", "etcd/ca", "front-proxy-ca", "registry-ca" */
