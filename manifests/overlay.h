/* overlay: settings of the operator over rendered JSON, as RFC 7396 (JSON Merge Patch): maps are merged, null removes, all else replaces. */
#pragma once
#include "core/base/json.h"

/* Changes *to; patch stays as it is.  patch NULL: nothing happens. */
void overlay(struct json_object *to, struct json_object *patch);
