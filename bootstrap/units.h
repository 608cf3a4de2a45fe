/*
 * units: when a systemd unit must be restarted: when the digest of all that it is made of differs from that of its last start.
 *
 * That is its unit file and drop-ins, the files of the set that these name, and those that they name in turn, and the programs
 * of /opt/davit/bin that it runs.  Certificates that their readers load again by themselves do not count.  Pure.
 */
#pragma once
#include "bootstrap/bootstrap.h"
#include "core/base/digest.h"

/* "kubelet" is "kubelet.service"; what has a suffix stays.  The caller frees. */
char *unit_full_name(const char *name) MUST_USE;
int unit_digest(const struct bootstrap_run *run, const char *unit, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err) MUST_USE;
bool unit_uses(const struct bootstrap_run *run, const char *unit, const char *path);
/* One line each, in order: "UNIT DIGEST active|started plane|units|join" (see steps/units.sh). */
int units_text(const struct bootstrap_run *run, struct buf *ret, struct error **err) MUST_USE;
