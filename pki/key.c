#include "pki/key.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
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

int key_make(enum key_algorithm algorithm, EVP_PKEY **ret, struct error **err)
{
	const struct kind *k = &kinds[algorithm];
	EVP_PKEY *key = k->curve != NULL ? EVP_EC_gen(k->curve) : EVP_RSA_gen(k->bits);

	if (key == NULL)
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
	return key_is(key, KEY_ECDSA_P384) ? EVP_sha384() : EVP_sha256();
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

int key_write(EVP_PKEY *key, struct buf *ret_pem, struct error **err)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	if (PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot write a private key as PEM");
	crypto_written(out, ret_pem);
	return 0;
}

int key_write_public(EVP_PKEY *key, struct buf *ret_pem, struct error **err)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	if (PEM_write_bio_PUBKEY(out, key) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot write a public key as PEM");
	crypto_written(out, ret_pem);
	return 0;
}
