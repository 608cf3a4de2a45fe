#include "pki/key.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

int key_make(enum key_kind kind, EVP_PKEY **ret, struct error **err)
{
	EVP_PKEY *key = kind == KEY_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);

	if (key == NULL)
		return crypto_error(err, ERROR_INTERNAL, "cannot make a private key");
	*ret = key;
	return 0;
}

int key_parse(const char *what, const void *pem, size_t len, EVP_PKEY **ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, crypto_no_password, NULL);

	if (key == NULL)
		return crypto_error(err, ERROR_CONFIG, "%s holds no readable private key in PEM without a passphrase", what);
	ERR_clear_error(); /* decoders that did not fit leave theirs behind */
	*ret = key;
	return 0;
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
