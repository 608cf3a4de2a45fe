/* member: a control plane's part in etcd, as the others see it: on one of them, through etcdctl. */
#pragma once
#include "core/net/ssh.h"

/* Whether all members but the one of that address are well, so that they go on without it: ERROR_NODE says which are not. */
int member_is_dispensable(struct ssh *s, const char *address, int64_t deadline, struct error **err) MUST_USE;
/* The same, and takes it out; one that is out already is no error.  etcd itself refuses, too, what would cost the quorum. */
int member_remove(struct ssh *s, const char *address, int64_t deadline, struct error **err) MUST_USE;
/* On a control plane that leaves: its API server ends, which tells the others and lets requests come to their end, and what goes with it. */
int member_stop_plane(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
