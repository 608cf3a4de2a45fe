/* power: actions on a server that is there. */
#pragma once
#include "provision/cloud.h"

/* {"action": argument}, which is taken (NULL: null).  That it is on its way already is no error. */
int server_act(struct cloud *c, const char *id, const char *name, const char *action, struct json_object *argument,
	       struct error **err) MUST_USE;
