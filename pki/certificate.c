#include "pki/certificate.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "pki/tbs.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* Names are compared as they would be written: one that is the same to OpenSSL alone (letters' case, spaces) is another. */
static bool same_subject(X509 *c, const struct certificate_want *want)
{
	CLEANUP_DER struct der d = DER_INIT;
	const unsigned char *found = NULL;
	size_t n = 0;

	return tbs_write_subject(&d, want, NULL) == 0 && X509_NAME_get0_der(X509_get_subject_name(c), &found, &n) == 1 && n == d.len &&
	       memcmp(found, der_data(&d), n) == 0;
}

static bool same_names(X509 *c, const struct strv *sans)
{
	CLEANUP_DER struct der d = DER_INIT;
	const ASN1_OCTET_STRING *found = X509_EXTENSION_get_data(X509_get_ext(c, X509_get_ext_by_NID(c, NID_subject_alt_name, -1)));
	bool wanted = sans != NULL && sans->n > 0;

	if (!wanted || found == NULL)
		return !wanted && found == NULL;
	return tbs_write_names(&d, sans, NULL) == 0 && (size_t)ASN1_STRING_length(found) == d.len &&
	       memcmp(ASN1_STRING_get0_data(found), der_data(&d), d.len) == 0;
}

static bool same_usage(X509 *c, unsigned usage)
{
	uint32_t expected =
		((usage & CERTIFICATE_CLIENT) ? XKU_SSL_CLIENT : 0) | ((usage & CERTIFICATE_SERVER) ? XKU_SSL_SERVER : 0);

	return X509_get_extended_key_usage(c) == expected;
}

bool certificate_matches(X509 *c, const struct certificate_want *want, X509 *issuer)
{
	bool same = same_subject(c, want) && same_usage(c, want->usage) && key_is(X509_get0_pubkey(c), want->algorithm) && same_names(c, want->sans) &&
		    certificate_is_by(c, issuer);

	ERR_clear_error();
	return same;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm = {0};

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t certificate_not_before(X509 *c)
{
	return seconds_of(X509_get0_notBefore(c));
}

int64_t certificate_not_after(X509 *c)
{
	return seconds_of(X509_get0_notAfter(c));
}

static char *name_text(const X509_NAME *name)
{
	CLEANUP_BIO BIO *out = crypto_writer();
	struct buf b = BUF_INIT;

	if (X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0)
		crypto_written(out, &b);
	return buf_steal(&b);
}

static void add_san(const GENERAL_NAME *name, struct strv *ret)
{
	int type = 0;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &type);
	size_t len = type == GEN_DNS || type == GEN_IPADD ? (size_t)ASN1_STRING_length(s) : 0;
	CLEANUP_FREE char *text = len > 0 ? xstrndup((const char *)ASN1_STRING_get0_data(s), len) : xstrdup("");
	char address[INET6_ADDRSTRLEN] = "";

	if (type == GEN_DNS && strlen(text) == len && tbs_is_dns_name(text))
		strv_add(ret, text);
	else if (type == GEN_IPADD && (len == 4 || len == 16) &&
		 inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), address, sizeof(address)) != NULL)
		strv_add(ret, address);
	else
		strv_add(ret, "?");
}

static void add_der(struct digest *d, unsigned char *der, int len)
{
	if (len > 0)
		digest_update(d, der, (size_t)len);
	OPENSSL_free(der);
}

static void find_identity(X509 *c, char *ret_hex)
{
	struct digest *d = digest_new();
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &der);

	add_der(d, der, len);
	der = NULL;
	len = i2d_X509_NAME(X509_get_subject_name(c), &der);
	add_der(d, der, len);
	der = NULL;
	len = i2d_X509_NAME(X509_get_issuer_name(c), &der);
	add_der(d, der, len);
	for (int i = 0; i < X509_get_ext_count(c); i++) {
		der = NULL;
		len = i2d_X509_EXTENSION(X509_get_ext(c, i), &der);
		add_der(d, der, len);
	}
	digest_final(d, ret_hex);
}

void certificate_describe(X509 *c, struct certificate_facts *ret)
{
	CLEANUP_NAMES GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
	unsigned char *der = NULL;
	int len = i2d_X509(c, &der);

	*ret = (struct certificate_facts){.subject = name_text(X509_get_subject_name(c)),
					  .issuer = name_text(X509_get_issuer_name(c)),
					  .not_before = certificate_not_before(c),
					  .not_after = certificate_not_after(c)};
	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++)
		add_san(sk_GENERAL_NAME_value(names, i), &ret->sans);
	digest_hex(len > 0 ? der : (const unsigned char *)"", len > 0 ? (size_t)len : 0, ret->fingerprint);
	find_identity(c, ret->identity);
	OPENSSL_free(der);
	ERR_clear_error();
}

void certificate_facts_clear(struct certificate_facts *f)
{
	free(f->subject);
	free(f->issuer);
	strv_free(&f->sans);
	*f = (struct certificate_facts){0};
}

int certificate_parse(const char *what, const void *pem, size_t len, X509 **ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	CLEANUP_X509 X509 *c = PEM_read_bio_X509(in, NULL, crypto_no_password, NULL);
	CLEANUP_X509 X509 *second = NULL;

	if (c == NULL)
		return crypto_error(err, ERROR_CONFIG, "%s holds no readable certificate in PEM", what);
	second = PEM_read_bio_X509(in, NULL, crypto_no_password, NULL);
	ERR_clear_error(); /* that there is no second one */
	if (second != NULL)
		return error_set(err, ERROR_CONFIG, "%s holds more than one certificate", what);
	*ret = steal_ptr(c);
	return 0;
}

int certificate_parse_first(const char *what, const void *pem, size_t len, X509 **ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	X509 *c = PEM_read_bio_X509(in, NULL, crypto_no_password, NULL);

	if (c == NULL)
		return crypto_error(err, ERROR_CONFIG, "%s holds no readable certificate in PEM", what);
	ERR_clear_error();
	*ret = c;
	return 0;
}

int certificate_parse_all(const char *what, const void *pem, size_t len, STACK_OF(X509) **ret, struct error **err)
{
	CLEANUP_BIO BIO *in = crypto_reader(pem, len);
	CLEANUP_X509S STACK_OF(X509) *all = sk_X509_new_null();
	X509 *c;

	while ((c = PEM_read_bio_X509(in, NULL, crypto_no_password, NULL)) != NULL)
		if (sk_X509_push(all, c) <= 0)
			abort();
	/* at the end of the text it finds no more begin; whatever else it says is of one that is damaged */
	if (sk_X509_num(all) <= 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return crypto_error(err, ERROR_CONFIG, "%s holds no readable certificate in PEM, or a damaged one", what);
	ERR_clear_error();
	*ret = steal_ptr(all);
	return 0;
}

bool certificate_is_by(X509 *c, X509 *issuer)
{
	bool is = X509_check_issued(issuer, c) == X509_V_OK && X509_verify(c, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return is;
}

bool certificate_is_root(X509 *c)
{
	return certificate_is_by(c, c);
}

int certificate_write(X509 *c, struct buf *ret_pem, struct error **err)
{
	CLEANUP_BIO BIO *out = crypto_writer();

	if (PEM_write_bio_X509(out, c) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot write a certificate as PEM");
	crypto_written(out, ret_pem);
	return 0;
}
