#include "pki/authority.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { HOUR = 3600, YEAR = 365 * 24 * 3600 };

void authority_clear(struct authority *a)
{
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
	free(a->certificate_pem);
	secret_free(a->key_pem);
	issuer_free(a->issuer);
	*a = (struct authority){0};
}

/* What a certificate must be to sign for us; NULL when it is. */
static const char *complaint(X509 *c, const char *cn, X509 *parent)
{
	char found[128] = "";

	if (X509_check_ca(c) != 1)
		return "is not the certificate of an authority";
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, found, sizeof(found)) < 0 ||
	    strcmp(found, cn) != 0)
		return "is the certificate of somebody else";
	if (parent == NULL && X509_verify(c, X509_get0_pubkey(c)) != 1)
		return "does not bear its own signature: it was changed or is damaged";
	if (parent != NULL && !certificate_is_by(c, parent))
		return "was not issued by the site's authority in site.crt";
	return NULL;
}

static int check(const char *certificate_name, const char *key_name, const char *cn, X509 *parent, int64_t now, const struct authority *a,
		 struct error **err)
{
	const char *why = complaint(a->certificate, cn, parent);
	int64_t end = certificate_not_after(a->certificate);
	CLEANUP_FREE char *end_text = clock_rfc3339(end * 1000);

	ERR_clear_error();
	if (why != NULL)
		return error_set(err, ERROR_CONFIG, "%s %s (it should be of \"%s\"); put the file back from a backup",
				 certificate_name, why, cn);
	if (end <= now)
		return error_set(err, ERROR_CONFIG, "%s has ended on %s; the authority must be replaced", certificate_name,
				 end_text);
	if (X509_check_private_key(a->certificate, a->key) != 1)
		return crypto_error(err, ERROR_CONFIG, "%s is not the key of %s; put the pair back from a backup", key_name,
				    certificate_name);
	return 0;
}

int authority_parse(const char *folder, const char *name, const char *cn, X509 *parent, const struct buf *certificate, const struct buf *key,
		    int64_t now, struct authority *ret, struct error **err)
{
	CLEANUP_FREE char *certificate_name = xasprintf("%s/%s.crt", folder, name);
	CLEANUP_FREE char *key_name = xasprintf("%s/%s.key", folder, name);
	struct authority a = {0};

	if (certificate_parse(certificate_name, buf_str(certificate), certificate->len, &a.certificate, err) < 0 ||
	    key_parse(key_name, buf_str(key), key->len, &a.key, err) < 0 ||
	    check(certificate_name, key_name, cn, parent, now, &a, err) < 0) {
		authority_clear(&a);
		return -1;
	}
	if (issuer_new(a.certificate, a.key, &a.issuer, err) < 0) {
		authority_clear(&a);
		return error_wrap(err, "%s", key_name);
	}
	a.certificate_pem = xstrdup(buf_str(certificate));
	a.key_pem = xstrdup(buf_str(key));
	*ret = a;
	return 0;
}

static int make_key(const char *path, enum key_algorithm algorithm, struct buf *ret_pem, struct error **err)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	if (key_make(algorithm, &key, err) < 0 || key_write(key, NULL, ret_pem, err) < 0)
		return -1;
	return path_write(path, ret_pem->data, ret_pem->len, 0600, err);
}

/* None outlives what has issued it. */
static int64_t end_of(const struct authority_making *how, int64_t now)
{
	int64_t end = now - HOUR + (int64_t)AUTHORITY_YEARS * YEAR;

	return how->parent != NULL && how->parent_end < end ? how->parent_end : end;
}

static int make_certificate(const char *path, const char *key_name, const struct buf *key_pem, const char *cn, const struct authority_making *how,
			    int64_t now, struct buf *ret_pem, struct error **err)
{
	struct certificate_want want = {.cn = cn, .not_before = now - HOUR, .not_after = end_of(how, now)};
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_ISSUER struct issuer *by = NULL;
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	if (key_parse(key_name, buf_str(key_pem), key_pem->len, &key, err) < 0 || key_public(key, &public, err) < 0 ||
	    issuer_new(how->parent, how->parent != NULL ? how->parent_key : key, &by, err) < 0 || issuer_issue(by, &want, &public, ret_pem, err) < 0)
		return -1;
	return path_write(path, ret_pem->data, ret_pem->len, 0644, err);
}

int authority_open(const char *folder, const char *name, const char *cn, const struct authority_making *how, int64_t now,
		   struct authority *ret, struct error **err)
{
	CLEANUP_FREE char *certificate_name = xasprintf("%s/%s.crt", folder, name);
	CLEANUP_FREE char *key_name = xasprintf("%s/%s.key", folder, name);
	CLEANUP_BUF struct buf certificate = BUF_INIT;
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;
	bool have_certificate = path_exists(certificate_name), have_key = path_exists(key_name);

	if (have_certificate && !have_key)
		return error_set(err, ERROR_CONFIG, "%s is there and its key %s is missing; put it back from a backup",
				 certificate_name, key_name);
	if (!have_certificate && how->parent != NULL && how->parent_key == NULL)
		return error_set(err, ERROR_CONFIG,
				 "%s is missing, and the key of the site's authority, which has to issue it, is not at hand: name it in the cluster file's pki.ca",
				 certificate_name);
	if ((have_key ? path_read(key_name, &key, err) : make_key(key_name, how->algorithm, &key, err)) < 0)
		return -1;
	if ((have_certificate ? path_read(certificate_name, &certificate, err)
			      : make_certificate(certificate_name, key_name, &key, cn, how, now, &certificate, err)) < 0)
		return -1;
	return authority_parse(folder, name, cn, how->parent, &certificate, &key, now, ret, err);
}
