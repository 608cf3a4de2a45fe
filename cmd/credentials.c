#include "cmd/credentials.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "manifests/manifests.h"
#include "provision/credential.h"

#define SECRET "credential-secret"

static bool same_roles(struct json_object *credential, const struct strv *wanted)
{
	struct json_object *roles = json_at(credential, "roles");
	size_t found = 0;

	for (size_t i = 0; i < json_len(roles); i++)
		found += strv_has(wanted, json_get_str(json_object_array_get_idx(roles, i), "name", ""));
	return found == wanted->n && json_len(roles) == wanted->n;
}

/* Why the one that is there will not do; NULL: it will, or none is wanted and none is there. */
static int judge(const struct context *c, struct cloud *cloud, const char **ret_why, struct error **err)
{
	const struct strv *wanted = &c->spec->openstack.application_credential.roles;
	CLEANUP_FREE char *id = c->state != NULL ? state_get(c->state, CREDENTIAL_ID) : NULL;
	CLEANUP_JSON struct json_object *list = NULL;
	bool known = id != NULL && *id != '\0';

	*ret_why = NULL;
	if (!known || wanted->n == 0) {
		*ret_why = known ? "the file no longer wants it" : wanted->n > 0 ? "the cluster has none" : NULL;
		return 0;
	}
	if (credential_list(cloud, state_uuid(c->state), &list, err) < 0)
		return -1;
	*ret_why = "it was revoked";
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(json_get_str(o, "id", ""), id) == 0)
			*ret_why = same_roles(o, wanted) ? NULL : "it has other roles";
	}
	return 0;
}

int credentials_compare(const struct context *c, struct cloud *cloud, struct changes *ret, struct error **err)
{
	const char *why = NULL;

	if (judge(c, cloud, &why, err) < 0)
		return -1;
	if (why == NULL)
		return 0;
	array_grow(ret->items, ret->n, ret->cap);
	ret->items[ret->n++] =
		(struct change){
			.action = CHANGE_UPDATE, .kind = xstrdup("application credential"), .name = xstrdup(c->spec->name), .reason = xstrdup(why)};
	return 0;
}

static int replace(const struct context *c, struct cloud *cloud, struct error **err)
{
	const struct strv *wanted = &c->spec->openstack.application_credential.roles;
	CLEANUP_CREDENTIAL struct credential made = {0};

	/* what is revoked is forgotten first: a run that is cut off begins anew */
	if (state_set(c->state, CREDENTIAL_ID, "", err) < 0 || state_set(c->state, SECRET, "", err) < 0)
		return -1;
	if (wanted->n == 0)
		return credential_revoke(cloud, state_uuid(c->state), err);
	if (credential_make(cloud, c->spec->name, state_uuid(c->state), wanted, &made, err) < 0 ||
	    state_set(c->state, SECRET, made.secret, err) < 0)
		return -1;
	return state_set(c->state, CREDENTIAL_ID, made.id, err);
}

int credentials_converge(const struct context *c, struct cloud *cloud, bool has_ca, char **ret_conf, struct error **err)
{
	CLEANUP_CREDENTIAL struct credential credential = {0};
	struct buf conf = BUF_INIT;
	const char *why = NULL;

	if (judge(c, cloud, &why, err) < 0 || (why != NULL && replace(c, cloud, err) < 0))
		return -1;
	*ret_conf = NULL;
	if (c->spec->openstack.application_credential.roles.n == 0)
		return 0;
	credential = (struct credential){state_get(c->state, CREDENTIAL_ID), state_get(c->state, SECRET)};
	credential_conf(cloud, &credential, has_ca ? OPENSTACK_CA_PATH : NULL, &conf);
	*ret_conf = xstrdup(buf_str(&conf));
	buf_wipe(&conf);
	return 0;
}

void credentials_manifest(const char *conf, struct buf *ret)
{
	CLEANUP_SECRET char *encoded = base64_encode(conf, strlen(conf));

	/* JSON is YAML too */
	buf_addf(ret, "---\n{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"cloud-config\",\"namespace\":\"kube-system\"},"
		      "\"type\":\"Opaque\",\"data\":{\"cloud.conf\":\"%s\"}}\n", encoded);
}
