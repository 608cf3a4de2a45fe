/*
 * retire: what served a way to the servers that the file no longer wants (access.bastion, access.allowedCIDRs, api.endpoint): rules for SSH, the
 * bastion with all that is its own, its security group, floating IPs of servers that are to have none, and what had the API's own address.  It
 * stays until the way of the file works.
 */
#pragma once
#include "provision/view.h"

/* Rules are no items: see rules_extra(). */
bool retire_takes(const struct plan *plan, const struct item *it);
