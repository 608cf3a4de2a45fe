/* microversion: what nova and cinder say of the versions of their API.  Pure. */
#pragma once
#include "core/base/json.h"

/* "2.93" as 2 * 1000 + 93; 0 where it is none. */
long microversion_number(const char *version);
/* The entry of a service's version document that has microversions: nova's v2.1, cinder's v3.0; NULL where there is none. */
struct json_object *microversion_newest(struct json_object *document);
/* False also where the document is NULL: nobody has asked, or a front end hides it. */
bool microversion_is_known(struct json_object *document, const char *version);
