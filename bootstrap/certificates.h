/* certificates: what a node really has of them. */
#pragma once
#include "core/base/fileset.h"
#include "core/base/strv.h"
#include "core/net/ssh.h"

/* The certificates in these files of the node, as PEM at their paths; files that are not there are not in the set.  Keys stay there. */
int bootstrap_certificates(struct ssh *s, const struct strv *paths, int64_t deadline, struct fileset *ret, struct error **err) MUST_USE;
/* What steps/certificates.sh has said, any bytes: only files that were asked for.  Pure. */
void certificates_read(const char *text, const struct strv *paths, struct fileset *ret);
/* The node's services begin again, with what certificates are there now; nobody waits for them (bootstrap_healthy() does). */
int bootstrap_renewed(struct ssh *s, struct error **err) MUST_USE;
