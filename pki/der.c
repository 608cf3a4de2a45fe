#include "pki/der.h"
#include "core/base/alloc.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>

/* A certificate, or a key, fits without growing. */
enum { CAP_FIRST = 1024 };

const unsigned char *der_data(const struct der *d)
{
	return d->data + (d->cap - d->len);
}

void der_clear(struct der *d)
{
	if (d->len > 0)
		OPENSSL_cleanse(d->data + (d->cap - d->len), d->len);
	free(d->data);
	*d = DER_INIT;
}

static void grow(struct der *d, size_t more)
{
	struct der larger = {.len = d->len, .cap = d->cap > 0 ? d->cap : CAP_FIRST};

	assert(more <= SIZE_MAX / 4);
	while (larger.cap - larger.len < more)
		larger.cap *= 2;
	larger.data = xcalloc(larger.cap, 1);
	if (d->len > 0)
		memcpy(larger.data + (larger.cap - larger.len), der_data(d), d->len);
	der_clear(d);
	*d = larger;
}

void der_add(struct der *d, const void *p, size_t n)
{
	if (d->cap - d->len < n)
		grow(d, n);
	d->len += n;
	if (n > 0)
		memcpy(d->data + (d->cap - d->len), p, n);
}

static void add_byte(struct der *d, unsigned char byte)
{
	if (d->cap == d->len)
		grow(d, 1);
	d->len++;
	d->data[d->cap - d->len] = byte;
}

/* Below 128 a byte; else how many bytes follow, and those. */
static void add_length(struct der *d, size_t n)
{
	unsigned char bytes = 0;

	if (n < 0x80) {
		add_byte(d, (unsigned char)n);
		return;
	}
	for (; n > 0; n >>= 8, bytes++)
		add_byte(d, (unsigned char)n);
	add_byte(d, 0x80 | bytes);
}

void der_wrap(struct der *d, unsigned char tag, size_t since)
{
	assert(since <= d->len);
	add_length(d, d->len - since);
	add_byte(d, tag);
}

void der_put(struct der *d, unsigned char tag, const void *p, size_t n)
{
	size_t since = d->len;

	der_add(d, p, n);
	der_wrap(d, tag, since);
}

/* As few bytes as possible, the highest bit of which is the sign. */
void der_integer(struct der *d, uint64_t n)
{
	size_t since = d->len;

	do
		add_byte(d, (unsigned char)n);
	while ((n >>= 8) > 0);
	if (*der_data(d) & 0x80)
		add_byte(d, 0);
	der_wrap(d, DER_INTEGER, since);
}

/* Before the bytes: how many bits of the last one do not count. */
void der_bits(struct der *d, const void *p, size_t n)
{
	size_t since = d->len;

	der_add(d, p, n);
	add_byte(d, 0);
	der_wrap(d, DER_BIT_STRING, since);
}

/* Of named bits, trailing zeros do not count (X.690, 11.2.2). */
void der_flags(struct der *d, unsigned char flags)
{
	const unsigned char bytes[] = {(unsigned char)__builtin_ctz(flags), flags};

	der_put(d, DER_BIT_STRING, bytes, sizeof(bytes));
}

void der_object(struct der *d, int nid)
{
	const ASN1_OBJECT *o = OBJ_nid2obj(nid);

	assert(o != NULL && OBJ_length(o) > 0);
	der_put(d, DER_OBJECT, OBJ_get0_data(o), OBJ_length(o));
}
