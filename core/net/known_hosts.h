/*
 * known_hosts: host keys out of a file in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
 *
 * Names may be plain or hashed, "[host]:port" before "host"; patterns with * and ? are not read.  A line marked @revoked takes its
 * key out; those marked @cert-authority, of key types that davit does not take, and damaged ones are passed over.
 */
#pragma once
#include "core/base/error.h"
#include "core/base/strv.h"

/*
 * The keys of a host that goes by any of these names, lines of "type base64"; *ret NULL where the file knows none.
 * ERROR_CONFLICT where all that it knows of are revoked, ERROR_CONFIG where none is of a type that is taken.
 */
int known_hosts_find(const char *text, const struct strv *names, uint16_t port, char **ret, struct error **err) MUST_USE;
