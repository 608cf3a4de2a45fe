#include "pki/issuer.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "pki/tbs.h"
#include <openssl/pem.h>

struct issuer {
	struct tbs_by by;
	EVP_PKEY_CTX *signing; /* ready to sign; each signature is made in a copy, since no two threads may share one */
	const EVP_MD *digest;
	size_t signature_max;
};

void issuer_free(struct issuer *i)
{
	if (i == NULL)
		return;
	buf_free(&i->by.name);
	buf_free(&i->by.key_id);
	buf_free(&i->by.algorithm);
	EVP_PKEY_CTX_free(i->signing);
	free(i);
}

void issuer_free_ptr(struct issuer **i)
{
	issuer_free(*i);
	*i = NULL;
}

static void take_certificate(struct issuer *i, X509 *c)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(c);
	const unsigned char *name = NULL;
	size_t n = 0;

	if (X509_NAME_get0_der(X509_get_subject_name(c), &name, &n) != 1)
		abort();
	buf_add_mem(&i->by.name, name, n);
	if (id != NULL)
		buf_add_mem(&i->by.key_id, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
}

/* How OpenSSL calls what it signs with by this key (RSA-PSS has parameters): it tells when it has signed something. */
static bool take_algorithm(struct issuer *i, EVP_PKEY *key)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
	ASN1_INTEGER *something = ASN1_INTEGER_new();
	unsigned char *der = NULL;
	int n = ASN1_item_sign(ASN1_ITEM_rptr(ASN1_INTEGER), algorithm, NULL, signature, something, key, i->digest) > 0 ? i2d_X509_ALGOR(algorithm, &der) : 0;

	if (n > 0)
		buf_add_mem(&i->by.algorithm, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_INTEGER_free(something);
	ASN1_BIT_STRING_free(signature);
	X509_ALGOR_free(algorithm);
	return n > 0;
}

static bool take_key(struct issuer *i, EVP_PKEY *key)
{
	i->digest = key_digest(key);
	i->signature_max = (size_t)EVP_PKEY_get_size(key);
	i->signing = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	return i->signing != NULL && EVP_PKEY_sign_init(i->signing) == 1 && EVP_PKEY_CTX_set_signature_md(i->signing, i->digest) == 1 && take_algorithm(i, key);
}

int issuer_new(X509 *certificate, EVP_PKEY *key, struct issuer **ret, struct error **err)
{
	struct issuer *i = xnew(struct issuer);

	if (!take_key(i, key)) {
		issuer_free(i);
		return crypto_error(err, ERROR_CONFIG, "cannot sign certificates with this key: it takes an RSA or an EC key");
	}
	if (certificate != NULL)
		take_certificate(i, certificate);
	*ret = i;
	return 0;
}

static bool sign(const struct issuer *i, const struct der *tbs, unsigned char *ret, size_t *ret_len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_dup(i->signing);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool ok = c != NULL && EVP_Digest(der_data(tbs), tbs->len, digest, &n, i->digest, NULL) == 1 && EVP_PKEY_sign(c, ret, ret_len, digest, n) == 1;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static bool write_signed(const struct issuer *i, const struct der *tbs, struct buf *ret_pem)
{
	CLEANUP_FREE unsigned char *signature = xcalloc(i->signature_max, 1);
	CLEANUP_DER struct der d = DER_INIT;
	size_t n = i->signature_max;

	if (!sign(i, tbs, signature, &n))
		return false;
	der_bits(&d, signature, n);
	der_add(&d, i->by.algorithm.data, i->by.algorithm.len);
	der_add(&d, der_data(tbs), tbs->len);
	der_wrap(&d, DER_SEQUENCE, 0);
	crypto_pem(PEM_STRING_X509, der_data(&d), d.len, ret_pem);
	return true;
}

static uint64_t random_serial(void)
{
	uint64_t serial = 0;

	while (serial == 0) {
		random_bytes(&serial, sizeof(serial));
		serial &= INT64_MAX;
	}
	return serial;
}

int issuer_issue(const struct issuer *i, const struct certificate_want *want, const struct key_public *key, struct buf *ret_pem, struct error **err)
{
	CLEANUP_DER struct der tbs = DER_INIT;

	if (tbs_write(&tbs, want, key, &i->by, random_serial(), err) < 0)
		return error_wrap(err, "certificate of %s", want->cn);
	if (!write_signed(i, &tbs, ret_pem))
		return crypto_error(err, ERROR_INTERNAL, "cannot sign the certificate of %s", want->cn);
	return 0;
}
