#include "pki/crypto.h"
#include "core/base/alloc.h"
#include <limits.h>
#include <openssl/err.h>
#include <string.h>

void crypto_free_pkey(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
	*p = NULL;
}

void crypto_free_x509(X509 **p)
{
	X509_free(*p);
	*p = NULL;
}

void crypto_free_x509s(STACK_OF(X509) **p)
{
	sk_X509_pop_free(*p, X509_free);
	*p = NULL;
}

void crypto_free_bio(BIO **p)
{
	BIO_free(*p);
	*p = NULL;
}

void crypto_free_names(GENERAL_NAMES **p)
{
	GENERAL_NAMES_free(*p);
	*p = NULL;
}

int crypto_error(struct error **err, enum error_kind kind, const char *fmt, ...)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return reason == NULL ? error_set(err, kind, "%s", text) : error_set(err, kind, "%s (%s)", text, reason);
}

BIO *crypto_reader(const void *text, size_t len)
{
	BIO *bio = len > INT_MAX ? NULL : BIO_new_mem_buf(len == 0 ? "" : text, (int)len);

	if (bio == NULL)
		abort();
	return bio;
}

BIO *crypto_writer(void)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL)
		abort();
	return bio;
}

void crypto_written(BIO *writer, struct buf *ret)
{
	char *p = NULL;
	long n = BIO_get_mem_data(writer, &p);

	if (n > 0)
		buf_add_mem(ret, p, (size_t)n);
}

void crypto_pem(const char *label, const unsigned char *der, size_t n, struct buf *ret)
{
	enum { LINE = 48 }; /* 64 characters */
	size_t lines = (n + LINE - 1) / LINE;

	buf_reserve(ret, 2 * (strlen("-----BEGIN -----\n") + strlen(label)) + lines + 4 * ((n + 2) / 3));
	buf_add(ret, "-----BEGIN ");
	buf_add(ret, label);
	buf_add(ret, "-----\n");
	for (size_t at = 0; at < n; at += LINE) {
		ret->len += (size_t)EVP_EncodeBlock((unsigned char *)ret->data + ret->len, der + at, (int)(n - at < LINE ? n - at : LINE));
		buf_add_char(ret, '\n');
	}
	buf_add(ret, "-----END ");
	buf_add(ret, label);
	buf_add(ret, "-----\n");
}

int crypto_no_password(char *to UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
	return -1;
}
