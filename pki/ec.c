#include "pki/ec.h"
#include "core/base/macros.h"
#include "pki/der.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <string.h>

enum { SCALAR_MAX = 66, POINT_MAX = 1 + 2 * SCALAR_MAX }; /* of P-521, the largest that has a name in OpenSSL */

static void free_bn(BIGNUM **p)
{
	BN_clear_free(*p);
}

static bool take_public(const char *group, const unsigned char *point, size_t n, struct key_public *ret)
{
	CLEANUP_DER struct der d = DER_INIT;
	int curve = OBJ_sn2nid(group);

	if (curve == NID_undef || n == 0)
		return false;
	der_object(&d, curve);
	der_object(&d, NID_X9_62_id_ecPublicKey);
	der_wrap(&d, DER_SEQUENCE, 0);
	buf_add_mem(&ret->algorithm, der_data(&d), d.len);
	buf_add_mem(&ret->bits, point, n);
	return true;
}

/* All by one call: OpenSSL's functions for each take half a microsecond more.  ret_scalar NULL: without; number: as OpenSSL has them. */
static bool read_key(const EVP_PKEY *key, struct key_public *ret, BIGNUM **ret_scalar)
{
	unsigned char point[POINT_MAX], number[SCALAR_MAX];
	char group[32] = "";
	OSSL_PARAM all[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group)),
			    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
			    OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, sizeof(number)), OSSL_PARAM_END};
	bool ok;

	if (ret_scalar == NULL)
		all[2] = OSSL_PARAM_construct_end();
	ok = EVP_PKEY_get_params(key, all) == 1 && OSSL_PARAM_modified(&all[1]) && take_public(group, point, all[1].return_size, ret) &&
	     (ret_scalar == NULL || (OSSL_PARAM_modified(&all[2]) && OSSL_PARAM_get_BN(&all[2], ret_scalar) == 1));
	OPENSSL_cleanse(number, sizeof(number));
	return ok;
}

bool ec_public(const EVP_PKEY *key, struct key_public *ret)
{
	return read_key(key, ret, NULL);
}

/* The scalar has as many bytes as a coordinate (RFC 5915, 3). */
static size_t scalar_width(const struct key_public *public)
{
	return public->bits.len / 2;
}

/* Returns how many bytes stand behind the scalar: the public half. */
static size_t write_der(struct der *d, const unsigned char *scalar, const struct key_public *public)
{
	size_t behind;

	der_bits(d, public->bits.data, public->bits.len);
	der_wrap(d, DER_CONTEXT_OF + 1, 0);
	behind = d->len;
	der_put(d, DER_OCTET_STRING, scalar, scalar_width(public));
	der_integer(d, 1);
	der_wrap(d, DER_SEQUENCE, 0);
	/* the curve's name is in the PKCS #8 around it */
	der_wrap(d, DER_OCTET_STRING, 0);
	der_add(d, public->algorithm.data, public->algorithm.len);
	der_integer(d, 0);
	der_wrap(d, DER_SEQUENCE, 0);
	return behind;
}

bool ec_write(const EVP_PKEY *key, struct key_public *ret_public, struct buf *ret_pem)
{
	CLEANUP(free_bn) BIGNUM *number = NULL;
	CLEANUP_DER struct der d = DER_INIT;
	unsigned char scalar[SCALAR_MAX];
	bool ok = read_key(key, ret_public, &number);
	int width = (int)scalar_width(ret_public);

	ok = ok && width <= SCALAR_MAX && BN_bn2binpad(number, scalar, width) == width;
	if (ok) {
		write_der(&d, scalar, ret_public);
		crypto_pem(PEM_STRING_PKCS8INF, der_data(&d), d.len, ret_pem);
	}
	OPENSSL_cleanse(scalar, sizeof(scalar));
	return ok;
}

/* Whether it is what is written of such a key, but for the scalar. */
static bool fits(const unsigned char *der, size_t n, const struct key_public *public)
{
	static const unsigned char no_scalar[SCALAR_MAX];
	CLEANUP_DER struct der d = DER_INIT;
	size_t behind, before;

	if (scalar_width(public) > SCALAR_MAX)
		return false;
	behind = write_der(&d, no_scalar, public);
	before = d.len - behind - scalar_width(public);
	return n == d.len && memcmp(der, der_data(&d), before) == 0 && memcmp(der + n - behind, der_data(&d) + n - behind, behind) == 0;
}

bool ec_copy(const void *pem, size_t len, const struct key_public *public, struct buf *ret_pem)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	unsigned char *der = NULL;
	long n = 0;
	bool ok = PEM_bytes_read_bio(&der, &n, NULL, PEM_STRING_PKCS8INF, in, crypto_no_password, NULL) == 1 && fits(der, (size_t)n, public);

	if (ok)
		crypto_pem(PEM_STRING_PKCS8INF, der, (size_t)n, ret_pem);
	OPENSSL_clear_free(der, (size_t)n);
	return ok;
}
