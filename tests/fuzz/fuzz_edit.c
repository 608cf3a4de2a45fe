/* The cluster file with one number changed: the result has that number, every other value is the same, and changing it back gives the file. */
#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/yaml.h"
#include "core/cluster/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_object *pool_of(struct json_object *file)
{
	struct json_object *pools = json_at(file, "spec.workerPools");

	for (size_t i = 0; i < json_len(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);

		if (strcmp(json_get_str(pool, "name", ""), "w") == 0)
			return pool;
	}
	abort(); /* it was edited */
}

static struct json_object *values(const char *text, size_t len)
{
	CLEANUP_YAML struct yaml *y = NULL;

	if (yaml_parse("input", text, len, &y, NULL) < 0)
		abort();
	return yaml_to_json(y->root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { OTHER = 4711 };
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	size_t len = strlen(text);
	CLEANUP_BUF struct buf edited = BUF_INIT, back = BUF_INIT;
	CLEANUP_JSON struct json_object *was = NULL, *is = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	int64_t count;

	if (edit_count("input", text, len, "w", OTHER, &edited, &err) < 0) {
		if (edited.len > 0 || !error_is(err, ERROR_CONFIG) || strncmp(error_message(err), "input", 5) != 0)
			abort();
		return 0;
	}
	was = values(text, len);
	is = values(buf_str(&edited), edited.len);
	count = json_get_int(pool_of(was), "count", -1);
	if (json_get_int(pool_of(is), "count", -1) != OTHER)
		abort();
	json_add_int(pool_of(was), "count", OTHER);
	if (!json_object_equal(was, is))
		abort();
	if (count < 0 || count > 1000000)
		return 0;
	if (edit_count("input", edited.data, edited.len, "w", (int)count, &back, &err) < 0 || back.len > len)
		abort();
	return 0;
}
