#include "pki/swarm_key.h"
#include "pki/crypto.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/strv.h"
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sodium.h>
#include <string.h>

#define LOCKED "ENCRYPTED PRIVATE KEY"
#define OPEN "PRIVATE KEY"
#define PREFIX "SWMKEY-1-"

enum { ALGORITHM = 1, DATA = 2, NONCE = 3, NACL = 1, VALUE_MAX = 256, ROUNDS_MAX = 1000000 /* Docker: 2,048 */ };

/* ---- the key that unlocks */

/* Base64 without its padding. */
static bool read_unlock(const char *text, uint8_t ret[crypto_secretbox_KEYBYTES])
{
	CLEANUP_SECRET char *padded = NULL;
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT;

	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return false;
	padded = xasprintf("%s=", text + strlen(PREFIX));
	if (base64_decode(padded, &bytes, NULL) < 0 || bytes.len != crypto_secretbox_KEYBYTES)
		return false;
	memcpy(ret, bytes.data, crypto_secretbox_KEYBYTES);
	return true;
}

/* ---- the key of the log */

struct record {
	unsigned algorithm;
	const uint8_t *data, *nonce;
	size_t data_len, nonce_len;
};

/* All lengths are below 128: one byte each. */
static bool read_record(const struct buf *b, struct record *ret)
{
	const uint8_t *p = (const uint8_t *)b->data;

	for (size_t i = 0; i < b->len;) {
		unsigned field = p[i] >> 3, is_bytes = (p[i] & 7) == 2;

		if ((!is_bytes && (p[i] & 7) != 0) || i + 2 > b->len || p[i + 1] >= 128 || (is_bytes && p[i + 1] > b->len - i - 2))
			return false;
		if (field == ALGORITHM && !is_bytes)
			ret->algorithm = p[i + 1];
		else if (field == DATA && is_bytes)
			ret->data = p + i + 2, ret->data_len = p[i + 1];
		else if (field == NONCE && is_bytes)
			ret->nonce = p + i + 2, ret->nonce_len = p[i + 1];
		i += is_bytes ? 2 + (size_t)p[i + 1] : 2;
	}
	return true;
}

/* NaCl's box of one key, XSalsa20 and Poly1305, which OpenSSL has not. */
static bool open_box(const struct record *r, const uint8_t unlock[crypto_secretbox_KEYBYTES], struct buf *ret)
{
	uint8_t plain[VALUE_MAX];
	bool opens;

	if (sodium_init() < 0)
		abort();
	opens = r->data_len >= crypto_secretbox_MACBYTES && crypto_secretbox_open_easy(plain, r->data, r->data_len, r->nonce, unlock) == 0;
	if (opens)
		buf_add_mem(ret, plain, r->data_len - crypto_secretbox_MACBYTES);
	OPENSSL_cleanse(plain, sizeof(plain));
	return opens;
}

static int open_value(const char *value, const uint8_t unlock[crypto_secretbox_KEYBYTES], struct buf *ret, struct error **err)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT, record = BUF_INIT;
	CLEANUP_SECRET char *text = NULL;
	struct record r = {0};

	if (base64_decode(value, &bytes, NULL) < 0 || bytes.len > VALUE_MAX || !read_record(&bytes, &r) || r.algorithm != NACL ||
	    r.nonce_len != crypto_secretbox_NONCEBYTES || r.data == NULL)
		return error_set(err, ERROR_CONFIG, "the key of its log cannot be understood");
	if (!open_box(&r, unlock, &plain))
		return error_set(err, ERROR_CONFIG, "the key of its log does not open with the key that opens the node's own");
	buf_add_char(&record, DATA << 3 | 2);
	buf_add_char(&record, (char)plain.len);
	buf_add_mem(&record, plain.data, plain.len);
	text = base64_encode(record.data, record.len);
	buf_add(ret, text);
	return 0;
}

/* "NAME: VALUE" */
static int open_header(const char *line, const uint8_t unlock[crypto_secretbox_KEYBYTES], struct buf *ret, struct error **err)
{
	static const char *const wrapped[] = {"raft-dek: ", "raft-dek-pending: "};

	for (size_t i = 0; i < ARRAY_SIZE(wrapped); i++)
		if (strncmp(line, wrapped[i], strlen(wrapped[i])) == 0) {
			buf_add(ret, wrapped[i]);
			if (open_value(line + strlen(wrapped[i]), unlock, ret, err) < 0)
				return -1;
			buf_add_char(ret, '\n');
			return 0;
		}
	if (strncmp(line, "kek-version:", strlen("kek-version:")) != 0)
		buf_addf(ret, "%s\n", line);
	return 0;
}

/* ---- the file */

struct pem {
	char *name, *header;
	unsigned char *data;
	long len;
};

static void pem_clear(struct pem *p)
{
	OPENSSL_free(p->name);
	OPENSSL_free(p->header);
	OPENSSL_clear_free(p->data, p->len > 0 ? (size_t)p->len : 0);
}

/* PBES2 of PBKDF2 with so many rounds that they come to an end. */
static bool ends(const X509_SIG *sig)
{
	const X509_ALGOR *algorithm = NULL;
	PBE2PARAM *outer;
	PBKDF2PARAM *inner = NULL;
	int64_t rounds = 0;
	bool is;

	X509_SIG_get0(sig, &algorithm, NULL);
	outer = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
	if (outer != NULL && OBJ_obj2nid(algorithm->algorithm) == NID_pbes2)
		inner = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), outer->keyfunc->parameter);
	is = inner != NULL && ASN1_INTEGER_get_int64(&rounds, inner->iter) == 1 && rounds > 0 && rounds <= ROUNDS_MAX;
	PBKDF2PARAM_free(inner);
	PBE2PARAM_free(outer);
	return is;
}

/* The node's own key, without encryption; NULL where the key is another one. */
static PKCS8_PRIV_KEY_INFO *open_own(const struct pem *p, const uint8_t unlock[crypto_secretbox_KEYBYTES])
{
	const unsigned char *at = p->data;
	X509_SIG *sig = d2i_X509_SIG(NULL, &at, p->len);
	PKCS8_PRIV_KEY_INFO *info = sig != NULL && ends(sig) ? PKCS8_decrypt(sig, (const char *)unlock, crypto_secretbox_KEYBYTES) : NULL;

	X509_SIG_free(sig);
	return info;
}

static bool write_open(PKCS8_PRIV_KEY_INFO *own, const char *header, struct buf *ret)
{
	CLEANUP_BIO BIO *out = crypto_writer();
	unsigned char *der = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(own, &der);
	bool written = n > 0 && PEM_write_bio(out, OPEN, header, der, n) > 0;

	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	if (written)
		crypto_written(out, ret);
	return written;
}

static int open_with(const struct pem *p, const uint8_t unlock[crypto_secretbox_KEYBYTES], PKCS8_PRIV_KEY_INFO *own, struct buf *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf header = BUF_INIT;
	CLEANUP_STRV struct strv lines = STRV_INIT;

	strv_split(&lines, p->header, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		if (open_header(lines.v[i], unlock, &header, err) < 0)
			return -1;
	return write_open(own, buf_str(&header), ret) ? 0 : crypto_error(err, ERROR_INTERNAL, "cannot write the manager's key");
}

static int try_keys(const struct pem *p, const char *unlock, struct buf *ret, struct error **err)
{
	CLEANUP_STRV struct strv keys = STRV_INIT;
	bool found = false;
	int r = 0;

	strv_split(&keys, unlock, " ");
	for (size_t i = 0; i < keys.n; i++) {
		uint8_t key[crypto_secretbox_KEYBYTES];
		PKCS8_PRIV_KEY_INFO *own = !found && read_unlock(keys.v[i], key) ? open_own(p, key) : NULL;

		if (own != NULL) {
			found = true;
			r = open_with(p, key, own, ret, err);
		}
		PKCS8_PRIV_KEY_INFO_free(own);
		OPENSSL_cleanse(key, sizeof(key));
		OPENSSL_cleanse(keys.v[i], strlen(keys.v[i]));
	}
	if (found)
		return r;
	return crypto_error(err, ERROR_CONFIG, "the manager's key is locked, and none of the backup's keys opens it");
}

int swarm_key_open(const char *pem, size_t len, const char *unlock, struct buf *ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	CLEANUP(pem_clear) struct pem p = {0};

	if (PEM_read_bio(in, &p.name, &p.header, &p.data, &p.len) != 1)
		return crypto_error(err, ERROR_CONFIG, "the manager's key cannot be understood");
	if (strcmp(p.name, LOCKED) != 0)
		return 0;
	return try_keys(&p, unlock, ret, err);
}
