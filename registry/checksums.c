#include "registry/checksums.h"
#include <ctype.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* 64 hexadecimal digits and then the end or a blank: put into hex in lower case. */
static bool read_hex(const char *p, const char *end, char hex[DIGEST_HEX_LEN + 1])
{
	if (end - p < DIGEST_HEX_LEN || (end - p > DIGEST_HEX_LEN && !is_space(p[DIGEST_HEX_LEN])))
		return false;
	for (int i = 0; i < DIGEST_HEX_LEN; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return false;
		hex[i] = (char)tolower((unsigned char)p[i]);
	}
	hex[DIGEST_HEX_LEN] = '\0';
	return true;
}

/* Does the line's rest name the file?  *ret_bare: there is no name at all. */
static bool names(const char *p, const char *end, const char *name, bool *ret_bare)
{
	const char *base;

	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	*ret_bare = p == end;
	if (p < end && *p == '*')
		p++;
	base = memrchr(p, '/', (size_t)(end - p));
	p = base == NULL ? p : base + 1;
	return (size_t)(end - p) == strlen(name) && memcmp(p, name, strlen(name)) == 0;
}

int checksums_find(const char *text, size_t len, const char *name, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err)
{
	char found[DIGEST_HEX_LEN + 1] = "", lone[DIGEST_HEX_LEN + 1] = "", hex[DIGEST_HEX_LEN + 1];
	const char *end = text + len, *eol;
	size_t sums = 0;

	for (const char *p = text; p < end; p = eol + 1) {
		bool bare = false;

		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol == NULL ? end : eol;
		while (p < eol && is_space(*p))
			p++;
		if (!read_hex(p, eol, hex))
			continue;
		sums++;
		if (names(p + DIGEST_HEX_LEN, eol, name, &bare)) {
			if (*found != '\0' && strcmp(found, hex) != 0)
				return error_set(err, ERROR_REMOTE, "the checksum file holds two sums of %s: %s and %s", name,
						 found, hex);
			memcpy(found, hex, sizeof(hex));
		} else if (bare) {
			memcpy(lone, hex, sizeof(hex));
		}
	}
	if (*found == '\0' && sums == 1)
		memcpy(found, lone, sizeof(lone)); /* a bare digest is that of the only file it can mean */
	if (*found == '\0')
		return error_set(err, ERROR_REMOTE, "the checksum file holds no SHA-256 sum of %s (%zu lines of it are sums)",
				 name, sums);
	memcpy(ret_hex, found, sizeof(found));
	return 0;
}
