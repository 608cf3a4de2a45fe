#include "bootstrap/selector.h"
#include <string.h>

static bool is_among(struct json_object *values, const char *value)
{
	for (size_t i = 0; i < json_len(values); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(values, i));

		if (one != NULL && strcmp(one, value) == 0)
			return true;
	}
	return false;
}

/* NotIn also takes what has no such label. */
static bool expression(struct json_object *e, struct json_object *labels)
{
	const char *operator = json_get_str(e, "operator", ""), *value = json_get_key(labels, json_get_str(e, "key", ""), NULL);
	struct json_object *values = json_at(e, "values");

	if (strcmp(operator, "In") == 0)
		return value != NULL && is_among(values, value);
	if (strcmp(operator, "NotIn") == 0)
		return value == NULL || !is_among(values, value);
	if (strcmp(operator, "Exists") == 0)
		return value != NULL;
	return strcmp(operator, "DoesNotExist") == 0 && value == NULL;
}

bool selector_matches(struct json_object *selector, struct json_object *labels)
{
	struct json_object *expressions, *wanted;

	if (selector == NULL || !json_object_is_type(selector, json_type_object))
		return false;
	expressions = json_at(selector, "matchExpressions");
	for (size_t i = 0; i < json_len(expressions); i++)
		if (!expression(json_object_array_get_idx(expressions, i), labels))
			return false;
	wanted = json_at(selector, "matchLabels");
	if (wanted == NULL || !json_object_is_type(wanted, json_type_object))
		return true;
	json_object_object_foreach(wanted, key, value)
	{
		const char *has = json_get_key(labels, key, NULL), *want = json_object_get_string(value);

		if (has == NULL || want == NULL || strcmp(has, want) != 0)
			return false;
	}
	return true;
}
