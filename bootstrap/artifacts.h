/* artifacts: which binaries a node gets, and from where: artifacts.txt and curl's configuration.  Pure. */
#pragma once
#include "bootstrap/bootstrap.h"

/* One line each, in the order of need: "NAME VERSION sha256:HEX SIZE file|tar.gz STRIP PROGRAM…". */
int artifacts_text(const struct bootstrap_run *run, struct buf *ret, struct error **err) MUST_USE;
/* What curl -K reads to get a blob from the registry; holds the password. */
void artifacts_curl_conf(const struct bootstrap_run *run, struct buf *ret);
/* Of the role, in the order of need: *at is the place to go on from, 0 at first; NULL: no more. */
const struct artifact *artifacts_next(const struct bootstrap_run *run, size_t *at);
