/* marks: the UUID of a cluster that has no state here, by what bears its mark in the cloud. */
#pragma once
#include "provision/cloud.h"

/* uuid: of --uuid, or NULL.  *ret NULL: nothing of that name is there.  ERROR_USAGE where several clusters bear the name, with their
 * UUIDs, or where the UUID is another cluster's. */
int marks_find(struct cloud *cloud, const char *name, const char *uuid, char **ret, struct error **err) MUST_USE;
