/* child: another program in the foreground, as a shell runs it: with this process' standard streams and its terminal. */
#pragma once
#include "core/base/error.h"

/*
 * Runs argv[0] of PATH with `variable`=`value` besides the environment, and waits for it: *ret_status is its exit status, 128 + the signal that
 * ended it.  SIGINT and SIGQUIT are the program's affair meanwhile: those of the terminal reach it anyway, others are passed on.  When the run is
 * cancelled (SIGTERM, SIGHUP) it is sent SIGTERM, waited for, and ERROR_CANCELLED comes back.  ERROR_USAGE where it cannot be run.
 */
int child_run(char *const argv[], const char *variable, const char *value, int *ret_status, struct error **err) MUST_USE;
