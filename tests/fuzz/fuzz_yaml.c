/* YAML of people: cluster files and clouds.yaml. The tree has its positions inside the text, and turns into JSON. */
#include "core/base/json.h"
#include "core/base/yaml.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_YAML struct yaml *y = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_JSON struct json_object *json = NULL;

	if (yaml_parse("input", (const char *)data, size, &y, &err) < 0) {
		if (y != NULL || !error_is(err, ERROR_CONFIG) || strncmp(error_message(err), "input:", 6) != 0)
			abort();
		return 0;
	}
	for (size_t i = 0; i < y->n_nodes; i++)
		if (y->nodes[i]->line < 1 || y->nodes[i]->column < 1 || y->nodes[i]->start > y->nodes[i]->end || y->nodes[i]->end > size)
			abort();
	json = yaml_to_json(y->root);
	if (json_object_to_json_string(json) == NULL)
		abort();
	return 0;
}
