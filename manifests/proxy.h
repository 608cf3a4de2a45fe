/* proxy: the environment through which containerd pulls images that are not in the private registry.  Pure. */
#pragma once
#include "core/base/fileset.h"
#include "core/cluster/spec.h"

/* /etc/davit/proxy.env, for root alone where a proxy wants a password; nothing where the file names no proxy. */
void proxy_file(const struct spec *spec, struct fileset *ret);
