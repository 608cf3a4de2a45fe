#include "core/cluster/version.h"
#include <limits.h>
#include <stdlib.h>

static bool number(const char **at, int *ret)
{
	char *end = NULL;
	long n = **at >= '0' && **at <= '9' ? strtol(*at, &end, 10) : -1;

	if (n < 0 || n > INT_MAX / 2)
		return false;
	*ret = (int)n;
	*at = end;
	return true;
}

static bool dot(const char **at)
{
	return **at == '.' && (*at)++ != NULL;
}

bool version_parse(const char *text, struct version *ret)
{
	const char *at = text + (*text == 'v');
	struct version v = {0};

	*ret = v;
	if (!number(&at, &v.major) || !dot(&at) || !number(&at, &v.minor) || (dot(&at) && !number(&at, &v.patch)))
		return false;
	*ret = v;
	return true;
}

int version_compare(const struct version *a, const struct version *b)
{
	if (a->major != b->major)
		return a->major - b->major;
	return a->minor != b->minor ? a->minor - b->minor : a->patch - b->patch;
}

int version_minors(const struct version *a, const struct version *b)
{
	if (a->major != b->major)
		return b->major > a->major ? INT_MAX : -INT_MAX;
	return b->minor - a->minor;
}
