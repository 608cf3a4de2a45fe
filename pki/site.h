/*
 * site: an authority of the operator's site, beneath which the cluster's own are issued.
 *
 * What trusts the cluster's authorities trusts these alone, and not the site's (docs/security.md): whoever else the site's root lets issue
 * certificates could make some for system:masters.
 */
#pragma once
#include "core/cluster/spec.h"
#include "pki/crypto.h"

enum { SITE_DAYS_MIN = 60 }; /* that it must have left: what is made beneath it ends with it, and is made anew 30 days before */

struct site {
	STACK_OF(X509) *chain; /* its own certificate, then its issuers' in order; the root last, where the file has it */
	EVP_PKEY *key;
	char *pem; /* of the chain */
};

struct site_source {
	const char *certificate_name, *key_name; /* as errors call them: paths */
	const struct buf *certificate, *key;	 /* PEM; certificate: the chain */
	const char *passphrase;			 /* of the key; NULL: it has none */
};

/*
 * ERROR_CONFIG names the file and what is wrong: damaged, in no order, not of each other, may not sign authorities (CA:TRUE, keyCertSign,
 * pathlen 1 or more), not yet or no longer valid, at its end within SITE_DAYS_MIN of now (seconds since 1970); and what OpenSSL says
 * of an authority and a certificate that are issued to try it (names that it may not certify, a pathlen further up).
 */
int site_parse(const struct site_source *from, int64_t now, struct site *ret, struct error **err) MUST_USE;
void site_clear(struct site *s);
#define CLEANUP_SITE CLEANUP(site_clear)
bool site_key_is_encrypted(const struct buf *key);
/* Its end, seconds since 1970: that of the first in its chain to end. */
int64_t site_end(const struct site *s);
bool site_has_root(const struct site *s);
void site_copy(const struct site *s, struct site *ret);

/* Where davit makes that authority's key itself: what is in the file, which is made where there is none.  ret is secret: buf_wipe() it. */
int site_key(const char *path, enum key_algorithm algorithm, struct buf *ret, struct error **err) MUST_USE;
/* A request (PKCS #10, PEM) for its certificate: CN=cn, CA:TRUE with pathlen 1, keyCertSign. */
int site_request(const char *cn, const char *key_name, const struct buf *key, struct buf *ret, struct error **err) MUST_USE;
