/* authorities: the cluster's, opened with what the file says of them (pki): what has to be made is issued by the site's authority where it names one. */
#pragma once
#include "cmd/context.h"
#include "pki/pki.h"

/* For pki_open() and rotation_go(), as long as c lives. */
struct pki_options authorities_options(const struct context *c);
int authorities_open(const struct context *c, struct pki **ret, struct error **err) MUST_USE;
/*
 * Before anything is made, and while the terminal is nobody else's: where authorities are missing and the file names one of the site, it is
 * read, with its passphrase, and checked (site.h).  ERROR_CONFIG: what is wrong with it; or that its certificate is not there yet, for which
 * a request was written: which one, and what to do.
 */
int authorities_prepare(struct context *c, struct error **err) MUST_USE;
/* The same whether they are missing or not: for a rotation. */
int authorities_prepare_new(struct context *c, struct error **err) MUST_USE;
void authorities_forget(struct context *c); /* what was read */
