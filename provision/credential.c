#include "provision/credential.h"
#include "core/base/alloc.h"
#include "provision/kind.h"
#include "provision/optional.h"

void credential_clear(struct credential *c)
{
	free(c->id);
	secret_free(c->secret);
	*c = (struct credential){0};
}

static char *path_of(struct cloud *c, const char *id)
{
	CLEANUP_FREE char *escaped = id != NULL ? http_escape(id) : NULL;

	return xasprintf("/users/%s/application_credentials%s%s", cloud_user_id(c), id != NULL ? "/" : "", id != NULL ? escaped : "");
}

int credential_list(struct cloud *c, const char *uuid, struct json_object **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *all = NULL;
	CLEANUP_FREE char *mark = mark_text(uuid), *path = NULL;

	if (cloud_user_id(c) == NULL) {
		*ret = json_object_new_array();
		return 0;
	}
	path = path_of(c, NULL);
	if (optional_list(c, CLOUD_IDENTITY, path, "application_credentials", &all, err) < 0)
		return error_wrap(err, "list the application credentials");
	*ret = json_object_new_array();
	for (size_t i = 0; i < json_len(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i);

		if (strcmp(json_get_str(o, "description", ""), mark) == 0)
			json_object_array_add(*ret, json_object_get(o));
	}
	return 0;
}

int credential_look(struct cloud *c, const char *uuid, struct json_object **ret, char **ret_denied, struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	*ret_denied = NULL;
	if (credential_list(c, uuid, ret, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_AUTH))
		return error_move(err, steal_ptr(why));
	*ret = json_object_new_array();
	*ret_denied = xstrdup(error_message(why));
	return 0;
}

bool credential_is_possible(struct state *state)
{
	CLEANUP_FREE char *id = state != NULL ? state_get(state, CREDENTIAL_ID) : NULL, *keys = state != NULL ? state_get(state, "keys") : NULL;

	return state == NULL || id != NULL || (keys != NULL && strcmp(keys, "lost") == 0);
}

static int revoke(struct cloud *c, struct json_object *o, struct error **err)
{
	const char *id = json_get_str(o, "id", "");
	CLEANUP_FREE char *path = path_of(c, id);
	CLEANUP_FREE char *what = xasprintf("revoke application credential \"%s\"", json_get_str(o, "name", id));
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {
		.service = CLOUD_IDENTITY, .method = "DELETE", .path = path, .retry = RETRY_A, .what = what, .not_found_ok = true};

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

int credential_revoke(struct cloud *c, const char *uuid, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;
	const char *own = cloud_application_credential(c);

	if (credential_list(c, uuid, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (own != NULL && (strcmp(own, json_get_str(o, "id", "")) == 0 || strcmp(own, json_get_str(o, "name", "")) == 0))
			return error_set(err, ERROR_CONFLICT,
					 "application credential \"%s\" is the cluster's own, and this login is made with it: revoke it with another",
					 json_get_str(o, "name", ""));
		if (revoke(c, o, err) < 0)
			return -1;
	}
	return 0;
}

struct json_object *credential_body(const char *cluster, const char *uuid, const struct strv *roles)
{
	struct json_object *body = json_object_new_object(), *o = json_object_new_object(), *list = json_object_new_array();
	CLEANUP_FREE char *name = mark_name(cluster, uuid), *mark = mark_text(uuid);

	for (size_t i = 0; i < roles->n; i++) {
		struct json_object *role = json_object_new_object();

		json_add_str(role, "name", roles->v[i]);
		json_object_array_add(list, role);
	}
	json_add(body, "application_credential", o);
	json_add_str(o, "name", name);
	json_add_str(o, "description", mark);
	json_add(o, "roles", list);
	json_add_bool(o, "unrestricted", false);
	return body;
}

static int explain(struct cloud *c, const struct strv *roles, struct error **err)
{
	CLEANUP_FREE char *names = strv_join(roles, ", ");

	if (err == NULL || (!error_is(*err, ERROR_AUTH) && !error_is(*err, ERROR_NOT_FOUND)))
		return -1;
	if (error_is(*err, ERROR_AUTH) && cloud_application_credential(c) != NULL)
		return error_wrap(err, "openstack.applicationCredential: this login is an application credential itself, and a restricted one "
				       "can make no others: log in with a password or an unrestricted one");
	return error_wrap(err, "openstack.applicationCredential: does this user have the roles %s in the project?", names);
}

int credential_make(struct cloud *c, const char *cluster, const char *uuid, const struct strv *roles, struct credential *ret,
		    struct error **err)
{
	CLEANUP_JSON struct json_object *body = credential_body(cluster, uuid, roles), *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id = NULL, *secret = NULL;
	struct cloud_call call = {.service = CLOUD_IDENTITY,
				  .method = "POST",
				  .body = body,
				  .retry = RETRY_C,
				  .what = "create the cluster's application credential"};
	int r;

	if (cloud_user_id(c) == NULL)
		return error_set(err, ERROR_AUTH, "openstack.applicationCredential: this login is no user's, so that it cannot have any");
	if (credential_revoke(c, uuid, err) < 0)
		return explain(c, roles, err);
	path = path_of(c, NULL);
	call.path = path;
	if (cloud_call(c, &call, &answer, NULL, NULL, err) < 0)
		return explain(c, roles, err);
	r = json_need_str(answer, "application_credential.id", &id, err) < 0 ||
			    json_need_str(answer, "application_credential.secret", &secret, err) < 0
		    ? -1
		    : 0;
	if (r == 0) {
		*ret = (struct credential){xstrdup(id), xstrdup(secret)};
		explicit_bzero((char *)secret, strlen(secret)); /* json-c wipes nothing */
	}
	return r;
}

static void add_line(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s=", key);
	buf_add_json(b, value); /* gcfg's quotes take the same escapes */
	buf_add_char(b, '\n');
}

void credential_conf(struct cloud *c, const struct credential *credential, const char *ca_file, struct buf *ret)
{
	buf_add(ret, "[Global]\n");
	add_line(ret, "auth-url", cloud_auth_url(c));
	add_line(ret, "application-credential-id", credential->id);
	add_line(ret, "application-credential-secret", credential->secret);
	if (cloud_region(c) != NULL)
		add_line(ret, "region", cloud_region(c));
	if (ca_file != NULL)
		add_line(ret, "ca-file", ca_file);
}
