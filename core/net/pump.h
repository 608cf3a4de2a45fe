/* pump: two connections made one: what comes from either goes to the other, until both have ended. */
#pragma once
#include "core/base/error.h"

/* An end of one is handed on as the end of what the other gets; a broken one ends both.  0 then; -1 when the run is cancelled.  The descriptors stay
 * the caller's; non-blocking from here on. */
int pump(int a, int b, struct error **err) MUST_USE;
