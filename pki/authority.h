/*
 * authority: a certificate authority of the cluster: its certificate and its key, as NAME.crt (0644) and NAME.key (0600) in
 * a folder; made at the first opening.
 */
#pragma once
#include "core/cluster/spec.h"
#include "pki/issuer.h"

enum { AUTHORITY_YEARS = 10 };

struct authority {
	X509 *certificate;
	EVP_PKEY *key;
	char *certificate_pem, *key_pem;
	struct issuer *issuer; /* of the two */
};

/*
 * From two PEM texts.  ERROR_CONFIG names NAME.crt or NAME.key of the folder and what is wrong with it: damaged, not of each
 * other, no authority, of another subject than cn, not issued by parent (NULL: by itself), past its end at now (seconds since 1970).
 */
int authority_parse(const char *folder, const char *name, const char *cn, X509 *parent, const struct buf *certificate, const struct buf *key,
		    int64_t now, struct authority *ret, struct error **err) MUST_USE;

/* How one is made that is not there. */
struct authority_making {
	enum key_algorithm algorithm;
	X509 *parent;		 /* who has issued those that are there, and issues more; NULL: each is its own root */
	EVP_PKEY *parent_key;	 /* NULL: not at hand, and none can be made */
	int64_t parent_end;	 /* seconds since 1970 */
};
/* Read, or make what is missing.  A key without a certificate gets a new one, which leaves signed by it still verify against;
 * a certificate without its key is an error. */
int authority_open(const char *folder, const char *name, const char *cn, const struct authority_making *how, int64_t now,
		   struct authority *ret, struct error **err) MUST_USE;
void authority_clear(struct authority *a);
