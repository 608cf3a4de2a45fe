/* check_modes: what the file says about how things are to be made, against what is there already: pure. */
#pragma once
#include "provision/view.h"

/* Adds a line for each finding. */
void check_server_groups(const struct plan *plan, struct view *view, struct strv *ret);
