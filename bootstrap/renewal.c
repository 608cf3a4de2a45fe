#include "bootstrap/renewal.h"
#include "bootstrap/kubectl.h"
#include "core/base/alloc.h"

static struct json_object *object(const char *version, const char *kind, const char *name, const char *namespace, struct json_object **ret_metadata)
{
	struct json_object *o = json_object_new_object(), *metadata = json_object_new_object();

	json_add_str(o, "apiVersion", version);
	json_add_str(o, "kind", kind);
	json_add_str(metadata, "name", name);
	json_add_str(metadata, "namespace", namespace);
	json_add(o, "metadata", metadata);
	if (ret_metadata != NULL)
		*ret_metadata = metadata;
	return o;
}

static struct json_object *words(const char *word)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, json_object_new_string(word));
	return list;
}

static struct json_object *one(struct json_object *o)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, o);
	return list;
}

struct json_object *renewal_map(const char *node, struct json_object *data)
{
	struct json_object *metadata, *labels = json_object_new_object(), *o = object("v1", "ConfigMap", node, RENEWAL_NAMESPACE, &metadata);

	json_add_str(labels, "davit.dev/certificates", "node");
	json_add(metadata, "labels", labels);
	json_add(o, "data", data);
	return o;
}

static struct json_object *role(void)
{
	struct json_object *o = object("rbac.authorization.k8s.io/v1", "Role", "nodes", RENEWAL_NAMESPACE, NULL), *rule = json_object_new_object();

	json_add(rule, "apiGroups", words(""));
	json_add(rule, "resources", words("configmaps"));
	json_add(rule, "verbs", words("get"));
	json_add(o, "rules", one(rule));
	return o;
}

static struct json_object *binding(void)
{
	struct json_object *o = object("rbac.authorization.k8s.io/v1", "RoleBinding", "nodes", RENEWAL_NAMESPACE, NULL);
	struct json_object *ref = json_object_new_object(), *group = json_object_new_object();

	json_add_str(ref, "apiGroup", "rbac.authorization.k8s.io");
	json_add_str(ref, "kind", "Role");
	json_add_str(ref, "name", "nodes");
	json_add(o, "roleRef", ref);
	json_add_str(group, "apiGroup", "rbac.authorization.k8s.io");
	json_add_str(group, "kind", "Group");
	json_add_str(group, "name", "system:nodes");
	json_add(o, "subjects", one(group));
	return o;
}

struct json_object *renewal_list(struct json_object *maps)
{
	struct json_object *list = json_object_new_object(), *items = json_object_new_array();

	json_object_array_add(items, object("v1", "Namespace", RENEWAL_NAMESPACE, NULL, NULL));
	json_object_array_add(items, role());
	json_object_array_add(items, binding());
	for (size_t i = 0; i < json_len(maps); i++)
		json_object_array_add(items, json_object_get(json_object_array_get_idx(maps, i)));
	json_add_str(list, "apiVersion", "v1");
	json_add_str(list, "kind", "List");
	json_add(list, "items", items);
	return list;
}

static int run(struct ssh *s, const char *what, const char *script, const char *in, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_BUF struct buf errors = BUF_INIT;
		int status = 0;

		if (kubectl_script(s, script, in, strlen(in), kubectl_look(deadline), NULL, &errors, &status, err) < 0)
			return -1;
		if (status == 0)
			return 0;
		if (kubectl_again(what, &errors, status, deadline, err) < 0)
			return -1;
	}
}

/* What a control plane has signed meanwhile is an earlier one: forced. */
int renewal_publish(struct ssh *s, struct json_object *maps, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *list = renewal_list(maps);

	return run(s, "publishing the certificates that nodes renew by themselves", "exec $k apply --server-side --force-conflicts --field-manager=davit -f - >/dev/null",
		   json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN), kubectl_deadline(deadline), err);
}

int renewal_withdraw(struct ssh *s, int64_t deadline, struct error **err)
{
	return run(s, "withdrawing the certificates that nodes renewed by themselves", "exec $k delete namespace " RENEWAL_NAMESPACE " --ignore-not-found --wait=false", "",
		   kubectl_deadline(deadline), err);
}
