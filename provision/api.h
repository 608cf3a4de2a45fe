/*
 * api: the API's own address in the cloud (api.endpoint: vip, octavia), behind which the control planes stand.
 */
#pragma once
#include "provision/view.h"

/* The port that has the address; NULL: it is not made yet. */
const char *api_port_id(const struct plan *plan, struct view *view);
