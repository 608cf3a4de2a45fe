/*
 * rotation: the cluster's authorities give way to new ones, in three passes, each of which has to reach all nodes before the next begins.
 *
 * The new ones are in the folder "new" of the PKI's, in the same layout; which pass it is stands in the file "rotation", whose one write
 * each is: what is interrupted is in one pass or in the other.  At the end the new ones take the place of the old.
 */
#pragma once
#include "pki/pki.h"

#define ROTATION_NEW "new"

/* PKI_SETTLED where there is no such file; ERROR_CONFIG for one that is damaged. */
int rotation_pass(const char *folder, enum pki_pass *ret, struct error **err) MUST_USE;
/* Where the authorities are that sign in that pass.  The caller frees. */
char *rotation_folder(const char *folder, enum pki_pass pass) MUST_USE;
/* To that pass: the same one (nothing is done), the next one, or from the last one to PKI_SETTLED.  The first one makes the new authorities, as
 * options say; sa: a new key for the tokens of service accounts, too. */
int rotation_go(const char *folder, const struct pki_options *options, enum pki_pass to, bool sa, struct error **err) MUST_USE;
