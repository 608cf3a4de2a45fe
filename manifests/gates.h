/*
 * gates: feature gates of the file's settings that a version of Kubernetes does not take: its components end at once with them.  Pure.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"

/* settings: spec.kubelet or spec.kubeProxy, or NULL.  "MemoryManager: 1.36 no longer knows it", "NodeLogQuery: always true from 1.36 on" of those
 * that the version refuses. */
void gates_refused(struct json_object *settings, const char *version, struct strv *ret);
