#include "manifests/gates.h"
#include "core/cluster/version.h"

enum fate { GONE, ALWAYS, NEVER }; /* of ALWAYS and NEVER any other value is refused */

/* What each minor version has changed: defaultVersionedKubernetesFeatureGates of pkg/features/kube_features.go, compared with that of the
 * one before it: gates that are not there any more, and those that have become LockToDefault. */
static const struct {
	const char *minor, *gate;
	enum fate fate;
} gates[] = {
	{"1.36", "CSIMigrationPortworx", GONE},
	{"1.36", "HonorPVReclaimPolicy", GONE},
	{"1.36", "InPlacePodVerticalScalingAllocatedStatus", GONE},
	{"1.36", "InTreePluginPortworxUnregister", GONE},
	{"1.36", "MemoryManager", GONE},
	{"1.36", "ServiceTrafficDistribution", GONE},
	{"1.36", "StructuredAuthorizationConfiguration", GONE},
	{"1.36", "TopologyAwareHints", GONE},
	{"1.36", "WatchFromStorageWithoutResourceVersion", GONE},
	{"1.36", "CSIServiceAccountTokenSecrets", ALWAYS},
	{"1.36", "DRAAdminAccess", ALWAYS},
	{"1.36", "DeclarativeValidation", ALWAYS},
	{"1.36", "DisableNodeKubeProxyVersion", ALWAYS},
	{"1.36", "ExternalServiceAccountTokenSigner", ALWAYS},
	{"1.36", "GitRepoVolumeDriver", NEVER},
	{"1.36", "ImageVolume", ALWAYS},
	{"1.36", "KubeletFineGrainedAuthz", ALWAYS},
	{"1.36", "KubeletPSI", ALWAYS},
	{"1.36", "KubeletPodResourcesDynamicResources", ALWAYS},
	{"1.36", "KubeletPodResourcesGet", ALWAYS},
	{"1.36", "MutableCSINodeAllocatableCount", ALWAYS},
	{"1.36", "NodeLogQuery", ALWAYS},
	{"1.36", "ProcMountType", ALWAYS},
	{"1.36", "SELinuxChangePolicy", ALWAYS},
	{"1.36", "SELinuxMountReadWriteOncePod", ALWAYS},
	{"1.36", "SeparateCacheWatchRPC", NEVER},
	{"1.36", "TopologyManagerPolicyOptions", ALWAYS},
	{"1.36", "UserNamespacesSupport", ALWAYS},
	{"1.36", "VolumeAttributesClass", ALWAYS},
};

static void check(size_t i, struct json_object *value, struct strv *ret)
{
	bool on = json_object_get_boolean(value);

	if (gates[i].fate == GONE)
		strv_addf(ret, "%s: %s no longer knows it", gates[i].gate, gates[i].minor);
	else if (on != (gates[i].fate == ALWAYS))
		strv_addf(ret, "%s: always %s from %s on", gates[i].gate, gates[i].fate == ALWAYS ? "true" : "false", gates[i].minor);
}

void gates_refused(struct json_object *settings, const char *version, struct strv *ret)
{
	struct json_object *wanted = json_at(settings, "featureGates"), *value = NULL;
	struct version target, since;

	version_parse(version, &target);
	for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
		version_parse(gates[i].minor, &since);
		if (version_compare(&since, &target) <= 0 && json_object_object_get_ex(wanted, gates[i].gate, &value))
			check(i, value, ret);
	}
}
