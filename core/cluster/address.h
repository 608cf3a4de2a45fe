/* address: IPv4 networks and addresses as numbers in host order. */
#pragma once
#include "core/base/error.h"

struct cidr {
	uint32_t base; /* host bits are 0 */
	unsigned prefix;
};

int cidr_parse(const char *s, struct cidr *ret, struct error **err) MUST_USE; /* host bits set, or no IPv4: ERROR_CONFIG */
int address_parse(const char *s, uint32_t *ret, struct error **err) MUST_USE;
bool cidr_overlap(struct cidr a, struct cidr b);
bool cidr_has(struct cidr c, uint32_t address);
uint32_t cidr_size(struct cidr c); /* addresses; a /0 gives UINT32_MAX */
char *address_format(uint32_t address) MUST_USE;
char *cidr_format(struct cidr c) MUST_USE;
char *cidr_nth(const char *cidr, uint32_t n) MUST_USE; /* the n-th address of a checked CIDR: cidr_nth("10.96.0.0/16", 10) is 10.96.0.10 */
