/* selector: a LabelSelector of Kubernetes (metav1) against a set of labels.  Pure. */
#pragma once
#include "core/base/json.h"

/* labels may be NULL: there are none.  An empty selector takes everything, NULL takes nothing; an unknown operator takes nothing. */
bool selector_matches(struct json_object *selector, struct json_object *labels);
