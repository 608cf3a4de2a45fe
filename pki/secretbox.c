#include "pki/secretbox.h"
#include "core/base/alloc.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { BLOCK = 64, MAC_KEY = 32, WORDS = 16 };

/* ---- Salsa20: https://cr.yp.to/snuffle/spec.pdf */

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store(uint8_t *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

static uint32_t rotate(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*b ^= rotate(*a + *d, 7);
	*c ^= rotate(*b + *a, 9);
	*d ^= rotate(*c + *b, 13);
	*a ^= rotate(*d + *c, 18);
}

static void twenty_rounds(uint32_t x[WORDS])
{
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 4; k++) /* columns */
			quarter(&x[5 * k], &x[(5 * k + 4) % 16], &x[(5 * k + 8) % 16], &x[(5 * k + 12) % 16]);
		for (int k = 0; k < 4; k++) /* rows */
			quarter(&x[5 * k], &x[4 * k + (k + 1) % 4], &x[4 * k + (k + 2) % 4], &x[4 * k + (k + 3) % 4]);
	}
}

/* input: nonce and counter */
static void fill(const uint8_t key[SECRETBOX_KEY], const uint8_t input[16], uint32_t x[WORDS])
{
	static const uint8_t constants[] = "expand 32-byte k";

	for (int i = 0; i < 4; i++) {
		x[5 * i] = load(constants + 4 * i);
		x[1 + i] = load(key + 4 * i);
		x[6 + i] = load(input + 4 * i);
		x[11 + i] = load(key + 16 + 4 * i);
	}
}

/* ---- XSalsa20: https://cr.yp.to/snuffle/xsalsa-20110204.pdf */

static void derive(const uint8_t key[SECRETBOX_KEY], const uint8_t input[16], uint8_t ret[SECRETBOX_KEY])
{
	uint32_t x[WORDS];

	fill(key, input, x);
	twenty_rounds(x);
	for (int i = 0; i < 4; i++) {
		store(ret + 4 * i, x[5 * i]);
		store(ret + 16 + 4 * i, x[6 + i]);
	}
	OPENSSL_cleanse(x, sizeof(x));
}

static void stream_block(const uint8_t key[SECRETBOX_KEY], const uint8_t nonce[8], uint64_t counter, uint8_t ret[BLOCK])
{
	uint32_t x[WORDS], from[WORDS];
	uint8_t input[16];

	memcpy(input, nonce, 8);
	store(input + 8, (uint32_t)counter);
	store(input + 12, (uint32_t)(counter >> 32));
	fill(key, input, from);
	memcpy(x, from, sizeof(x));
	twenty_rounds(x);
	for (int i = 0; i < WORDS; i++)
		store(ret + 4 * i, x[i] + from[i]);
	OPENSSL_cleanse(x, sizeof(x));
	OPENSSL_cleanse(from, sizeof(from));
}

/* ---- the box */

static void tag_of(const uint8_t key[MAC_KEY], const uint8_t *p, size_t n, uint8_t ret[SECRETBOX_TAG])
{
	size_t made = 0;

	if (EVP_Q_mac(NULL, "POLY1305", NULL, NULL, NULL, key, MAC_KEY, p, n, ret, SECRETBOX_TAG, &made) == NULL || made != SECRETBOX_TAG)
		abort();
}

bool secretbox_open(const uint8_t key[SECRETBOX_KEY], const uint8_t nonce[SECRETBOX_NONCE], const uint8_t *box, size_t n, struct buf *ret)
{
	uint8_t own[SECRETBOX_KEY], block[BLOCK], tag[SECRETBOX_TAG];
	bool is_right;

	if (n < SECRETBOX_TAG)
		return false;
	derive(key, nonce, own);
	stream_block(own, nonce + 16, 0, block);
	/* the stream begins with the tag's key */
	tag_of(block, box + SECRETBOX_TAG, n - SECRETBOX_TAG, tag);
	is_right = CRYPTO_memcmp(tag, box, SECRETBOX_TAG) == 0;
	for (size_t i = SECRETBOX_TAG; is_right && i < n; i++) {
		size_t at = i - SECRETBOX_TAG + MAC_KEY;

		if (at % BLOCK == 0)
			stream_block(own, nonce + 16, at / BLOCK, block);
		buf_add_char(ret, (char)(box[i] ^ block[at % BLOCK]));
	}
	OPENSSL_cleanse(own, sizeof(own));
	OPENSSL_cleanse(block, sizeof(block));
	return is_right;
}
