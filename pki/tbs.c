#include "pki/tbs.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* ---- names */

/* OpenSSL, at least, reads no certificate with another text in it. */
static bool is_utf8(const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int left = (int)strlen(s), n = 0;
	unsigned long value = 0;

	for (; left > 0; at += n, left -= n) {
		n = UTF8_getc(at, left, &value);
		if (n <= 0 || value > 0x10ffff)
			return false;
	}
	return true;
}

/* UTF8String, and no limit of 64 characters. */
static int write_entry(struct der *d, int nid, const char *value, struct error **err)
{
	size_t since = d->len;

	if (!is_utf8(value))
		return error_set(err, ERROR_CONFIG, "a name that is no UTF-8 can be in no certificate");
	der_put(d, DER_UTF8_STRING, value, strlen(value));
	der_object(d, nid);
	der_wrap(d, DER_SEQUENCE, since);
	der_wrap(d, DER_SET, since);
	return 0;
}

int tbs_write_subject(struct der *d, const struct certificate_want *want, struct error **err)
{
	size_t since = d->len;

	if (write_entry(d, NID_commonName, want->cn, err) < 0)
		return -1;
	for (size_t i = want->groups != NULL ? want->groups->n : 0; i > 0; i--)
		if (write_entry(d, NID_organizationName, want->groups->v[i - 1], err) < 0)
			return -1;
	if (want->o != NULL && write_entry(d, NID_organizationName, want->o, err) < 0)
		return -1;
	der_wrap(d, DER_SEQUENCE, since);
	return 0;
}

bool tbs_is_dns_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '.' && !(s[i] == '*' && i == 0))
			return false;
	return true;
}

static int write_name(struct der *d, const char *s, struct error **err)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, s, &four) == 1)
		der_put(d, DER_CONTEXT + GEN_IPADD, &four, sizeof(four));
	else if (inet_pton(AF_INET6, s, &six) == 1)
		der_put(d, DER_CONTEXT + GEN_IPADD, &six, sizeof(six));
	else if (tbs_is_dns_name(s))
		der_put(d, DER_CONTEXT + GEN_DNS, s, strlen(s));
	else
		return error_set(err, ERROR_CONFIG, "\"%s\" can be in no certificate: it is neither an IP address nor a DNS name", s);
	return 0;
}

int tbs_write_names(struct der *d, const struct strv *sans, struct error **err)
{
	size_t since = d->len;

	for (size_t i = sans != NULL ? sans->n : 0; i > 0; i--)
		if (write_name(d, sans->v[i - 1], err) < 0)
			return -1;
	der_wrap(d, DER_SEQUENCE, since);
	return 0;
}

/* ---- extensions */

/* What was written since then is the value of one. */
static void wrap_extension(struct der *d, int nid, bool critical, size_t since)
{
	der_wrap(d, DER_OCTET_STRING, since);
	if (critical)
		der_put(d, DER_BOOLEAN, "\xff", 1);
	der_object(d, nid);
	der_wrap(d, DER_SEQUENCE, since);
}

/* lowest: no authority may be below it. */
static void write_constraints(struct der *d, bool authority, bool lowest)
{
	size_t since = d->len;

	if (lowest)
		der_integer(d, 0);
	if (authority)
		der_put(d, DER_BOOLEAN, "\xff", 1);
	der_wrap(d, DER_SEQUENCE, since);
	wrap_extension(d, NID_basic_constraints, true, since);
}

static void write_identifier(struct der *d, const struct key_public *key)
{
	unsigned char id[20];
	size_t since = d->len;

	key_public_id(key, id);
	der_put(d, DER_OCTET_STRING, id, sizeof(id));
	wrap_extension(d, NID_subject_key_identifier, false, since);
}

static void write_issuer(struct der *d, const struct tbs_by *by)
{
	size_t since = d->len;

	der_put(d, DER_CONTEXT + 0, by->key_id.data, by->key_id.len);
	der_wrap(d, DER_SEQUENCE, since);
	wrap_extension(d, NID_authority_key_identifier, false, since);
}

static void write_usage(struct der *d, unsigned char flags)
{
	size_t since = d->len;

	der_flags(d, flags);
	wrap_extension(d, NID_key_usage, true, since);
}

static void write_purpose(struct der *d, unsigned usage)
{
	size_t since = d->len;

	if (usage & CERTIFICATE_CLIENT)
		der_object(d, NID_client_auth);
	if (usage & CERTIFICATE_SERVER)
		der_object(d, NID_server_auth);
	der_wrap(d, DER_SEQUENCE, since);
	wrap_extension(d, NID_ext_key_usage, false, since);
}

/* RFC 5480 forbids encipherment with an EC key; of RSA it is how TLS 1.2 without forward secrecy hands keys over, and what clients may want. */
static unsigned char leaf_usage(const struct key_public *key)
{
	return key->is_rsa ? KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT : KU_DIGITAL_SIGNATURE;
}

static int write_extensions(struct der *d, const struct certificate_want *want, const struct key_public *key, const struct tbs_by *by, struct error **err)
{
	bool authority = want->usage == 0, issued = by->name.len > 0;
	size_t since = d->len;

	if (want->sans != NULL && want->sans->n > 0) {
		if (tbs_write_names(d, want->sans, err) < 0)
			return -1;
		wrap_extension(d, NID_subject_alt_name, false, since);
	}
	if (!authority)
		write_purpose(d, want->usage);
	write_usage(d, authority ? KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN : leaf_usage(key));
	if (issued)
		write_issuer(d, by);
	write_identifier(d, key);
	write_constraints(d, authority, authority && issued);
	der_wrap(d, DER_SEQUENCE, since);
	der_wrap(d, DER_CONTEXT_OF + 3, since);
	return 0;
}

/* ---- the rest */

/* Years that two digits can tell have to be told by two (RFC 5280, 4.1.2.5). */
static void write_tm(struct der *d, const struct tm *tm)
{
	int year = tm->tm_year + 1900;
	const int parts[] = {year / 100, year % 100, tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec};
	char text[2 * ARRAY_SIZE(parts) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		text[2 * i] = (char)('0' + parts[i] / 10);
		text[2 * i + 1] = (char)('0' + parts[i] % 10);
	}
	text[2 * ARRAY_SIZE(parts)] = 'Z';
	if (year >= 1950 && year < 2050)
		der_put(d, DER_UTC_TIME, text + 2, sizeof(text) - 2);
	else
		der_put(d, DER_GENERALIZED_TIME, text, sizeof(text));
}

static int write_time(struct der *d, int64_t seconds, struct error **err)
{
	time_t t = (time_t)seconds;
	struct tm tm = {0};

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return error_set(err, ERROR_INTERNAL, "no certificate can begin or end %lld seconds after 1970", (long long)seconds);
	write_tm(d, &tm);
	return 0;
}

static int write_validity(struct der *d, const struct certificate_want *want, struct error **err)
{
	size_t since = d->len;

	if (write_time(d, want->not_after, err) < 0 || write_time(d, want->not_before, err) < 0)
		return -1;
	der_wrap(d, DER_SEQUENCE, since);
	return 0;
}

static void write_version(struct der *d)
{
	size_t since = d->len;

	der_integer(d, X509_VERSION_3);
	der_wrap(d, DER_CONTEXT_OF + 0, since);
}

static void write_key(struct der *d, const struct key_public *key)
{
	size_t since = d->len;

	der_bits(d, key->bits.data, key->bits.len);
	der_add(d, key->algorithm.data, key->algorithm.len);
	der_wrap(d, DER_SEQUENCE, since);
}

static int write_issuer_name(struct der *d, const struct certificate_want *want, const struct tbs_by *by, struct error **err)
{
	if (by->name.len == 0)
		return tbs_write_subject(d, want, err);
	der_add(d, by->name.data, by->name.len);
	return 0;
}

int tbs_write(struct der *d, const struct certificate_want *want, const struct key_public *key, const struct tbs_by *by, uint64_t serial, struct error **err)
{
	size_t since = d->len;

	if (by->name.len > 0 && by->key_id.len == 0)
		return error_set(err, ERROR_CONFIG, "the certificate of its issuer has no subject key identifier, by which it could be pointed to");
	if (write_extensions(d, want, key, by, err) < 0)
		return -1;
	write_key(d, key);
	if (tbs_write_subject(d, want, err) < 0 || write_validity(d, want, err) < 0 || write_issuer_name(d, want, by, err) < 0)
		return -1;
	der_add(d, by->algorithm.data, by->algorithm.len);
	der_integer(d, serial);
	write_version(d);
	der_wrap(d, DER_SEQUENCE, since);
	return 0;
}
