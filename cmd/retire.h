/*
 * retire: the end of a way to the servers that the file no longer wants: what served it (the bastion, floating IPs, rules for SSH) goes when every
 * node was reached in the new way, and not before.
 */
#pragma once
#include "cmd/work.h"
#include "provision/provision.h"

bool retire_any(const struct changes *changes);
/* "server demo-bastion", … of the changes: what a person is asked about. */
void retire_names(const struct changes *changes, struct strv *ret);
/* These are not done now. */
void retire_ignore(struct changes *changes);
/* ERROR_NODE that names the nodes which were not reached: then all of it stays. */
int retire_run(struct work *w, struct cloud *cloud, struct error **err) MUST_USE;
