/*
 * backup_away: backups in an object store (provision/objects.h), as UUID/NAME: clusters of one name may share a place.
 */
#pragma once
#include "cmd/context.h"
#include "core/base/json.h"
#include "provision/objects.h"

/* The place that the URL names, by the cluster's own cloud. */
int backup_away_open(const struct context *c, const char *url, struct objects **ret, struct error **err) MUST_USE;
/* A private folder for a file on its way; backup_away_drop() removes it with what is in it, and frees. */
int backup_away_folder(char **ret, struct error **err) MUST_USE;
void backup_away_drop(char **folder);
/* A backup's file, under its own name; ret_url: how it is called there; the caller frees. */
int backup_away_put(const struct context *c, struct objects *o, const char *path, char **ret_url, struct error **err) MUST_USE;
/* Removes all but the `keep` newest backups of this cluster there; ret_removed: their URLs. */
int backup_away_retire(const struct context *c, struct objects *o, size_t keep, struct strv *ret_removed, struct error **err) MUST_USE;
/* Those of this cluster, newest first: [{"name": URL, "taken", "size"}]; the caller puts. */
int backup_away_list(const struct context *c, struct objects *o, struct json_object **ret, struct error **err) MUST_USE;
/* Where on this machine the backup is that a person has named: fetched into ret_folder where that is an URL (by that cloud, as cloud_open() takes it), its
 * own path otherwise (ret_folder: NULL).  backup_away_drop() ret_folder; the caller frees ret_path. */
int backup_away_local(const char *name, const char *cloud, char **ret_folder, char **ret_path, struct error **err) MUST_USE;
