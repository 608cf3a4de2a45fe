/* spec_fields: the keys of the cluster file, as tables: what spec.c reads and checks by, and what the JSON Schema is made of. */
#pragma once
#include "core/cluster/schema.h"
#include "core/cluster/spec.h"

struct file {
	int api_version, kind; /* one choice each, so far */
	struct spec spec;
};

extern const struct field file_fields[];     /* of struct file */
extern const struct field metadata_fields[]; /* of its spec: "metadata" of the file, and "spec" */
extern const struct field spec_fields[];
extern const char *const platform_names[]; /* by enum platform_type, NULL behind them */
extern const char *const host_key_modes[]; /* by enum host_keys, NULL behind them */
