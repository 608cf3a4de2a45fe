#include "pki/certificate.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "pki/ec.h"
#include "pki/key.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* Extensions are values of OpenSSL's types: text of its configuration language takes three times as long, since each is parsed, written and read. */
static bool add_extension(X509 *c, int nid, void *value, bool critical)
{
	return X509_add1_ext_i2d(c, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

/* lowest: no authority may be below it. */
static bool add_constraints(X509 *c, bool authority, bool lowest)
{
	unsigned char none = 0;
	ASN1_INTEGER pathlen = {.type = V_ASN1_INTEGER, .length = 1, .data = &none};
	BASIC_CONSTRAINTS constraints = {.ca = authority ? 0xff : 0, .pathlen = lowest ? &pathlen : NULL};

	return add_extension(c, NID_basic_constraints, &constraints, true);
}

static bool add_usage(X509 *c, unsigned char bits)
{
	ASN1_BIT_STRING usage = {.type = V_ASN1_BIT_STRING, .length = 1, .data = &bits};

	return add_extension(c, NID_key_usage, &usage, true);
}

static bool add_purpose(X509 *c, unsigned usage)
{
	EXTENDED_KEY_USAGE *purposes = sk_ASN1_OBJECT_new_reserve(NULL, 2);
	bool ok;

	if (purposes == NULL)
		abort();
	if (usage & CERTIFICATE_SERVER)
		sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_server_auth));
	if (usage & CERTIFICATE_CLIENT)
		sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_client_auth));
	ok = add_extension(c, NID_ext_key_usage, purposes, false);
	sk_ASN1_OBJECT_free(purposes);
	return ok;
}

/* SHA-1 of the public key, as RFC 5280 has it in 4.2.1.2: a name, by which nothing is trusted. */
static bool add_identifier(X509 *c)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING identifier = {.type = V_ASN1_OCTET_STRING, .data = digest};

	return X509_pubkey_digest(c, EVP_sha1(), digest, (unsigned *)&identifier.length) == 1 &&
	       add_extension(c, NID_subject_key_identifier, &identifier, false);
}

static bool add_issuer(X509 *c, X509 *issuer)
{
	AUTHORITY_KEYID by = {.keyid = (ASN1_OCTET_STRING *)(uintptr_t)X509_get0_subject_key_id(issuer)};

	if (by.keyid == NULL)
		ERR_raise(ERR_LIB_X509V3, X509V3_R_UNABLE_TO_GET_ISSUER_KEYID);
	return by.keyid != NULL && add_extension(c, NID_authority_key_identifier, &by, false);
}

/* RFC 5480 forbids encipherment with an EC key; of RSA it is how TLS 1.2 without forward secrecy hands keys over, and what clients may want. */
static unsigned char leaf_usage(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") ? KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT : KU_DIGITAL_SIGNATURE;
}

static bool add_extensions(X509 *c, X509 *issuer, const EVP_PKEY *key, unsigned usage)
{
	bool authority = usage == 0;

	return add_constraints(c, authority, authority && issuer != NULL) && add_identifier(c) && (issuer == NULL || add_issuer(c, issuer)) &&
	       add_usage(c, authority ? KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN : leaf_usage(key)) && (authority || add_purpose(c, usage));
}

static bool is_dns_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '.' && !(s[i] == '*' && i == 0))
			return false;
	return true;
}

static int add_name(GENERAL_NAMES *names, const char *s, struct error **err)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(s);
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *dns;

	ERR_clear_error();
	if (name == NULL || sk_GENERAL_NAME_push(names, name) <= 0)
		abort();
	if (address != NULL) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
		return 0;
	}
	if (!is_dns_name(s))
		return error_set(err, ERROR_CONFIG, "\"%s\" can be in no certificate: it is neither an IP address nor a DNS name",
				 s);
	dns = ASN1_IA5STRING_new();
	if (dns == NULL || !ASN1_STRING_set(dns, s, -1))
		abort();
	GENERAL_NAME_set0_value(name, GEN_DNS, dns);
	return 0;
}

static int make_names(const struct strv *sans, GENERAL_NAMES **ret, struct error **err)
{
	CLEANUP_NAMES GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	if (names == NULL)
		abort();
	for (size_t i = 0; sans != NULL && i < sans->n; i++)
		if (add_name(names, sans->v[i], err) < 0)
			return -1;
	*ret = steal_ptr(names);
	return 0;
}

/* V_ASN1_UTF8STRING instead of MBSTRING_UTF8: no limit of 64 characters. */
static void add_entry(X509_NAME *subject, int nid, const char *value)
{
	if (!X509_NAME_add_entry_by_NID(subject, nid, V_ASN1_UTF8STRING, (const unsigned char *)value, -1, -1, 0))
		abort();
}

static void add_subject(X509_NAME *subject, const struct certificate_want *want)
{
	if (want->o != NULL)
		add_entry(subject, NID_organizationName, want->o);
	for (size_t i = 0; want->groups != NULL && i < want->groups->n; i++)
		add_entry(subject, NID_organizationName, want->groups->v[i]);
	add_entry(subject, NID_commonName, want->cn);
}

static bool same_subject(X509 *c, const struct certificate_want *want)
{
	X509_NAME *wanted = X509_NAME_new();
	bool same;

	if (wanted == NULL)
		abort();
	add_subject(wanted, want);
	same = X509_NAME_cmp(wanted, X509_get_subject_name(c)) == 0;
	X509_NAME_free(wanted);
	return same;
}

static int set_serial(X509 *c)
{
	uint64_t serial = 0;

	while (serial == 0) {
		random_bytes(&serial, sizeof(serial));
		serial &= INT64_MAX;
	}
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial);
}

/* OpenSSL's own way writes the key, and reads it again: 240 us, four times what key and signature take. What signs others must be able to give its key back. */
static bool set_public(X509 *c, EVP_PKEY *key, unsigned usage)
{
	return usage != 0 && EVP_PKEY_is_a(key, "EC") ? ec_set_public(c, key) : X509_set_pubkey(c, key) == 1;
}

static int fill(X509 *c, const struct certificate_want *want, EVP_PKEY *key, X509 *issuer)
{
	add_subject(X509_get_subject_name(c), want);
	return X509_set_version(c, X509_VERSION_3) && set_serial(c) && set_public(c, key, want->usage) &&
			       X509_set_issuer_name(c, X509_get_subject_name(issuer == NULL ? c : issuer)) &&
			       ASN1_TIME_set(X509_getm_notBefore(c), (time_t)want->not_before) != NULL &&
			       ASN1_TIME_set(X509_getm_notAfter(c), (time_t)want->not_after) != NULL && add_extensions(c, issuer, key, want->usage)
		       ? 0
		       : -1;
}

int certificate_issue(const struct certificate_want *want, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, X509 **ret,
		      struct error **err)
{
	EVP_PKEY *signer = issuer == NULL ? key : issuer_key;
	CLEANUP_NAMES GENERAL_NAMES *names = NULL;
	CLEANUP_X509 X509 *c = X509_new();

	if (c == NULL)
		abort();
	if (make_names(want->sans, &names, err) < 0)
		return error_wrap(err, "certificate of %s", want->cn);
	if (fill(c, want, key, issuer) < 0)
		return crypto_error(err, ERROR_INTERNAL, "cannot make the certificate of %s", want->cn);
	if (sk_GENERAL_NAME_num(names) > 0 && X509_add1_ext_i2d(c, NID_subject_alt_name, names, 0, 0) != 1)
		return crypto_error(err, ERROR_INTERNAL, "cannot add names to the certificate of %s", want->cn);
	if (X509_sign(c, signer, key_digest(signer)) <= 0)
		return crypto_error(err, ERROR_INTERNAL, "cannot sign the certificate of %s", want->cn);
	*ret = steal_ptr(c);
	return 0;
}

static bool same_names(X509 *c, const struct strv *sans)
{
	CLEANUP_NAMES GENERAL_NAMES *wanted = NULL;
	CLEANUP_NAMES GENERAL_NAMES *found = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);

	if (make_names(sans, &wanted, NULL) < 0)
		return false;
	if (sk_GENERAL_NAME_num(wanted) != (found == NULL ? 0 : sk_GENERAL_NAME_num(found)))
		return false;
	for (int i = 0; i < sk_GENERAL_NAME_num(wanted); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(wanted, i), sk_GENERAL_NAME_value(found, i)) != 0)
			return false;
	return true;
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

	if (type == GEN_DNS && strlen(text) == len && is_dns_name(text))
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
