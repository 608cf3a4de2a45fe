/* x509_reference: the certificate that OpenSSL makes of what is wanted, by its objects and its text of extensions: what davit's own has to be, byte by byte. */
#pragma once
#include "core/base/alloc.h"
#include "pki/certificate.h"
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>

static bool reference_entry(X509_NAME *name, int nid, const char *value)
{
	return value == NULL || X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool reference_subject(X509_NAME *name, const struct certificate_want *want)
{
	bool ok = reference_entry(name, NID_organizationName, want->o);

	for (size_t i = 0; ok && want->groups != NULL && i < want->groups->n; i++)
		ok = reference_entry(name, NID_organizationName, want->groups->v[i]);
	return ok && reference_entry(name, NID_commonName, want->cn);
}

static bool reference_extension(X509 *c, X509 *issuer, int nid, const char *text)
{
	X509_EXTENSION *e;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &context, nid, text);
	ok = e != NULL && X509_add_ext(c, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static const char *reference_usage(const struct certificate_want *want, const EVP_PKEY *key)
{
	if (want->usage == 0)
		return "critical,digitalSignature,keyCertSign,cRLSign";
	return EVP_PKEY_is_a(key, "RSA") ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";
}

static const char *reference_purpose(unsigned usage)
{
	static const char *const texts[] = {NULL, "clientAuth", "serverAuth", "serverAuth,clientAuth"};

	return texts[usage];
}

static bool reference_names(X509 *c, const struct strv *sans)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	bool ok = true;

	for (size_t i = 0; i < sans->n; i++) {
		unsigned char address[16];
		bool four = inet_pton(AF_INET, sans->v[i], address) == 1, six = !four && inet_pton(AF_INET6, sans->v[i], address) == 1;
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_STRING *value = ASN1_STRING_type_new(four || six ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

		ASN1_STRING_set(value, four || six ? (const char *)address : sans->v[i], four ? 4 : six ? 16 : -1);
		GENERAL_NAME_set0_value(name, four || six ? GEN_IPADD : GEN_DNS, value);
		sk_GENERAL_NAME_push(names, name);
	}
	if (sans->n > 0)
		ok = X509_add1_ext_i2d(c, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool reference_extensions(X509 *c, const struct certificate_want *want, const EVP_PKEY *key, X509 *issuer)
{
	const char *constraints = want->usage != 0 ? "critical,CA:FALSE" : issuer != NULL ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE";
	X509 *by = issuer != NULL ? issuer : c;

	return reference_extension(c, by, NID_basic_constraints, constraints) && reference_extension(c, by, NID_subject_key_identifier, "hash") &&
	       (issuer == NULL || reference_extension(c, by, NID_authority_key_identifier, "keyid:always")) &&
	       reference_extension(c, by, NID_key_usage, reference_usage(want, key)) &&
	       (want->usage == 0 || reference_extension(c, by, NID_ext_key_usage, reference_purpose(want->usage))) &&
	       (want->sans == NULL || reference_names(c, want->sans));
}

static bool reference_serial(X509 *c, uint64_t serial)
{
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial) == 1;
}

/* issuer NULL: signed with its own key.  NULL where OpenSSL cannot. */
static X509 *reference_make(const struct certificate_want *want, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, const EVP_MD *digest, uint64_t serial)
{
	X509 *c = X509_new();

	if (X509_set_version(c, X509_VERSION_3) == 1 && reference_serial(c, serial) && reference_subject(X509_get_subject_name(c), want) &&
	    X509_set_issuer_name(c, X509_get_subject_name(issuer != NULL ? issuer : c)) == 1 && X509_set_pubkey(c, key) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(c), (time_t)want->not_before) != NULL && ASN1_TIME_set(X509_getm_notAfter(c), (time_t)want->not_after) != NULL &&
	    reference_extensions(c, want, key, issuer) && X509_sign(c, signer, digest) > 0)
		return c;
	X509_free(c);
	return NULL;
}
