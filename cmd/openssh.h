/* openssh: the cluster's servers as ssh(1) knows them: a block of ssh_config(5) and the known_hosts that goes with it.  Pure. */
#pragma once
#include "core/base/buf.h"
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"

/* Servers that were never reached are named in a comment only. */
void openssh_config(const struct spec *spec, struct inventory *inventory, const char *key_file, const char *known_hosts,
		    struct buf *ret);
/* Under the servers' names, which the block makes their HostKeyAlias: addresses may be given to others. */
void openssh_known_hosts(const struct spec *spec, struct inventory *inventory, struct buf *ret);
