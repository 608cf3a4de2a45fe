/*
 * credential: a restricted application credential (keystone v3) with which the cluster's own controllers talk to the cloud, so that
 * nobody's password ever reaches a node.
 *
 * It is the user's, lives and dies with their roles in the project, is called "NAME-1a2b3c4d" and described "davit:UUID", and is
 * made with unrestricted: false: it can neither make nor delete others.  Its secret is told once, at its creation.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/strv.h"
#include "core/cluster/state.h"
#include "provision/cloud.h"

/* In the state: the id; "" from before one is made or revoked until that is done. */
#define CREDENTIAL_ID "credential-id"

struct credential {
	char *id, *secret;
};
void credential_clear(struct credential *c); /* wipes it */
#define CLEANUP_CREDENTIAL CLEANUP(credential_clear)

/* Those that bear the mark: an array of keystone's objects.  Empty where the login is no user's, or keystone (before
 * Queens) knows none. */
int credential_list(struct cloud *c, const char *uuid, struct json_object **ret, struct error **err) MUST_USE;
/* As credential_list(); where this login may not list them, *ret is empty and *ret_denied what was said (the caller frees), else NULL. */
int credential_look(struct cloud *c, const char *uuid, struct json_object **ret, char **ret_denied, struct error **err) MUST_USE;
/* Whether one may have been made that only a look would show.  False: the state is whole, and knows of none. */
bool credential_is_possible(struct state *state);
/* A new one; those that bear the mark are revoked first, since their secret is lost.  ERROR_AUTH where this login may not make any: it is
 * a restricted one itself, or lacks a role. */
int credential_make(struct cloud *c, const char *cluster, const char *uuid, const struct strv *roles, struct credential *ret,
		    struct error **err) MUST_USE;
/* All that bear the mark, but for one that this very login is made with. */
int credential_revoke(struct cloud *c, const char *uuid, struct error **err) MUST_USE;
/* cloud.conf, as cloud-provider-openstack and its CSI drivers read it.  ca_file: a path on the nodes, or NULL.  Secret. */
void credential_conf(struct cloud *c, const struct credential *credential, const char *ca_file, struct buf *ret);
/* The body of its creation: pure. */
struct json_object *credential_body(const char *cluster, const char *uuid, const struct strv *roles) MUST_USE;
