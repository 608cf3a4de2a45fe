/* scalar: the grammar of single values of the cluster file.  Errors hold no position: the caller adds it. */
#pragma once
#include "core/cluster/schema.h"

int scalar_check(const struct field *f, const char *s, struct error **err) MUST_USE;
int scalar_size(const char *s, int64_t *ret_gib, struct error **err) MUST_USE; /* checked by scalar_check() */
int scalar_time(const char *s, int64_t *ret_ms, struct error **err) MUST_USE; /* likewise */
/* Kubernetes' label grammar; names in kubernetes.io/ and k8s.io/ that a kubelet may not set are refused. */
int scalar_label(const char *key, const char *value, struct error **err) MUST_USE;
/* Any value under a key of that grammar; those of davit and of flannel are refused. */
int scalar_annotation(const char *key, const char *value, struct error **err) MUST_USE;
int scalar_metadata(const char *key, const char *value, struct error **err) MUST_USE; /* of a server or volume */
bool scalar_is_name(const char *s, size_t max); /* an RFC 1123 label */
