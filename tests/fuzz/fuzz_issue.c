/*
 * What a certificate is wanted to say: any names, dates and serial. It is what OpenSSL makes of the same, byte by byte, and OpenSSL reads it and writes it
 * again; what OpenSSL cannot make is refused. Bytes: usage and which names there are, serial, both dates; then texts, each up to a NUL: cn, o, SANs; before these
 * a byte that says how many groups there are, and the groups.
 */
#include "pki/issuer.h"
#include "pki/tbs.h"
#include "tests/unit/x509_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static X509 *root;
static struct key_public public;
static struct tbs_by by_itself, by_root;
static struct issuer *itself, *issuer;

enum { ISSUED = 4, WITH_O = 8, WITH_GROUPS = 16, WITH_SANS = 32, FIXED = 1 + 3 * sizeof(uint64_t) };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static X509 *read_one(const struct buf *pem)
{
	X509 *c = NULL;

	must(certificate_parse("it", buf_str(pem), pem->len, &c, NULL) == 0);
	return c;
}

static void make_root(void)
{
	struct certificate_want want = {.cn = "root", .not_after = INT32_MAX};
	CLEANUP_BUF struct buf pem = BUF_INIT;

	must(key_make(KEY_ECDSA_P256, &key, NULL) == 0 && key_public(key, &public, NULL) == 0);
	must(issuer_new(NULL, key, &itself, NULL) == 0 && issuer_issue(itself, &want, &public, &pem, NULL) == 0);
	root = read_one(&pem);
	must(issuer_new(root, key, &issuer, NULL) == 0);
}

static void name_issuers(void)
{
	static const unsigned char algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}; /* ecdsa-with-SHA256 */
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(root);
	const unsigned char *name = NULL;
	size_t n = 0;

	buf_add_mem(&by_itself.algorithm, algorithm, sizeof(algorithm));
	buf_add_mem(&by_root.algorithm, algorithm, sizeof(algorithm));
	must(X509_NAME_get0_der(X509_get_subject_name(root), &name, &n) == 1);
	buf_add_mem(&by_root.name, name, n);
	buf_add_mem(&by_root.key_id, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
}

/* The same, signed: it is read and written again, and known as what was wanted. */
static void check_signed(const struct certificate_want *want, bool issued)
{
	CLEANUP_BUF struct buf pem = BUF_INIT, again = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL;

	must(issuer_issue(issued ? issuer : itself, want, &public, &pem, NULL) == 0);
	c = read_one(&pem);
	must(i2d_re_X509_tbs(c, NULL) > 0 && certificate_write(c, &again, NULL) == 0 && strcmp(buf_str(&pem), buf_str(&again)) == 0);
	must(want->usage == 0 || !issued || certificate_matches(c, want, root)); /* and has the signature */
}

static void check_refused(const struct error *err, const struct certificate_want *want, bool issued, uint64_t serial)
{
	CLEANUP_X509 X509 *reference = NULL;
	bool name = strstr(error_message(err), "neither an IP address nor a DNS name") != NULL;

	if (name || strstr(error_message(err), "seconds after 1970") != NULL)
		return;
	reference = reference_make(want, key, issued ? root : NULL, key, EVP_sha256(), serial);
	must(reference == NULL);
}

static void check(const struct certificate_want *want, bool issued, uint64_t serial)
{
	CLEANUP_X509 X509 *reference = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_DER struct der d = DER_INIT;
	unsigned char *theirs = NULL;
	int n;

	if (tbs_write(&d, want, &public, issued ? &by_root : &by_itself, serial, &err) < 0) {
		check_refused(err, want, issued, serial);
		return;
	}
	reference = reference_make(want, key, issued ? root : NULL, key, EVP_sha256(), serial);
	must(reference != NULL);
	n = i2d_re_X509_tbs(reference, &theirs);
	must(n > 0 && (size_t)n == d.len && memcmp(theirs, der_data(&d), d.len) == 0);
	OPENSSL_free(theirs);
	check_signed(want, issued);
}

struct input {
	const uint8_t *at;
	size_t left;
};

static char *take_text(struct input *in)
{
	size_t n = strnlen((const char *)in->at, in->left), step = n < in->left ? n + 1 : n;
	char *text = xstrndup((const char *)in->at, n);

	in->at += step;
	in->left -= step;
	return text;
}

static uint8_t take_byte(struct input *in)
{
	in->left--;
	return *in->at++;
}

static uint64_t take_number(struct input *in)
{
	uint64_t n = 0;

	memcpy(&n, in->at, sizeof(n));
	in->at += sizeof(n);
	in->left -= sizeof(n);
	return n;
}

/* Most are near the years that a certificate can tell. */
static int64_t take_date(struct input *in)
{
	int64_t t = (int64_t)take_number(in);

	return t % 3 ? t % 400000000000 : t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	CLEANUP_STRV struct strv groups = STRV_INIT, sans = STRV_INIT;
	CLEANUP_FREE char *cn = NULL, *o = NULL;
	struct certificate_want want = {0};
	uint64_t serial;
	uint8_t flags;

	if (key == NULL) {
		make_root();
		name_issuers();
	}
	if (size < FIXED)
		return 0;
	flags = take_byte(&in);
	serial = take_number(&in);
	want.not_before = take_date(&in);
	want.not_after = take_date(&in);
	want.cn = cn = take_text(&in);
	o = take_text(&in);
	for (int n = in.left > 0 ? take_byte(&in) % 8 : 0; n > 0 && in.left > 0; n--)
		strv_take(&groups, take_text(&in));
	while (in.left > 0)
		strv_take(&sans, take_text(&in));
	want.usage = flags % 4;
	want.o = flags & WITH_O ? o : NULL;
	want.groups = flags & WITH_GROUPS ? &groups : NULL;
	want.sans = flags & WITH_SANS ? &sans : NULL;
	check(&want, (flags & ISSUED) != 0, serial);
	return 0;
}
