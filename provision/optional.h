/* optional: collections that not every cloud has. */
#pragma once
#include "provision/cloud.h"

/* As cloud_list(), but empty where the catalog has no such service, or the service answers 404: then nothing can be in it.  Not for what
 * every cloud must have: there a 404 means that the endpoint is wrong, and that nothing is known. */
int optional_list(struct cloud *c, enum cloud_service service, const char *path, const char *key, struct json_object **ret,
		  struct error **err) MUST_USE;
