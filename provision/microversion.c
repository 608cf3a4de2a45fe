#include "provision/microversion.h"
#include <stdlib.h>

long microversion_number(const char *version)
{
	char *end = NULL;
	long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, &end, 10) : -1;

	return *end == '\0' && major > 0 && major < 1000 && minor >= 0 && minor < 1000 ? major * 1000 + minor : 0;
}

struct json_object *microversion_newest(struct json_object *document)
{
	struct json_object *list = json_at(document, "versions"), *best = NULL;

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (microversion_number(json_get_str(o, "version", "")) > microversion_number(json_get_str(best, "version", "")))
			best = o;
	}
	return best;
}

bool microversion_is_known(struct json_object *document, const char *version)
{
	struct json_object *newest = microversion_newest(document);
	long wanted = microversion_number(version);

	return newest != NULL && wanted <= microversion_number(json_get_str(newest, "version", "")) &&
	       wanted >= microversion_number(json_get_str(newest, "min_version", ""));
}
