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

/* Text of OpenSSL's configuration language, for the extensions that need no data of ours. */
struct extension {
	int nid;
	const char *value;
};

static const struct extension authority_extensions[] = {
	{NID_basic_constraints, "critical,CA:TRUE"},
	{NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
};

static const struct extension lower_authority_extensions[] = {
	{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	{NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid:always"},
};

static const struct extension leaf_extensions[] = {
	{NID_basic_constraints, "critical,CA:FALSE"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid:always"},
};

/* RFC 5480 forbids encipherment with an EC key; of RSA it is how TLS 1.2 without forward secrecy hands keys over, and what clients may want. */
static const struct extension usage_of_ec = {NID_key_usage, "critical,digitalSignature"};
static const struct extension usage_of_rsa = {NID_key_usage, "critical,digitalSignature,keyEncipherment"};

static const char *usage_text(unsigned usage)
{
	switch (usage) {
	case CERTIFICATE_CLIENT:
		return "clientAuth";
	case CERTIFICATE_SERVER:
		return "serverAuth";
	case CERTIFICATE_CLIENT | CERTIFICATE_SERVER:
		return "serverAuth,clientAuth";
	default:
		return NULL;
	}
}

static int add_extension(X509 *c, X509 *issuer, const struct extension *e)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &context, e->nid, e->value);
	ok = extension != NULL && X509_add_ext(c, extension, -1);
	X509_EXTENSION_free(extension);
	return ok ? 0 : -1;
}

static int add_all(X509 *c, X509 *issuer, const struct extension *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (add_extension(c, issuer, &list[i]) < 0)
			return -1;
	return 0;
}

static int add_extensions(X509 *c, X509 *issuer, const EVP_PKEY *key, unsigned usage)
{
	struct extension purpose = {NID_ext_key_usage, usage_text(usage)};

	if (issuer == NULL)
		return add_all(c, c, authority_extensions, ARRAY_SIZE(authority_extensions));
	if (usage == 0)
		return add_all(c, issuer, lower_authority_extensions, ARRAY_SIZE(lower_authority_extensions));
	if (add_all(c, issuer, leaf_extensions, ARRAY_SIZE(leaf_extensions)) < 0 ||
	    add_extension(c, issuer, EVP_PKEY_is_a(key, "RSA") ? &usage_of_rsa : &usage_of_ec) < 0)
		return -1;
	return add_extension(c, issuer, &purpose);
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
			       ASN1_TIME_set(X509_getm_notAfter(c), (time_t)want->not_after) != NULL && add_extensions(c, issuer, key, want->usage) == 0
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
