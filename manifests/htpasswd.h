/* htpasswd: one line of an htpasswd file, bcrypt; the home of crypt.h. */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

/*
 * "user:$2b$05$…\n".  The cost is low on purpose: the registry computes the hash at every request, and passwords are of 128
 * random bits, to which a higher cost adds nothing.  The salt comes from the password, so that the same password gives the same
 * bytes: rendering again changes no file.  golang.org/x/crypto/bcrypt, which reads it, takes any minor version letter.
 */
int htpasswd_line(const char *user, const char *password, struct buf *ret, struct error **err) MUST_USE;
