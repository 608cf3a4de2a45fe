#include "pki/seal.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "core/base/alloc.h"
#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>

enum { FLAGS = CMS_BINARY };

static void free_cms(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
	*cms = NULL;
}
#define CLEANUP_CMS CLEANUP(free_cms)

/* ---- to */

static int add_certificate(CMS_ContentInfo *cms, const char *pem, struct error **err)
{
	CLEANUP_X509 X509 *c = NULL;

	if (certificate_parse("the recipient's certificate", pem, strlen(pem), &c, err) < 0)
		return -1;
	/* OpenSSL takes its own reference */
	if (CMS_add1_recipient_cert(cms, c, 0) == NULL)
		return crypto_error(err, ERROR_CONFIG, "nothing can be encrypted for the recipient's certificate: it takes an RSA or an EC key");
	return 0;
}

/* The key's own cipher cannot be GCM: RFC 3211 wraps by CBC, twice. */
static int add_passphrase(CMS_ContentInfo *cms, const struct seal_to *to, struct error **err)
{
	char *copy = OPENSSL_strdup(to->passphrase); /* "add0": the message's from then on */

	if (copy == NULL)
		abort();
	if (CMS_add0_recipient_password(cms, to->iterations > 0 ? to->iterations : SEAL_ITERATIONS, NID_id_alg_PWRI_KEK, NID_id_pbkdf2,
					(unsigned char *)copy, (ossl_ssize_t)strlen(copy), EVP_aes_256_cbc()) != NULL)
		return 0;
	OPENSSL_clear_free(copy, strlen(copy));
	return crypto_error(err, ERROR_INTERNAL, "sealing with a passphrase");
}

static int add_recipients(CMS_ContentInfo *cms, const struct seal_to *to, struct error **err)
{
	for (size_t i = 0; to->certificates != NULL && i < to->certificates->n; i++)
		if (add_certificate(cms, to->certificates->v[i], err) < 0)
			return -1;
	return to->passphrase != NULL ? add_passphrase(cms, to, err) : 0;
}

int seal_write(const void *p, size_t n, const struct seal_to *to, struct buf *ret, struct error **err)
{
	CLEANUP_CMS CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), FLAGS | CMS_PARTIAL);
	CLEANUP_BIO BIO *in = crypto_reader(p, n), *out = crypto_writer();

	if (cms == NULL)
		return crypto_error(err, ERROR_INTERNAL, "sealing");
	if (add_recipients(cms, to, err) < 0)
		return -1;
	if (CMS_final(cms, in, NULL, FLAGS) != 1 || i2d_CMS_bio(out, cms) != 1)
		return crypto_error(err, ERROR_INTERNAL, "sealing");
	crypto_written(out, ret);
	return 0;
}

int seal_describe(const char *what, const void *pem, size_t n, char **ret, struct error **err)
{
	CLEANUP_X509 X509 *c = NULL;
	struct certificate_facts facts = {0};

	if (certificate_parse(what, pem, n, &c, err) < 0)
		return -1;
	certificate_describe(c, &facts);
	*ret = xasprintf("%s %s", facts.subject, facts.fingerprint);
	certificate_facts_clear(&facts);
	return 0;
}

/* ---- from */

static int give_key(CMS_ContentInfo *cms, const char *key_pem, const char *passphrase, struct error **err)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	if (key_pem == NULL) {
		if (CMS_decrypt_set1_password(cms, (unsigned char *)passphrase, (ossl_ssize_t)strlen(passphrase)) == 1)
			return 0;
		return crypto_error(err, ERROR_CONFIG, "it does not open with this passphrase");
	}
	if (key_parse("the recipient's key", key_pem, strlen(key_pem), &key, err) < 0)
		return -1;
	if (CMS_decrypt_set1_pkey(cms, key, NULL) == 1)
		return 0;
	return crypto_error(err, ERROR_CONFIG, "it does not open with this key");
}

/* The reader of a BIO that OpenSSL has filled keeps a copy, which is wiped. */
static void take(BIO *out, struct buf *ret)
{
	char *p = NULL;
	long n = BIO_get_mem_data(out, &p);

	crypto_written(out, ret);
	if (n > 0)
		OPENSSL_cleanse(p, (size_t)n);
}

int seal_open(const void *der, size_t n, const char *key_pem, const char *passphrase, struct buf *ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(der, n), *out = crypto_writer();
	CLEANUP_CMS CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);

	if (cms == NULL || OBJ_obj2nid(CMS_get0_type(cms)) != NID_id_smime_ct_authEnvelopedData)
		return crypto_error(err, ERROR_CONFIG, "it is no sealed document");
	if (give_key(cms, key_pem, passphrase, err) < 0)
		return -1;
	if (CMS_decrypt(cms, NULL, NULL, NULL, out, FLAGS) != 1)
		return crypto_error(err, ERROR_CONFIG, "it does not open with this %s", key_pem != NULL ? "key" : "passphrase");
	take(out, ret);
	return 0;
}

/* ---- streams */

struct seal_stream {
	EVP_CIPHER_CTX *cipher;
};

struct seal_stream *seal_stream_new(const uint8_t key[SEAL_KEY_LEN])
{
	static const uint8_t zero[16];
	struct seal_stream *s = xnew(struct seal_stream);

	s->cipher = EVP_CIPHER_CTX_new();
	if (s->cipher == NULL || EVP_EncryptInit_ex(s->cipher, EVP_aes_256_ctr(), NULL, key, zero) != 1)
		abort();
	return s;
}

void seal_stream_next(struct seal_stream *s, const void *from, void *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		int piece = n - done > INT_MAX / 2 ? INT_MAX / 2 : (int)(n - done), made = 0;

		/* of a stream cipher each byte comes out at once */
		if (EVP_EncryptUpdate(s->cipher, (uint8_t *)to + done, &made, (const uint8_t *)from + done, piece) != 1 || made != piece)
			abort();
		done += (size_t)piece;
	}
}

void seal_stream_free(struct seal_stream *s)
{
	if (s != NULL)
		EVP_CIPHER_CTX_free(s->cipher);
	free(s);
}
