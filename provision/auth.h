/*
 * auth: one login to keystone and its renewal, shared by all threads.
 *
 * A token is renewed before less than 120 s of it are left (a third of its life where it is short), by one thread while the
 * others wait; requests to keystone's /auth/tokens never wait for a renewal themselves.
 */
#pragma once
#include "core/net/http.h"
#include "provision/clouds.h"

/* What a login gave. */
struct session {
	char *token;
	int64_t life_ms;			   /* from the moment it was issued */
	int64_t ends_ms;			   /* clock_ms() */
	char *project_id, *project_name, *user_id; /* project_*: NULL for a token without project */
	struct strv roles;			   /* names */
	bool restricted;			   /* by an application credential that may make no others */
	bool clock_known;
	int64_t clock_skew_ms;			   /* of keystone's clock before this machine's, to the second */
	struct json_object *catalog;		   /* array; NULL for a token without scope */
};
void session_free(struct session *s);

/* The text of POST /v3/auth/tokens; secret, the caller wipes. */
void auth_body(const struct cloud_config *c, struct buf *ret);
/* The answer of keystone: 200 or 201. asked_ms: clock_ms() before the request. */
int auth_parse(const struct http_response *r, int64_t asked_ms, struct session *ret, struct error **err) MUST_USE;
/* ".../v3" for an auth_url as people write it; the caller frees. */
char *auth_url_v3(const char *auth_url) MUST_USE;

struct auth;
/* Both outlive it. Logs in: one request, a second and third one where auth_url is not keystone's root. */
int auth_new(struct http *h, const struct cloud_config *c, const char *request_id, int64_t deadline, struct auth **ret,
	     struct error **err) MUST_USE;
void auth_free(struct auth *a);
const struct session *auth_first(const struct auth *a); /* of the first login: catalog, ids (the token may be an old one) */
/* Calls look, under the lock, with the catalog of the newest login where that is a later one than number `known`; returns the number of
 * the newest.  The first login is number 1. */
typedef void auth_look(struct json_object *catalog, void *context);
uint64_t auth_catalog(struct auth *a, uint64_t known, auth_look *look, void *context);
const char *auth_base(const struct auth *a);		/* the URL that answered: "https://keystone:5000/v3" */

/* A copy of a token with at least margin_ms left where its life allows that; the caller wipes (secret_free()). */
int auth_token(struct auth *a, int64_t margin_ms, int64_t deadline, char **ret, struct error **err) MUST_USE;
/* After a 401 with this token: a newer one.  One thread logs in, the others wait for it and share its failure. */
int auth_renew(struct auth *a, const char *refused, int64_t deadline, char **ret, struct error **err) MUST_USE;
