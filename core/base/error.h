/*
 * error: what went wrong, and of which kind, so that callers can decide on retry and exit status.
 *
 * Functions that can fail take `struct error **err` as their last argument, return 0 or -1 (or a pointer or NULL) and
 * leave *err untouched on success.  *err must be NULL on entry.  The caller owns the error: error_free(), or CLEANUP_ERROR.
 * Setters return -1, so that `return error_set(err, …)` is one line.  err itself may be NULL: the error is dropped.
 */
#pragma once
#include "core/base/macros.h"

enum error_kind {
	ERROR_USAGE,	 /* the command line */
	ERROR_CONFIG,	 /* the cluster file, clouds.yaml, another input */
	ERROR_AUTH,	 /* credentials were refused */
	ERROR_NOT_FOUND, /* a thing that was named does not exist */
	ERROR_CONFLICT,	 /* a thing exists or is in another state */
	ERROR_QUOTA,	 /* a limit of the cloud */
	ERROR_NETWORK,	 /* no connection, or it broke; TLS; DNS */
	ERROR_TIMEOUT,	 /* a deadline passed */
	ERROR_REMOTE,	 /* the other side answered that it failed */
	ERROR_PREFLIGHT, /* refused before the first write */
	ERROR_NODE,	 /* part of the nodes failed */
	ERROR_LOCKED,	 /* another run holds the lock */
	ERROR_LEFTOVERS, /* a delete left something behind */
	ERROR_CANCELLED, /* the user interrupted */
	ERROR_INTERNAL	 /* a bug, or a local failure such as a full disk */
};

struct error;

int error_set(struct error **err, enum error_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As error_set, with ": " and strerror(errnum) appended; the kind is ERROR_INTERNAL. */
int error_errno(struct error **err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Put "context: " before the message of *err, keeping its kind.  Does nothing where err or *err is NULL. */
int error_wrap(struct error **err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Hand src over to *err (or free it where err is NULL); returns -1. */
int error_move(struct error **err, struct error *src);

enum error_kind error_kind(const struct error *err);
const char *error_message(const struct error *err); /* "" for NULL */
bool error_is(const struct error *err, enum error_kind kind); /* false for NULL */
/* Exit status (README.md): 2 usage and config, 3 preflight, 4 cloud, 5 nodes, 6 locked, 7 leftovers, 130 cancelled, 1 else. */
int error_exit_status(const struct error *err);
void error_free(struct error *err);
void error_clear(struct error **err);
#define CLEANUP_ERROR CLEANUP(error_clear)
