#include "core/cluster/kubelet.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/cluster/version.h"

/* The fields of KubeletConfiguration in kubelet.config.k8s.io/v1beta1: k8s.io/kubelet/config/v1beta1/types.go of this version. */
static const struct version TABLE = {1, 36, 0};
/* clang-format off */
static const char *const known[] = {
	"address", "allowedUnsafeSysctls", "authentication", "authorization", "cgroupDriver", "cgroupRoot", "cgroupsPerQOS", "clusterDNS",
	"clusterDomain", "configMapAndSecretChangeDetectionStrategy", "containerLogMaxFiles", "containerLogMaxSize", "containerLogMaxWorkers",
	"containerLogMonitorInterval", "containerRuntimeEndpoint", "contentType", "cpuCFSQuota", "cpuCFSQuotaPeriod", "cpuManagerPolicy",
	"cpuManagerPolicyOptions", "cpuManagerReconcilePeriod", "crashLoopBackOff", "enableContentionProfiling", "enableControllerAttachDetach",
	"enableDebugFlagsHandler", "enableDebuggingHandlers", "enableProfilingHandler", "enableServer", "enableSystemLogHandler",
	"enableSystemLogQuery", "enforceNodeAllocatable", "eventBurst", "eventRecordQPS", "evictionHard", "evictionMaxPodGracePeriod",
	"evictionMinimumReclaim", "evictionPressureTransitionPeriod", "evictionSoft", "evictionSoftGracePeriod", "failCgroupV1", "failSwapOn",
	"featureGates", "fileCheckFrequency", "hairpinMode", "healthzBindAddress", "healthzPort", "httpCheckFrequency", "imageGCHighThresholdPercent",
	"imageGCLowThresholdPercent", "imageMaximumGCAge", "imageMinimumGCAge", "imagePullCredentialsVerificationPolicy", "imageServiceEndpoint",
	"iptablesDropBit", "iptablesMasqueradeBit", "kernelMemcgNotification", "kubeAPIBurst", "kubeAPIQPS", "kubeReserved", "kubeReservedCgroup",
	"kubeletCgroups", "localStorageCapacityIsolation", "logging", "makeIPTablesUtilChains", "maxOpenFiles", "maxParallelImagePulls", "maxPods",
	"memoryManagerPolicy", "memoryReservationPolicy", "memorySwap", "memoryThrottlingFactor", "mergeDefaultEvictionSettings",
	"nodeLeaseDurationSeconds", "nodeStatusMaxImages", "nodeStatusReportFrequency", "nodeStatusUpdateFrequency", "oomScoreAdj", "podCIDR",
	"podLogsDir", "podPidsLimit", "podsPerCore", "port", "preloadedImagesVerificationAllowlist", "protectKernelDefaults", "providerID",
	"qosReserved", "readOnlyPort", "registerNode", "registerWithTaints", "registryBurst", "registryPullQPS", "reservedMemory",
	"reservedSystemCPUs", "resolvConf", "rotateCertificates", "runOnce", "runtimeRequestTimeout", "seccompDefault", "serializeImagePulls",
	"serverTLSBootstrap", "showHiddenMetricsForVersion", "shutdownGracePeriod", "shutdownGracePeriodByPodPriority",
	"shutdownGracePeriodCriticalPods", "singleProcessOOMKill", "staticPodPath", "staticPodURL", "staticPodURLHeader",
	"streamingConnectionIdleTimeout", "syncFrequency", "systemCgroups", "systemReserved", "systemReservedCgroup", "tlsCertFile",
	"tlsCipherSuites", "tlsCurvePreferences", "tlsMinVersion", "tlsPrivateKeyFile", "topologyManagerPolicy", "topologyManagerPolicyOptions",
	"topologyManagerScope", "tracing", "userNamespaces", "volumePluginDir", "volumeStatsAggPeriod",
};
/* clang-format on */

/* What davit, its certificates and the other programs of a node agree on with the kubelet. */
static const char *const owned[] = {"apiVersion", "authentication.anonymous", "authentication.x509", "authorization", "cgroupDriver", "clusterDomain",
				    "containerRuntimeEndpoint", "enableServer", "kind", "port", "providerID", "registerNode", "registerWithTaints",
				    "rotateCertificates", "staticPodPath", "tlsCertFile", "tlsPrivateKeyFile"};

static int check_owned(const struct yaml *y, const struct yaml_node *kubelet, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
		CLEANUP_STRV struct strv parts = STRV_INIT;
		const struct yaml_node *at = kubelet;

		strv_split(&parts, owned[i], ".");
		for (size_t k = 0; k < parts.n && at != NULL; k++)
			at = at->type == YAML_MAP ? yaml_get(at, parts.v[k]) : NULL;
		if (at != NULL)
			return yaml_error(y, at, err, "kubelet: \"%s\" is set by davit, which the rest of the cluster goes by; leave it out", owned[i]);
	}
	return 0;
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], key) == 0)
			return true;
	return false;
}

static int check_known(const struct yaml *y, const struct yaml_node *kubelet, const char *kubernetes, struct error **err)
{
	struct version file = {0};
	bool newer = version_parse(kubernetes, &file) && version_minors(&TABLE, &file) > 0;

	for (size_t i = 0; kubelet != NULL && kubelet->type == YAML_MAP && i < kubelet->n; i++) {
		const struct yaml_node *at = kubelet->key_nodes[i];
		const char *nearest = str_nearest(kubelet->keys[i], known, ARRAY_SIZE(known));
		CLEANUP_FREE char *meant = nearest != NULL ? xasprintf("; did you mean \"%s\"?", nearest) : xstrdup("");

		if (is_known(kubelet->keys[i]))
			continue;
		if (!newer)
			return yaml_error(y, at, err, "kubelet: \"%s\" is no key of a KubeletConfiguration, and the kubelet would leave it out%s",
					  kubelet->keys[i], meant);
		log_warning("%s:%d:%d: kubelet: \"%s\" is not known to davit, which knows the keys of Kubernetes %d.%d%s", y->name, at->line, at->column,
			    kubelet->keys[i], TABLE.major, TABLE.minor, meant);
	}
	return 0;
}

static int check(const struct yaml *y, const struct yaml_node *holder, const struct spec *s, struct error **err)
{
	const struct yaml_node *kubelet = yaml_get(holder, "kubelet");

	return check_owned(y, kubelet, err) < 0 ? -1 : check_known(y, kubelet, s->version, err);
}

int kubelet_check(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *pools = yaml_get(file, "workerPools");

	if (check(y, file, s, err) < 0 || check(y, yaml_get(file, "controlPlane"), s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_pools; i++)
		if (check(y, pools->values[i], s, err) < 0)
			return -1;
	return 0;
}
