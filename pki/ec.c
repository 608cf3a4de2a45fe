#include "pki/ec.h"
#include "core/base/macros.h"
#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <string.h>

enum { SCALAR_MAX = 66, POINT_MAX = 1 + 2 * SCALAR_MAX }; /* of P-521, the largest that has a name in OpenSSL */

/* ECPrivateKey; the curve's name is in the PKCS #8 around it. */
typedef struct { /* the macros want a name of one word */
	int32_t version;
	ASN1_OCTET_STRING *scalar;
	ASN1_BIT_STRING *point;
} EC_PRIVATE;

/* clang-format off */
ASN1_SEQUENCE(EC_PRIVATE) = {
	ASN1_EMBED(EC_PRIVATE, version, INT32),
	ASN1_SIMPLE(EC_PRIVATE, scalar, ASN1_OCTET_STRING),
	ASN1_EXP_OPT(EC_PRIVATE, point, ASN1_BIT_STRING, 1),
} static_ASN1_SEQUENCE_END(EC_PRIVATE)
/* clang-format on */

static void free_private(EC_PRIVATE **p)
{
	if (*p != NULL && (*p)->scalar != NULL)
		OPENSSL_cleanse((*p)->scalar->data, (size_t)(*p)->scalar->length);
	ASN1_item_free((ASN1_VALUE *)*p, ASN1_ITEM_rptr(EC_PRIVATE));
}

static void free_pkcs8(PKCS8_PRIV_KEY_INFO **p)
{
	PKCS8_PRIV_KEY_INFO_free(*p); /* wipes the key */
}

static void free_bn(BIGNUM **p)
{
	BN_clear_free(*p);
}

/* The curve's object, and the public point, which OpenSSL computes each time from what it has; 0: it has none that fits. */
static size_t compute_public(const EVP_PKEY *key, ASN1_OBJECT **ret_curve, unsigned char *ret_point)
{
	char group[32] = "";
	size_t n = 0;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point, POINT_MAX, &n) != 1)
		return 0;
	*ret_curve = OBJ_nid2obj(OBJ_sn2nid(group));
	return *ret_curve != NULL ? n : 0;
}

/* The same of the key's certificate. */
static size_t read_public(X509 *c, ASN1_OBJECT **ret_curve, unsigned char *ret_point)
{
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(c);
	X509_ALGOR *algorithm = NULL;
	const void *curve = NULL;
	int type = V_ASN1_UNDEF;
	size_t n = (size_t)ASN1_STRING_length(point);

	if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(c)) != 1 || n > POINT_MAX)
		return 0;
	X509_ALGOR_get0(NULL, &type, &curve, algorithm);
	if (type != V_ASN1_OBJECT)
		return 0;
	memcpy(ret_point, ASN1_STRING_get0_data(point), n);
	*ret_curve = (ASN1_OBJECT *)(uintptr_t)curve;
	return n;
}

/* The scalar has as many bytes as a coordinate (RFC 5915, 3). */
static bool fill(EC_PRIVATE *to, const BIGNUM *scalar, const unsigned char *point, size_t n)
{
	unsigned char bytes[SCALAR_MAX];
	int width = (int)(n / 2);
	bool ok = width <= SCALAR_MAX && BN_bn2binpad(scalar, bytes, width) == width && ASN1_OCTET_STRING_set(to->scalar, bytes, width) == 1;

	OPENSSL_cleanse(bytes, sizeof(bytes));
	to->version = 1;
	to->point = ASN1_BIT_STRING_new();
	if (to->point == NULL)
		abort();
	to->point->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* or trailing zeros would not count */
	return ok && ASN1_BIT_STRING_set(to->point, (unsigned char *)(uintptr_t)point, (int)n) == 1;
}

bool ec_write(const EVP_PKEY *key, X509 *c, BIO *out)
{
	CLEANUP(free_private) EC_PRIVATE *private = (EC_PRIVATE *)ASN1_item_new(ASN1_ITEM_rptr(EC_PRIVATE));
	CLEANUP(free_pkcs8) PKCS8_PRIV_KEY_INFO *pkcs8 = PKCS8_PRIV_KEY_INFO_new();
	CLEANUP(free_bn) BIGNUM *scalar = NULL;
	unsigned char point[POINT_MAX], *der = NULL;
	ASN1_OBJECT *curve = NULL;
	size_t n = c != NULL ? read_public(c, &curve, point) : compute_public(key, &curve, point);
	int len;

	if (private == NULL || pkcs8 == NULL)
		abort();
	if (n == 0 || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1 || !fill(private, scalar, point, n))
		return false;
	len = ASN1_item_i2d((ASN1_VALUE *)private, &der, ASN1_ITEM_rptr(EC_PRIVATE));
	if (len <= 0 || PKCS8_pkey_set0(pkcs8, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), 0, V_ASN1_OBJECT, curve, der, len) != 1) {
		OPENSSL_free(der);
		return false;
	}
	return PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, pkcs8) == 1;
}

/* The same curve, and the same point on it. */
static bool fits(const PKCS8_PRIV_KEY_INFO *pkcs8, X509 *c)
{
	CLEANUP(free_private) EC_PRIVATE *private = NULL;
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(c);
	const X509_ALGOR *its = NULL;
	const unsigned char *der = NULL;
	X509_ALGOR *algorithm = NULL;
	int len = 0;

	if (PKCS8_pkey_get0(NULL, &der, &len, &its, pkcs8) != 1 || X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(c)) != 1 ||
	    X509_ALGOR_cmp(its, algorithm) != 0 || OBJ_obj2nid(algorithm->algorithm) != NID_X9_62_id_ecPublicKey)
		return false;
	private = (EC_PRIVATE *)ASN1_item_d2i(NULL, &der, len, ASN1_ITEM_rptr(EC_PRIVATE));
	return private != NULL && private->point != NULL && ASN1_STRING_cmp(private->point, point) == 0;
}

bool ec_copy(const void *pem, size_t len, X509 *c, BIO *out)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	CLEANUP(free_pkcs8) PKCS8_PRIV_KEY_INFO *pkcs8 = PEM_read_bio_PKCS8_PRIV_KEY_INFO(in, NULL, crypto_no_password, NULL);

	return pkcs8 != NULL && fits(pkcs8, c) && PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, pkcs8) == 1;
}

bool ec_set_public(X509 *c, const EVP_PKEY *key)
{
	unsigned char *point = OPENSSL_malloc(POINT_MAX);
	ASN1_OBJECT *curve = NULL;
	size_t n;

	if (point == NULL)
		abort();
	n = compute_public(key, &curve, point);
	if (n > 0 && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(c), OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT, curve, point, (int)n) == 1)
		return true;
	OPENSSL_free(point);
	return false;
}
