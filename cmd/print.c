#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include <stdio.h>

int verb_schema(const struct options *o, struct error **err)
{
	CLEANUP_JSON struct json_object *schema = spec_schema();
	CLEANUP_FREE char *text = xasprintf(
		"%s\n", json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));

	return verb_write(o, text, strlen(text), 0644, err);
}

int verb_completion(const struct options *o, struct error **err)
{
	return options_complete(o->args.v[0], err);
}

int verb_version(const struct options *o, struct error **err)
{
	(void)o;
	(void)err;
	printf("davit %s\n", DAVIT_VERSION);
	return 0;
}
