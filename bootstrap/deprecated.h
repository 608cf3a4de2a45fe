/*
 * deprecated: which APIs somebody has asked for that a version of Kubernetes no longer has, by the API server's own metrics: lines
 * apiserver_requested_deprecated_apis{group="",removed_release="1.37",resource="…",subresource="",version="v1"} 1 in the text format of
 * Prometheus.  Pure; any bytes are taken.
 */
#pragma once
#include "core/base/strv.h"

/* "flowcontrol.apiserver.k8s.io/v1beta3 flowschemas (gone with 1.32)" of those that are gone in the target ("1.36.3"), each once. */
void deprecated_apis(const char *metrics, const char *target, struct strv *ret);
