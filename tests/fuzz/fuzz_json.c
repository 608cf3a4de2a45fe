/* Answers of services. The first line is a path, as the typed getters take it; the rest is the text. */
#include "core/base/alloc.h"
#include "core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(struct json_object *o, const char *path)
{
	CLEANUP_ERROR struct error *no_string = NULL, *no_int = NULL, *no_object = NULL, *no_array = NULL;
	struct json_object *found = NULL;
	const char *string = NULL;
	int64_t number = 0;
	int hits = 0;

	hits += json_need_str(o, path, &string, &no_string) == 0;
	hits += json_need_int(o, path, &number, &no_int) == 0;
	hits += json_need_object(o, path, &found, &no_object) == 0;
	hits += json_need_array(o, path, &found, &no_array) == 0;
	if (hits > 1 || (hits == 1 && json_at(o, path) == NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_ERROR struct error *err = NULL;

	if (end == NULL)
		return 0;
	path = xstrndup((const char *)data, (size_t)(end - data));
	if (json_parse((const char *)end + 1, size - (size_t)(end + 1 - data), "input", &o, &err) < 0) {
		if (o != NULL || error_message(err)[0] == '\0')
			abort();
		return 0;
	}
	need(o, path);
	(void)json_get_str(o, path, "");
	(void)json_get_int(o, path, 0);
	(void)json_get_bool(o, path, false);
	return 0;
}
