/*
 * pki: the cluster's own authorities and every certificate, key and kubeconfig made with them.
 *
 * Files are in kubeadm's layout below the folder (state/pki): ca.crt, ca.key, etcd/ca.crt, front-proxy-ca.crt, registry-ca.crt,
 * sa.key, sa.pub, …  Keys are of the algorithm that the file wants (sa.key is RSA in any case); authorities 10 years, leaves 1 year, both backdated an hour; random serials.
 * Thread-safe once open.
 */
#pragma once
#include "core/base/fileset.h"
#include "core/cluster/plan.h"

/* On nodes that renew certificates by themselves (pki.renewedOnNodes): a line "NAME PATH" for each of those. */
#define PKI_RENEWED_FILE "/etc/davit/renewed"

struct pki;
struct site; /* site.h */

struct pki_options {
	enum platform_type platform;  /* whose authorities there are */
	enum key_algorithm algorithm; /* of keys that are made; authorities keep theirs, leaves with another one are made anew */
	/* Gives the site's authority, beneath which missing authorities are issued; called once, and only where some are missing.  NULL: they are roots. */
	int (*site)(void *context, struct site *ret, struct error **err);
	void *context;
};

/* Where the cluster is between two generations of authorities (rotation.h). */
enum pki_pass {
	PKI_SETTLED, /* there is one */
	PKI_TRUSTED, /* the new ones are trusted as well, and sign nothing yet */
	PKI_SIGNED,  /* they sign, and the old ones are still trusted */
	PKI_ALONE    /* the old ones are not any more */
};

/* Reads the folder, makes what authorities are missing.  A damaged or mismatched pair is ERROR_CONFIG that names the file. */
int pki_open(const char *folder, const struct pki_options *options, struct pki **ret, struct error **err) MUST_USE;
void pki_free(struct pki *p);
void pki_free_ptr(struct pki **p);
#define CLEANUP_PKI CLEANUP(pki_free_ptr)

/* Which certificates are made anew when they are asked for.  Before threads share it; what stands there without it is {0, 30 days, 0}. */
struct pki_renewal {
	int64_t now;	    /* seconds since 1970; 0: the clock's */
	int64_t within;	    /* seconds: those that end sooner; INT64_MIN: none, whether they have ended or not */
	int64_t made_before; /* seconds since 1970: those that are older, too; 0: none */
};
void pki_renew(struct pki *p, struct pki_renewal renewal);

/* Everything that one node gets of the table (docs/security.md): certificates, keys, kubeconfigs, at their paths on the node.
 * Leaves are kept in the folder (nodes/NAME/…) and used again while they match (SANs, subject, issuer, algorithm) and 30 days are left, or as
 * pki_renew() says. */
int pki_node_files(struct pki *p, const struct plan *plan, const struct node *node, struct fileset *ret,
		   struct error **err) MUST_USE;
/* Self-contained kubeconfig of kubernetes-admin (group kubeadm:cluster-admins) for use from outside. */
int pki_admin_kubeconfig(struct pki *p, const char *cluster, const char *server_url, struct buf *ret,
			 struct error **err) MUST_USE;
/*
 * The same for a person, by a pair that is made for this alone and kept nowhere.  It cannot be taken back before its end: PKI_USER_SECONDS at
 * most.  ERROR_USAGE for names that are no person's, and for an end beyond the authority's own.  With system:masters, which no role can bind
 * and no change of roles can stop, only where `masters` says so.
 */
struct pki_user {
	const char *name;
	const struct strv *groups;
	int64_t seconds;
	bool masters;
};
enum { PKI_USER_SECONDS = 30 * 24 * 3600, PKI_USER_SECONDS_MIN = 60, PKI_USER_NAME_MAX = 64 };
int pki_user_check(const struct pki_user *user, struct error **err) MUST_USE; /* all but the authority's end */
int pki_user_kubeconfig(struct pki *p, const char *cluster, const char *server_url, const struct pki_user *user, int64_t now, struct buf *ret,
			struct error **err) MUST_USE;
/* The pair alone, of the engines' authority: who has it commands each manager's engine, and with it all nodes of the swarm.  No groups. */
int pki_user_engine(struct pki *p, const struct pki_user *user, int64_t now, struct buf *ret_certificate, struct buf *ret_key, struct error **err) MUST_USE;
/* Certificate and key of kubernetes-super-admin (system:masters) in one PEM: for the first RBAC apply, never kept on a node. */
int pki_super_admin(struct pki *p, struct buf *ret_pem, struct error **err) MUST_USE;
const char *pki_ca_pem(struct pki *p, const char *authority); /* "ca", "etcd/ca", "front-proxy-ca", "registry-ca", "swarm-ca", "mke-ca", "engine-ca", "portainer-ca": what is trusted; NULL: not on this platform */
const char *pki_ca_certificate(struct pki *p, const char *authority); /* of the one that signs, alone */
const char *pki_ca_key(struct pki *p, const char *authority); /* of the one that signs; secret */
const char *pki_published_pem(const struct pki *p); /* by which the API server is known: those that are trusted, and what is above them */
enum pki_pass pki_pass(const struct pki *p);
bool pki_is_beneath_site(const struct pki *p); /* the authorities that sign were issued by one of the site */
/* On control planes: the certificate of the authority alone, which the controller manager signs with, and what it tells pods to trust. */
const char *pki_signing_path(const struct pki *p);
const char *pki_published_path(const struct pki *p);
