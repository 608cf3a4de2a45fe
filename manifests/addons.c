#include "manifests/manifests.h"
#include "manifests/values.h"

static const char *const rbac[] = {"addons/rbac.yaml"};
static const char *const portainer[] = {"swarm/portainer.yaml"};
static const char *const addons[] = {"addons/coredns.yaml", "addons/metrics-server.yaml"};

static int render(const char *const *names, size_t n, const struct plan *plan, const struct manifest_values *values,
		  struct buf *ret, struct error **err)
{
	CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;

	if (values_fill(plan, NULL, values, &v, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add(ret, "---\n");
		if (template_expand(names[i], &v, ret, err) < 0)
			return -1;
	}
	return 0;
}

int manifests_rbac(const struct plan *plan, struct buf *ret, struct error **err)
{
	return render(rbac, ARRAY_SIZE(rbac), plan, NULL, ret, err);
}

int manifests_addons(const struct plan *plan, const struct manifest_values *values, struct buf *ret, struct error **err)
{
	return render(addons, ARRAY_SIZE(addons), plan, values, ret, err);
}

int manifests_portainer(const struct plan *plan, struct buf *ret, struct error **err)
{
	return render(portainer, ARRAY_SIZE(portainer), plan, NULL, ret, err);
}
