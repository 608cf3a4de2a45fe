/* certificate: what is wanted of one, whether one is that, what it says, and PEM to and from it.  issuer.h makes them. */
#pragma once
#include "core/base/digest.h"
#include "core/base/strv.h"
#include "core/cluster/spec.h"
#include "pki/crypto.h"

enum { CERTIFICATE_CLIENT = 1, CERTIFICATE_SERVER = 2 }; /* extended key usage; a bit set */

struct certificate_want {
	enum key_algorithm algorithm;  /* of its key, where one is made for it or compared */
	const char *cn;		       /* any length: node names make more than the 64 that X.520 allows, which nobody checks */
	const char *o;		       /* NULL: none */
	const struct strv *groups;     /* more of the same kind; NULL: none */
	unsigned usage;		       /* 0: an authority */
	const struct strv *sans;       /* IP addresses and DNS names; NULL: none */
	int64_t not_before, not_after; /* seconds since 1970 */
};

/* Key, subject, extended key usage and SANs (in order) are the wanted, and it bears issuer's signature; dates are not compared. */
bool certificate_matches(X509 *c, const struct certificate_want *want, X509 *issuer);
/* Its first and last second, since 1970. */
int64_t certificate_not_before(X509 *c);
int64_t certificate_not_after(X509 *c);

/* What people and programs are told of it; whatever it holds, nothing in these is a control character. */
struct certificate_facts {
	char *subject, *issuer; /* as RFC 2253 writes them: "CN=kubernetes-admin,O=kubeadm:cluster-admins" */
	struct strv sans;	/* in order; what is neither name nor address is "?" */
	int64_t not_before, not_after; /* seconds since 1970 */
	char fingerprint[DIGEST_HEX_LEN + 1]; /* SHA-256 of its DER */
	char identity[DIGEST_HEX_LEN + 1];    /* the same of all that stays when it is renewed with its key: key, subject, issuer and extensions */
};
void certificate_describe(X509 *c, struct certificate_facts *ret);
void certificate_facts_clear(struct certificate_facts *f);

/* The one certificate in a PEM text (other blocks may surround it); what names the text in errors (ERROR_CONFIG). */
int certificate_parse(const char *what, const void *pem, size_t len, X509 **ret, struct error **err) MUST_USE;
/* The first of them alone, and all of them, in order. */
int certificate_parse_first(const char *what, const void *pem, size_t len, X509 **ret, struct error **err) MUST_USE;
int certificate_parse_all(const char *what, const void *pem, size_t len, STACK_OF(X509) **ret, struct error **err) MUST_USE;
/* Signed with its own key, and says so. */
bool certificate_is_root(X509 *c);
/* Issued by that one: names, identifiers and signature. */
bool certificate_is_by(X509 *c, X509 *issuer);
int certificate_write(X509 *c, struct buf *ret_pem, struct error **err) MUST_USE;
