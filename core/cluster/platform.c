#include "core/cluster/platform.h"
#include "core/cluster/spec_fields.h"

static const char *const titles[] = {[PLATFORM_KUBERNETES] = "Kubernetes"};

unsigned platform_place(enum platform_type p, enum node_role role)
{
	return role == NODE_REGISTRY ? (unsigned)PLACE_REGISTRY : PLACE(p, role);
}

const char *platform_name(enum platform_type p)
{
	return platform_names[p];
}

const char *platform_title(enum platform_type p)
{
	return titles[p];
}
