/*
 * tbs: a certificate as it is written before it is signed: TBSCertificate of RFC 5280, 4.1.
 *
 * It is written as OpenSSL writes it from its objects, byte by byte; those objects take twice as long as key and signature do.
 */
#pragma once
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/key.h"

/* Who signs it. */
struct tbs_by {
	struct buf name;      /* DER of its subject; empty: the certificate's own */
	struct buf key_id;    /* its subject key identifier; empty, with a name: it has none, and cannot be pointed to */
	struct buf algorithm; /* DER of the signature's AlgorithmIdentifier */
};

/* ERROR_CONFIG where a SAN is neither address nor name, or cn, o or groups are no UTF-8; ERROR_INTERNAL where a date is beyond the years 0 to 9999. */
int tbs_write(struct der *d, const struct certificate_want *want, const struct key_public *key, const struct tbs_by *by, uint64_t serial, struct error **err) MUST_USE;
/* Parts of it: the Name of its subject; the GeneralNames of its SANs, in an empty SEQUENCE where there are none. */
int tbs_write_subject(struct der *d, const struct certificate_want *want, struct error **err) MUST_USE;
int tbs_write_names(struct der *d, const struct strv *sans, struct error **err) MUST_USE;
/* A host, perhaps with a "*" before all else. */
bool tbs_is_dns_name(const char *s);
