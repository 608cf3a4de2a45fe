/*
 * recovery: what of a state no look at the cloud can bring back, as one JSON document: keys and certificates (the files of pki/
 * and ssh/, and the cluster file), passwords and digests (the values), and the pinned host keys (the nodes).
 *
 *   {"davit": "recovery/1", "cluster": "demo", "uuid": "…", "values": {"registry-password": "…", …},
 *    "nodes": [{"name": "demo-cp-1", "serverID": "…", "hostKey": "ssh-ed25519 AAAA…"}], "files": {"pki/ca.key": "-----BEGIN…", …}}
 */
#pragma once
#include "core/base/buf.h"
#include "core/cluster/state.h"

#define RECOVERY_PATH "/etc/davit/recovery.json" /* on each control plane, 0600 */

/* Secret: buf_wipe() it.  A run that writes it is at its end: "complete" is told as 1. */
int recovery_write(struct state *s, struct buf *ret, struct error **err) MUST_USE;
/*
 * Puts values, files and host keys into a state of the same cluster and UUID, and into the nodes of inventory that are the same
 * servers; what the document says of others is dropped.  ERROR_CONFIG names what is wrong; then no value and no file was written.
 * Names of files are held to those that davit writes: nothing outside of pki/ and ssh/.
 */
int recovery_read(const char *text, size_t len, struct state *to, struct inventory *inventory, struct error **err) MUST_USE;
/* The check that recovery_read() begins with; *ret: the document.  Pure. */
int recovery_parse(const char *text, size_t len, const char *cluster, const char *uuid, struct json_object **ret,
		   struct error **err) MUST_USE;
void recovery_free(struct json_object **document); /* wipes it */
