/* console: the SSH host keys that cloud-init prints on a server's console when it boots. */
#pragma once
#include "provision/cloud.h"

/*
 * The keys of the last whole block between "-----BEGIN SSH HOST KEY KEYS-----" and "-----END …" (cloud-init's
 * write-ssh-key-fingerprints), lines of "type base64" of the types that davit takes; NULL where there are none; the caller frees.
 * log: any bytes; lines may begin with words of others ("ci-info:", "[   12.3] …"), and messages of the kernel stand between.
 */
char *console_host_keys(const char *log) MUST_USE;

/*
 * Asks nova for the console log until it has the keys: ERROR_TIMEOUT at the deadline (clock_ms()), ERROR_REMOTE where the
 * hypervisor keeps no console (501); both say what else can be done.
 */
int console_wait_host_keys(struct cloud *c, const char *server, const char *server_id, int64_t deadline, char **ret,
			   struct error **err) MUST_USE;
