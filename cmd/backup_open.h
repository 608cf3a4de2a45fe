/* backup_open: a backup opened by who has its key. */
#pragma once
#include "cmd/backup_file.h"
#include "cmd/options.h"
#include "core/base/json.h"

/* The backup's file, opened with its key or passphrase (those of the options), every byte of it read; ret: the recovery file in it. Nothing else is
 * looked at. cluster, uuid: whose it has to be. */
int backup_open(const struct options *o, const char *path, const char *cluster, const char *uuid, struct backup_file *ret_file,
		     struct json_object **ret_recovery, struct error **err) MUST_USE;
/* What is sealed in it alone; ret: the recovery file, secret. */
int backup_unseal(const struct options *o, struct backup_file *f, struct buf *ret, struct error **err) MUST_USE;
