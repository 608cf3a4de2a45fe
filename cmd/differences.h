/* differences: what `apply` would do: the cloud's resources, then the nodes whose files or programs are not the wanted ones. */
#pragma once
#include "cmd/work.h"
#include "provision/provision.h"

/* w NULL: there is no state yet, so that nothing is on any node. */
int differences_find(const struct context *c, struct view *view, const struct work *w, struct changes *ret, struct error **err) MUST_USE;
/* Settings of the cluster itself (repair.h). */
void differences_of_settings(const struct context *c, const struct strv *settings, struct changes *ret);
/* Labels, annotations and taints; nodes: `kubectl get nodes -o json`, or NULL: nobody could be asked. */
int differences_of_nodes(const struct context *c, struct json_object *nodes, struct changes *ret, struct error **err) MUST_USE;
