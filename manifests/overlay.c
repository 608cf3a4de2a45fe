#include "manifests/overlay.h"

void overlay(struct json_object *to, struct json_object *patch)
{
	if (patch == NULL)
		return;
	json_object_object_foreach(patch, key, value)
	{
		struct json_object *old = NULL;

		if (value == NULL) {
			json_object_object_del(to, key);
		} else if (json_object_is_type(value, json_type_object)) {
			if (!json_object_object_get_ex(to, key, &old) || !json_object_is_type(old, json_type_object)) {
				old = json_object_new_object();
				json_object_object_add(to, key, old);
			}
			overlay(old, value);
		} else {
			json_object_object_add(to, key, json_object_get(value));
		}
	}
}
