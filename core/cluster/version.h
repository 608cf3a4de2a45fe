/* version: "1.36.3" or "v1.36.3" as numbers.  Pure. */
#pragma once
#include "core/base/macros.h"

struct version {
	int major, minor, patch;
};

/* False where it is none: *ret is all 0 then, as old as can be.  The patch may be missing (0); what follows it ("-rc.1", "+k3s1") is not regarded. */
bool version_parse(const char *text, struct version *ret);
int version_compare(const struct version *a, const struct version *b); /* below 0: a is older */
/* How many minor versions b is ahead of a; INT_MAX or -INT_MAX where the major ones differ. */
int version_minors(const struct version *a, const struct version *b);
