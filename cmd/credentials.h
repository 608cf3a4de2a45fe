/* credentials: the application credential that openstack.applicationCredential wants: what is, what is wanted, and the difference. */
#pragma once
#include "cmd/context.h"
#include "provision/provision.h"

/* Adds to ret what credentials_converge() would do; asks the cloud only where the file or the state knows of one. */
int credentials_compare(const struct context *c, struct cloud *cloud, struct changes *ret, struct error **err) MUST_USE;
/* Makes, replaces or revokes it.  *ret_conf: cloud.conf for the cluster, secret, NULL where none is wanted; has_ca: the nodes have the
 * cloud's own authority. */
int credentials_converge(const struct context *c, struct cloud *cloud, bool has_ca, char **ret_conf, struct error **err) MUST_USE;
/* The Secret kube-system/cloud-config with it, to be applied; secret. */
void credentials_manifest(const char *conf, struct buf *ret);
