/* dial: a TCP connection with a deadline and cancellation; waiting for a port that is about to open. */
#pragma once
#include "core/base/error.h"

int dial_tcp(const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err) MUST_USE;
/* Try again (200 ms apart, each attempt at most 3 s) until the port accepts or the deadline passes: refused, unreachable and
 * timed out are waited out; a name that does not exist (ERROR_NOT_FOUND) is not. */
int dial_wait(const char *host, uint16_t port, int64_t deadline, int *ret_fd, struct error **err) MUST_USE;
