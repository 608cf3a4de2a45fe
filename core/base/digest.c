#include "core/base/digest.h"
#include "core/base/alloc.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>

struct digest {
	EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
	struct digest *d = xnew(struct digest);

	d->context = EVP_MD_CTX_new();
	if (d->context == NULL || EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1)
		abort();
	return d;
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	if (EVP_DigestUpdate(d->context, p, n) != 1)
		abort();
}

static void hex(const unsigned char *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}

void digest_final(struct digest *d, char ret_hex[DIGEST_HEX_LEN + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_DigestFinal_ex(d->context, md, &len) != 1)
		abort();
	hex(md, len, ret_hex);
	digest_free(d);
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	free(d);
}

void digest_hex(const void *p, size_t n, char ret_hex[DIGEST_HEX_LEN + 1])
{
	struct digest *d = digest_new();

	digest_update(d, p, n);
	digest_final(d, ret_hex);
}

int digest_file(const char *path, char ret_hex[DIGEST_HEX_LEN + 1], int64_t *ret_size, struct error **err)
{
	FILE *f = fopen(path, "re");
	struct digest *d;
	int64_t size = 0;
	char chunk[65536];
	size_t n;
	bool bad;

	if (f == NULL && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "%s: there is no such file", path);
	if (f == NULL)
		return error_errno(err, errno, "cannot open %s", path);
	d = digest_new();
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
		digest_update(d, chunk, n);
		size += (int64_t)n;
	}
	bad = ferror(f);
	fclose(f);
	digest_final(d, ret_hex);
	if (bad)
		return error_errno(err, errno, "cannot read %s", path);
	if (ret_size != NULL)
		*ret_size = size;
	return 0;
}

char *base64_encode(const void *p, size_t n)
{
	char *s = xcalloc(4 * ((n + 2) / 3) + 1, 1);

	EVP_EncodeBlock((unsigned char *)s, p, (int)n);
	return s;
}

int base64_decode(const char *s, struct buf *ret, struct error **err)
{
	size_t n = strlen(s);
	CLEANUP_FREE unsigned char *out = xcalloc(n / 4 * 3 + 4, 1);
	int len = n % 4 == 0 ? EVP_DecodeBlock(out, (const unsigned char *)s, (int)n) : -1;

	if (len < 0)
		return error_set(err, ERROR_CONFIG, "this is not base64");
	while (n > 0 && len > 0 && s[n - 1] == '=') {
		len--;
		n--;
	}
	buf_add_mem(ret, out, (size_t)len);
	return 0;
}

void random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

char *random_hex(size_t bytes)
{
	CLEANUP_FREE unsigned char *raw = xcalloc(bytes, 1);
	char *s = xcalloc(2 * bytes + 1, 1);

	random_bytes(raw, bytes);
	hex(raw, bytes, s);
	return s;
}

char *random_uuid(void)
{
	unsigned char raw[16];
	char h[33];

	random_bytes(raw, sizeof(raw));
	raw[6] = (raw[6] & 0x0f) | 0x40;
	raw[8] = (raw[8] & 0x3f) | 0x80;
	hex(raw, sizeof(raw), h);
	return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
}
