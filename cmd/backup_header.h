/* backup_header: a backup's header as JSON for programs. */
#pragma once
#include "core/base/json.h"
#include "core/cluster/backup.h"

struct json_object *backup_header_json(const struct backup *b) MUST_USE; /* as in the file; the caller puts */
