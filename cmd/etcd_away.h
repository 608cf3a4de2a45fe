/*
 * etcd_away: backups in an object store (provision/objects.h), as UUID/NAME: clusters of one name may share a place.
 */
#pragma once
#include "cmd/context.h"
#include "core/base/json.h"
#include "provision/objects.h"

/* The place that the URL names, by the cluster's own cloud. */
int etcd_away_open(const struct context *c, const char *url, struct objects **ret, struct error **err) MUST_USE;
/* A private folder for a file on its way; etcd_away_drop() removes it with what is in it, and frees. */
int etcd_away_folder(char **ret, struct error **err) MUST_USE;
void etcd_away_drop(char **folder);
/* A backup's file, under its own name; ret_url: how it is called there; the caller frees. */
int etcd_away_put(const struct context *c, struct objects *o, const char *path, char **ret_url, struct error **err) MUST_USE;
/* Removes all but the `keep` newest backups of this cluster there; ret_removed: their URLs. */
int etcd_away_retire(const struct context *c, struct objects *o, size_t keep, struct strv *ret_removed, struct error **err) MUST_USE;
/* Those of this cluster, newest first: [{"name": URL, "taken", "size"}]; the caller puts. */
int etcd_away_list(const struct context *c, struct objects *o, struct json_object **ret, struct error **err) MUST_USE;
/* The backup that the URL names, into a new file of that path. */
int etcd_away_fetch(const struct context *c, const char *url, const char *path, struct error **err) MUST_USE;
