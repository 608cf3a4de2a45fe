#include "bootstrap/claims.h"
#include "bootstrap/kubectl.h"
#include <string.h>

#define DRIVER "cinder.csi.openstack.org"

static const char *annotation(struct json_object *o, const char *name)
{
	return json_get_key(json_at(o, "metadata.annotations"), name, "");
}

/* One that somebody made by hand and only handed in here stays theirs. */
void claims_volumes(struct json_object *persistent_volumes, struct strv *ret)
{
	struct json_object *items = json_at(persistent_volumes, "items");

	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		const char *id = json_get_str(o, "spec.csi.volumeHandle", "");

		if (*id != '\0' && strcmp(json_get_str(o, "spec.csi.driver", ""), DRIVER) == 0 &&
		    strcmp(annotation(o, "pv.kubernetes.io/provisioned-by"), DRIVER) == 0 &&
		    strcmp(json_get_str(o, "spec.persistentVolumeReclaimPolicy", ""), "Delete") == 0)
			strv_add(ret, id);
	}
}

void claims_services(struct json_object *services, struct strv *ret)
{
	struct json_object *items = json_at(services, "items");

	for (size_t i = 0; i < json_len(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		const char *uid = json_get_str(o, "metadata.uid", "");

		if (*uid != '\0' && strcmp(json_get_str(o, "spec.type", ""), "LoadBalancer") == 0)
			strv_add(ret, uid);
	}
}

int kubernetes_claims(struct ssh *s, int64_t deadline, struct strv *ret_volumes, struct strv *ret_services, struct error **err)
{
	CLEANUP_JSON struct json_object *volumes = NULL, *services = NULL;

	if (kubectl_json(s, "get persistentvolumes", deadline, &volumes, err) < 0 ||
	    kubectl_json(s, "get services -A", deadline, &services, err) < 0)
		return -1;
	claims_volumes(volumes, ret_volumes);
	claims_services(services, ret_services);
	return 0;
}
