/* leaf: a certificate with its key, kept in one file (so that the two always fit) and used again while it is good. */
#pragma once
#include "pki/authority.h"
#include "pki/certificate.h"

enum { LEAF_DAYS = 365, LEAF_RENEW_DAYS = 30 };

struct leaf {
	char *certificate_pem, *key_pem;
	int64_t not_after; /* seconds since 1970 */
};

/* A new pair, the key of want.algorithm; want's dates are set here: from an hour before now (clocks of new servers are off) for so many days, not past the
 * authority's own end. */
int leaf_make(const struct authority *ca, struct certificate_want want, int64_t now, int days, struct leaf *ret,
	      struct error **err) MUST_USE;
/* The same, until exactly then. */
int leaf_make_until(const struct authority *ca, struct certificate_want want, int64_t now, int64_t until, struct leaf *ret,
		    struct error **err) MUST_USE;
/* Which pair is good enough to be used again: seconds that it has to have left, and since when it must have been made. */
struct leaf_age {
	int64_t now; /* seconds since 1970 */
	int64_t left, made_after;
};
#define LEAF_AGE(now) ((struct leaf_age){(now), (int64_t)LEAF_RENEW_DAYS * 24 * 3600, 0})
/* The pair in the file, when it matches want and is good enough; else a new one, written there (0600). */
int leaf_get(const char *path, const struct authority *ca, const struct certificate_want *want, const struct leaf_age *age,
	     struct leaf *ret, struct error **err) MUST_USE;
/* The pair in the file gets this certificate in the place of its own.  ERROR_CONFIG where it is not of the same key, or not issued by that one. */
int leaf_replace(const char *path, X509 *issuer, const char *certificate_pem, struct error **err) MUST_USE;
void leaf_clear(struct leaf *l);
#define CLEANUP_LEAF CLEANUP(leaf_clear)
