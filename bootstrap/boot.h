/*
 * boot: which start of a node it is on, so that a reboot can be told from a connection that broke.
 */
#pragma once
#include "core/base/json.h"
#include "core/net/ssh.h"

struct boot {
	char *mark;	 /* another one after each start */
	int64_t wall_ms; /* when that was, by the node's own clock, to the second or two */
};
void boot_clear(struct boot *b);
#define CLEANUP_BOOT CLEANUP(boot_clear)

int boot_read(struct ssh *s, int64_t deadline, struct boot *ret, struct error **err) MUST_USE;
/* By systemd, gently.  That the connection ends with it is no error. */
int boot_again(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
/* Whether the node is Ready by what its kubelet has said since that start; node: one of `kubectl get nodes`, or NULL.  Before a kubelet
 * reports again Kubernetes takes the node to be as it was. */
bool boot_is_ready(const struct boot *b, struct json_object *node);
