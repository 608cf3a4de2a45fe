/* values: what the templates are filled with, from plan, node and the secrets. */
#pragma once
#include "manifests/manifests.h"
#include "manifests/template.h"

/* All values that any template of the cluster uses; node and secrets may be NULL, their values are then missing.
 * ERROR_CONFIG where an image that is needed is not in the bundle, or the pods' network is too small. */
int values_fill(const struct plan *plan, const struct node *node, const struct manifest_values *secrets,
		struct template_values *ret, struct error **err) MUST_USE;
