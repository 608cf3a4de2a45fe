/*
 * kubelet: what the file may say below "kubelet:", of all, of the control planes and of each pool.  A key that a kubelet does not know it leaves out,
 * with a line in its log that nobody reads: it is an error here, or a warning where the file's Kubernetes is newer than the table.
 */
#pragma once
#include "core/base/yaml.h"
#include "core/cluster/spec.h"

int kubelet_check(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err) MUST_USE;
