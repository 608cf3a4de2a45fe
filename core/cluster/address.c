#include "core/cluster/address.h"
#include "core/base/alloc.h"
#include <arpa/inet.h>

int address_parse(const char *s, uint32_t *ret, struct error **err)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		return error_set(err, ERROR_CONFIG, "\"%s\" is no IPv4 address such as 10.6.0.10", s);
	*ret = ntohl(a.s_addr);
	return 0;
}

static uint32_t mask(unsigned prefix)
{
	return prefix == 0 ? 0 : ~UINT32_C(0) << (32 - prefix);
}

int cidr_parse(const char *s, struct cidr *ret, struct error **err)
{
	const char *slash = strchr(s, '/');
	CLEANUP_FREE char *address = NULL;
	unsigned long prefix;
	uint32_t base;
	char *end;

	if (slash == NULL || slash[1] < '0' || slash[1] > '9')
		return error_set(err, ERROR_CONFIG, "\"%s\" is no CIDR such as 10.6.0.0/24", s);
	address = xstrndup(s, (size_t)(slash - s));
	prefix = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || prefix > 32 || address_parse(address, &base, NULL) < 0)
		return error_set(err, ERROR_CONFIG, "\"%s\" is no CIDR such as 10.6.0.0/24", s);
	if ((base & ~mask((unsigned)prefix)) != 0) {
		struct cidr fixed = {base & mask((unsigned)prefix), (unsigned)prefix};
		CLEANUP_FREE char *meant = cidr_format(fixed);

		return error_set(err, ERROR_CONFIG, "\"%s\" has host bits set; the network is %s", s, meant);
	}
	*ret = (struct cidr){base, (unsigned)prefix};
	return 0;
}

bool cidr_overlap(struct cidr a, struct cidr b)
{
	uint32_t m = mask(a.prefix < b.prefix ? a.prefix : b.prefix);

	return (a.base & m) == (b.base & m);
}

bool cidr_has(struct cidr c, uint32_t address)
{
	return (address & mask(c.prefix)) == c.base;
}

uint32_t cidr_size(struct cidr c)
{
	return c.prefix == 0 ? UINT32_MAX : UINT32_C(1) << (32 - c.prefix);
}

char *address_format(uint32_t address)
{
	return xasprintf("%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

char *cidr_format(struct cidr c)
{
	CLEANUP_FREE char *base = address_format(c.base);

	return xasprintf("%s/%u", base, c.prefix);
}

char *cidr_nth(const char *cidr, uint32_t n)
{
	struct cidr c = {0, 0};

	if (cidr_parse(cidr, &c, NULL) < 0)
		abort(); /* the caller has checked it */
	return address_format(c.base + n);
}
