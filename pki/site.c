#include "pki/site.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "pki/authority.h"
#include "pki/certificate.h"
#include "pki/issuer.h"
#include "pki/key.h"
#include <openssl/err.h>
#include <openssl/pem.h>

enum { HOUR = 3600, DAY = 24 * HOUR };

void site_clear(struct site *s)
{
	crypto_free_x509s(&s->chain);
	EVP_PKEY_free(s->key);
	free(s->pem);
	*s = (struct site){0};
}

void site_copy(const struct site *s, struct site *ret)
{
	*ret = (struct site){X509_chain_up_ref(s->chain), s->key, xstrdup(s->pem)};
	if (ret->chain == NULL || EVP_PKEY_up_ref(s->key) != 1)
		abort();
}

bool site_key_is_encrypted(const struct buf *key)
{
	return strstr(buf_str(key), "ENCRYPTED") != NULL; /* of PKCS #8's begin, and of the header "Proc-Type: 4,ENCRYPTED" */
}

int64_t site_end(const struct site *s)
{
	int64_t end = INT64_MAX;

	for (int i = 0; i < sk_X509_num(s->chain); i++) {
		int64_t its = certificate_not_after(sk_X509_value(s->chain, i));

		end = its < end ? its : end;
	}
	return end;
}

bool site_has_root(const struct site *s)
{
	return certificate_is_root(sk_X509_value(s->chain, sk_X509_num(s->chain) - 1));
}

/* Why it cannot issue authorities; NULL: it can. */
static const char *complaint(X509 *c)
{
	uint32_t flags = X509_get_extension_flags(c);

	if ((flags & EXFLAG_CA) == 0)
		return "is not the certificate of an authority: CA:TRUE is missing among its basic constraints";
	if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(c) & KU_KEY_CERT_SIGN) == 0)
		return "may not sign certificates: its key usage lacks keyCertSign";
	if (X509_get_pathlen(c) == 0)
		return "may not sign authorities (pathlen:0), and the cluster has four of them beneath it: it needs pathlen:1 or more, or none";
	return X509_check_ca(c) == 1 ? NULL : "is not the certificate of an authority, by its extensions";
}

static int check_order(const char *name, const STACK_OF(X509) *chain, struct error **err)
{
	for (int i = 0; i + 1 < sk_X509_num(chain); i++)
		if (!certificate_is_by(sk_X509_value(chain, i), sk_X509_value(chain, i + 1)))
			return error_set(err, ERROR_CONFIG,
					 "%s: certificate %d of it was not issued by the one behind it: write the authority's own first, then its issuer's, and so on up to the root",
					 name, i + 1);
	return 0;
}

static int check_dates(const char *name, const struct site *s, int64_t now, struct error **err)
{
	int64_t begin = certificate_not_before(sk_X509_value(s->chain, 0)), end = site_end(s);
	CLEANUP_FREE char *begin_text = clock_rfc3339(begin * 1000), *end_text = clock_rfc3339(end * 1000);

	if (begin > now)
		return error_set(err, ERROR_CONFIG, "%s: it is not valid before %.19sZ: is this machine's clock right?", name, begin_text);
	if (end <= now)
		return error_set(err, ERROR_CONFIG, "%s: it, or one above it, has ended on %.19sZ", name, end_text);
	if (end < now + (int64_t)SITE_DAYS_MIN * DAY)
		return error_set(err, ERROR_CONFIG,
				 "%s: it, or one above it, ends on %.19sZ, and all that is made beneath it ends with it: it must have %d days left, and should have years",
				 name, end_text, SITE_DAYS_MIN);
	return 0;
}

/* As a client would that has the last of the chain alone: X509_V_OK, or why not. */
static int verify(const struct site *s, X509 *authority, X509 *leaf, int64_t now)
{
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int last = sk_X509_num(s->chain) - 1, r;

	if (between == NULL || store == NULL || context == NULL || sk_X509_push(between, authority) <= 0)
		abort();
	for (int i = 0; i < last; i++)
		if (sk_X509_push(between, sk_X509_value(s->chain, i)) <= 0)
			abort();
	if (X509_STORE_add_cert(store, sk_X509_value(s->chain, last)) != 1 || X509_STORE_CTX_init(context, store, leaf, between) != 1)
		abort();
	X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)now);
	X509_verify_cert(context);
	r = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	sk_X509_free(between);
	ERR_clear_error();
	return r;
}

static int issue(X509 *issuer, EVP_PKEY *issuer_key, const struct certificate_want *want, EVP_PKEY *key, X509 **ret, struct error **err)
{
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_ISSUER struct issuer *by = NULL;
	CLEANUP_BUF struct buf pem = BUF_INIT;

	return key_public(key, &public, err) < 0 || issuer_new(issuer, issuer_key, &by, err) < 0 || issuer_issue(by, want, &public, &pem, err) < 0
		       ? -1
		       : certificate_parse(want->cn, buf_str(&pem), pem.len, ret, err);
}

/* Name constraints, pathlens further up, extensions that nobody knows: whatever there is, OpenSSL knows it. */
static int try(const char *name, const struct site *s, int64_t now, struct error **err)
{
	struct certificate_want ca = {.cn = "kubernetes", .not_before = now - HOUR, .not_after = now + DAY};
	struct certificate_want want = {.cn = "kube-apiserver", .usage = CERTIFICATE_SERVER, .not_before = now - HOUR, .not_after = now + DAY};
	CLEANUP_STRV struct strv sans = STRV_INIT;
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *authority = NULL, *leaf = NULL;
	int r;

	strv_split(&sans, "kubernetes.default.svc localhost 127.0.0.1", " ");
	want.sans = &sans;
	if (key_make(KEY_ECDSA_P256, &key, err) < 0 || issue(sk_X509_value(s->chain, 0), s->key, &ca, key, &authority, err) < 0 ||
	    issue(authority, key, &want, key, &leaf, err) < 0)
		return -1;
	r = verify(s, authority, leaf, now);
	return r == X509_V_OK ? 0
			      : error_set(err, ERROR_CONFIG, "%s: what would be issued beneath it, for kubernetes.default.svc and 127.0.0.1, is not valid: %s", name,
					  X509_verify_cert_error_string(r));
}

static int check(const struct site_source *from, const struct site *s, int64_t now, struct error **err)
{
	const char *why = complaint(sk_X509_value(s->chain, 0));

	ERR_clear_error();
	if (why != NULL)
		return error_set(err, ERROR_CONFIG, "%s %s", from->certificate_name, why);
	if (X509_check_private_key(sk_X509_value(s->chain, 0), s->key) != 1)
		return crypto_error(err, ERROR_CONFIG, "%s is not the key of the first certificate in %s", from->key_name, from->certificate_name);
	if (check_order(from->certificate_name, s->chain, err) < 0 || check_dates(from->certificate_name, s, now, err) < 0)
		return -1;
	return try(from->certificate_name, s, now, err);
}

static int write_chain(const STACK_OF(X509) *chain, char **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	for (int i = 0; i < sk_X509_num(chain); i++)
		if (certificate_write(sk_X509_value(chain, i), &text, err) < 0)
			return -1;
	*ret = buf_steal(&text);
	return 0;
}

int site_parse(const struct site_source *from, int64_t now, struct site *ret, struct error **err)
{
	CLEANUP_SITE struct site s = {0};

	if (certificate_parse_all(from->certificate_name, buf_str(from->certificate), from->certificate->len, &s.chain, err) < 0 ||
	    key_parse_with(from->key_name, buf_str(from->key), from->key->len, from->passphrase, &s.key, err) < 0 ||
	    check(from, &s, now, err) < 0 || write_chain(s.chain, &s.pem, err) < 0)
		return -1;
	*ret = s;
	s = (struct site){0};
	return 0;
}

static bool fill_request(X509_REQ *request, const char *cn, EVP_PKEY *key)
{
	static const struct {
		int nid;
		const char *value;
	} wanted[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:1"}, {NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"}};
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	bool ok = extensions != NULL && X509_REQ_set_pubkey(request, key) &&
		  X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)cn, -1, -1, 0);

	for (size_t i = 0; ok && i < ARRAY_SIZE(wanted); i++) {
		X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, NULL, wanted[i].nid, wanted[i].value);

		ok = e != NULL && sk_X509_EXTENSION_push(extensions, e) > 0;
	}
	ok = ok && X509_REQ_add_extensions(request, extensions) && X509_REQ_sign(request, key, key_digest(key)) > 0;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok;
}

int site_request(const char *cn, const char *key_name, const struct buf *key, struct buf *ret, struct error **err)
{
	CLEANUP_BIO BIO *out = crypto_writer();
	CLEANUP_PKEY EVP_PKEY *pair = NULL;
	X509_REQ *request;
	bool ok;

	if (key_parse(key_name, buf_str(key), key->len, &pair, err) < 0)
		return -1;
	request = X509_REQ_new();
	ok = request != NULL && fill_request(request, cn, pair) && PEM_write_bio_X509_REQ(out, request);
	X509_REQ_free(request);
	if (!ok)
		return crypto_error(err, ERROR_INTERNAL, "cannot make the request for %s", cn);
	crypto_written(out, ret);
	return 0;
}

int site_key(const char *path, enum key_algorithm algorithm, struct buf *ret, struct error **err)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	if (path_exists(path))
		return path_read(path, ret, err);
	if (key_make(algorithm, &key, err) < 0 || key_write(key, NULL, ret, err) < 0)
		return -1;
	return path_write(path, ret->data, ret->len, 0600, err);
}
