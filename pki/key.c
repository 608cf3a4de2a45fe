#include "pki/key.h"
#include "core/base/alloc.h"
#include "pki/ec.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <string.h>

/* Either a curve or a length of RSA. */
static const struct kind {
	const char *curve, *name; /* as it is asked for, as OpenSSL calls it then */
	unsigned bits;
} kinds[] = {[KEY_ECDSA_P256] = {"P-256", "prime256v1", 256},
	     [KEY_ECDSA_P384] = {"P-384", "secp384r1", 384},
	     [KEY_RSA_2048] = {NULL, NULL, 2048},
	     [KEY_RSA_3072] = {NULL, NULL, 3072},
	     [KEY_RSA_4096] = {NULL, NULL, 4096}};

/* What OpenSSL looks up by name takes as long as a key on a curve does: it is looked up once, and makers, which no two threads may share, once a thread. */
struct makers {
	EVP_PKEY_CTX *of[ARRAY_SIZE(kinds)];
};
static pthread_once_t looked_up = PTHREAD_ONCE_INIT;
static pthread_key_t makers_key;
static EVP_MD *sha1, *sha256, *sha384;

static void free_makers(void *p)
{
	struct makers *m = p;

	for (size_t i = 0; i < ARRAY_SIZE(m->of); i++)
		EVP_PKEY_CTX_free(m->of[i]);
	free(m);
}

static void look_up(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	if (sha1 == NULL || sha256 == NULL || sha384 == NULL || pthread_key_create(&makers_key, free_makers) != 0)
		abort();
}

static EVP_PKEY_CTX *new_maker(const struct kind *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, k->curve != NULL ? "EC" : "RSA", NULL);

	if (c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
	    (k->curve != NULL ? EVP_PKEY_CTX_set_group_name(c, k->curve) : EVP_PKEY_CTX_set_rsa_keygen_bits(c, (int)k->bits)) == 1)
		return c;
	EVP_PKEY_CTX_free(c);
	return NULL;
}

/* This thread's; NULL with OpenSSL's reason in its queue. */
static EVP_PKEY_CTX *maker(enum key_algorithm algorithm)
{
	struct makers *m;

	pthread_once(&looked_up, look_up);
	m = pthread_getspecific(makers_key);
	if (m == NULL) {
		m = xnew(struct makers);
		if (pthread_setspecific(makers_key, m) != 0)
			abort();
	}
	if (m->of[algorithm] == NULL)
		m->of[algorithm] = new_maker(&kinds[algorithm]);
	return m->of[algorithm];
}

int key_make(enum key_algorithm algorithm, EVP_PKEY **ret, struct error **err)
{
	EVP_PKEY_CTX *c = maker(algorithm);
	EVP_PKEY *key = NULL;

	if (c == NULL || EVP_PKEY_generate(c, &key) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot make a private key");
	*ret = key;
	return 0;
}

bool key_is(const EVP_PKEY *key, enum key_algorithm algorithm)
{
	const struct kind *k = &kinds[algorithm];
	char group[32] = "";

	if (k->curve == NULL)
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == (int)k->bits;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 && strcmp(group, k->name) == 0;
}

const EVP_MD *key_digest(const EVP_PKEY *key)
{
	pthread_once(&looked_up, look_up);
	return key_is(key, KEY_ECDSA_P384) ? sha384 : sha256;
}

static int give_passphrase(char *to, int size, int writing UNUSED, void *context)
{
	const char *passphrase = context;
	size_t n = strlen(passphrase);

	if (n > (size_t)size)
		return -1;
	memcpy(to, passphrase, n);
	return (int)n;
}

int key_parse_with(const char *what, const void *pem, size_t len, const char *passphrase, EVP_PKEY **ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, passphrase != NULL ? give_passphrase : crypto_no_password,
						(void *)(uintptr_t)passphrase);

	if (key == NULL)
		return crypto_error(err, ERROR_CONFIG, "%s holds no readable private key in PEM %s", what,
				    passphrase != NULL ? "that opens with this passphrase" : "without a passphrase");
	ERR_clear_error(); /* decoders that did not fit leave theirs behind */
	*ret = key;
	return 0;
}

int key_parse(const char *what, const void *pem, size_t len, EVP_PKEY **ret, struct error **err)
{
	return key_parse_with(what, pem, len, NULL, ret, err);
}

void key_public_clear(struct key_public *p)
{
	buf_free(&p->algorithm);
	buf_free(&p->bits);
}

static bool read_public(const X509_PUBKEY *from, struct key_public *ret)
{
	const unsigned char *bits = NULL;
	unsigned char *der = NULL;
	X509_ALGOR *algorithm = NULL;
	int n = 0, len;

	if (X509_PUBKEY_get0_param(NULL, &bits, &n, &algorithm, from) != 1)
		return false;
	len = i2d_X509_ALGOR(algorithm, &der);
	if (len <= 0)
		return false;
	buf_add_mem(&ret->algorithm, der, (size_t)len);
	buf_add_mem(&ret->bits, bits, (size_t)n);
	ret->is_rsa = OBJ_obj2nid(algorithm->algorithm) == NID_rsaEncryption;
	OPENSSL_free(der);
	return true;
}

bool key_public_of(const X509 *c, struct key_public *ret)
{
	return read_public(X509_get_X509_PUBKEY(c), ret);
}

int key_public(EVP_PKEY *key, struct key_public *ret, struct error **err)
{
	X509_PUBKEY *encoded = NULL;
	bool ok = EVP_PKEY_is_a(key, "EC") ? ec_public(key, ret) : X509_PUBKEY_set(&encoded, key) == 1 && read_public(encoded, ret);

	X509_PUBKEY_free(encoded);
	return ok ? 0 : crypto_error(err, ERROR_INTERNAL, "cannot write the public half of a key");
}

void key_public_id(const struct key_public *p, unsigned char ret[20])
{
	pthread_once(&looked_up, look_up);
	if (EVP_Digest(p->bits.data, p->bits.len, ret, NULL, sha1, NULL) != 1)
		abort();
}

static bool write_by_openssl(EVP_PKEY *key, struct buf *ret_pem)
{
	CLEANUP_BIO BIO *out = crypto_writer();
	bool ok = PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (ok)
		crypto_written(out, ret_pem);
	return ok;
}

int key_write(EVP_PKEY *key, struct key_public *ret_public, struct buf *ret_pem, struct error **err)
{
	CLEANUP_KEY_PUBLIC struct key_public unasked = {0};
	struct key_public *public = ret_public != NULL ? ret_public : &unasked;
	bool is_ec = EVP_PKEY_is_a(key, "EC");

	if (is_ec ? !ec_write(key, public, ret_pem) : !write_by_openssl(key, ret_pem))
		return crypto_error(err, ERROR_INTERNAL, "cannot write a private key as PEM");
	return is_ec || ret_public == NULL ? 0 : key_public(key, ret_public, err);
}

static bool copy_by_openssl(const void *pem, size_t len, X509 *c, struct buf *ret_pem)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	return key_parse("", pem, len, &key, NULL) == 0 && X509_check_private_key(c, key) == 1 && key_write(key, NULL, ret_pem, NULL) == 0;
}

bool key_copy(const void *pem, size_t len, X509 *c, struct buf *ret_pem)
{
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	bool copied = key_public_of(c, &public) && (ec_copy(pem, len, &public, ret_pem) || copy_by_openssl(pem, len, c, ret_pem));

	ERR_clear_error();
	return copied;
}

int key_write_public(EVP_PKEY *key, struct buf *ret_pem, struct error **err)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	if (PEM_write_bio_PUBKEY(out, key) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot write a public key as PEM");
	crypto_written(out, ret_pem);
	return 0;
}
