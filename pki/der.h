/*
 * der: writes DER (X.690) from its end to its beginning: what an element holds stands there before its header is written, so that its length is known and
 * nothing is written twice.  So the last element of a SEQUENCE is written first.  Initialise with DER_INIT; der_clear() (or CLEANUP_DER) wipes, since
 * keys are written as well.
 */
#pragma once
#include "core/base/buf.h"

struct der {
	unsigned char *data;
	size_t len, cap; /* what was written are the last len bytes of data */
};
#define DER_INIT ((struct der){0})

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OBJECT = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,	/* plus the number: [0] IMPLICIT of something that holds no elements */
	DER_CONTEXT_OF = 0xa0,	/* plus the number: of elements */
};

void der_add(struct der *d, const void *p, size_t n); /* bytes as they are: elements that were written elsewhere */
/* Makes all that was written since d->len was that one element. */
void der_wrap(struct der *d, unsigned char tag, size_t since);
void der_put(struct der *d, unsigned char tag, const void *p, size_t n); /* one element */
void der_integer(struct der *d, uint64_t n);
void der_bits(struct der *d, const void *p, size_t n); /* a BIT STRING of whole bytes */
void der_flags(struct der *d, unsigned char flags);    /* one of up to eight named bits, the first the highest; flags != 0 */
void der_object(struct der *d, int nid);	       /* OpenSSL's NID_… that has an object identifier */
const unsigned char *der_data(const struct der *d);
void der_clear(struct der *d);
#define CLEANUP_DER CLEANUP(der_clear)
