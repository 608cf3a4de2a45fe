/* kubectl: commands of Kubernetes on a control-plane node; what they have in common. */
#pragma once
#include "bootstrap/bootstrap.h"

#define KUBECTL "/opt/davit/bin/kubectl --kubeconfig=/etc/kubernetes/admin.conf"

/* A POSIX shell script as root on the node; script may use "$k" as kubectl.  *ret_status: its exit status; errors: what it said
 * on standard error.  -1 only where it could not be run. */
int kubectl_script(struct ssh *s, const char *script, const void *in, size_t in_len, int64_t deadline, struct buf *out,
		   struct buf *errors, int *ret_status, struct error **err) MUST_USE;
/* Whether what kubectl said means that the API was away for a moment, or that it did not know its own rules yet (the first
 * seconds of an API server): worth another try. */
bool kubectl_passing(const char *errors);
/* The deadline itself, or the usual one where there is none; the whole seconds that are left, at least 1. */
int64_t kubectl_deadline(int64_t deadline);
int64_t kubectl_seconds(int64_t deadline);
/* Until when to wait for the next thing that moves: some minutes, or the deadline where it comes first. */
int64_t kubectl_patience(int64_t deadline);
/* The deadline of a look at what is so: beyond the other one, so that the reason can be told when that has passed. */
int64_t kubectl_look(int64_t deadline);
/* What to do after a failure: 0: try again (some time has passed), -1: give up with the error that tells. */
int kubectl_again(const char *what, const struct buf *errors, int status, int64_t deadline, struct error **err) MUST_USE;
/* `kubectl ARGUMENTS -o json`, tried again while the API is away. */
int kubectl_json(struct ssh *s, const char *arguments, int64_t deadline, struct json_object **ret, struct error **err) MUST_USE;
