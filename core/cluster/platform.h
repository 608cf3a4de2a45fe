/* platform: what the tables of all rooms say about a platform: their rows are for places, a role on a platform.  See bootstrap/platform.h. */
#pragma once
#include "core/cluster/spec.h"
#include "core/cluster/inventory.h"

/* One bit each, 8 for each platform. */
#define PLACE(platform, role) (1u << (8 * (platform) + (role)))
enum {
	PLACE_CONTROL_PLANE = PLACE(PLATFORM_KUBERNETES, NODE_CONTROL_PLANE),
	PLACE_WORKER = PLACE(PLATFORM_KUBERNETES, NODE_WORKER),
	PLACE_KUBERNETES = PLACE_CONTROL_PLANE | PLACE_WORKER,
	PLACE_MANAGER = PLACE(PLATFORM_SWARM, NODE_CONTROL_PLANE),
	PLACE_ENGINE_API = PLACE(PLATFORM_SWARM, 7), /* no role of its own: managers whose engines have an open port as well (swarm.api) */
	PLACE_PORTAINER = PLACE(PLATFORM_SWARM, 6), /* likewise: managers of a swarm that has Portainer (swarm.portainer) */
	PLACE_SWARM = PLACE_MANAGER | PLACE(PLATFORM_SWARM, NODE_WORKER),
	PLACE_MKE_MANAGER = PLACE(PLATFORM_MKE, NODE_CONTROL_PLANE),
	PLACE_MSR = PLACE(PLATFORM_MKE, 7), /* likewise: workers of the pool that has MSR (mke.msr) */
	PLACE_MKE = PLACE_MKE_MANAGER | PLACE(PLATFORM_MKE, NODE_WORKER),
	PLACE_ENGINES = PLACE_SWARM | PLACE_MKE, /* members of a swarm */
	PLACE_REGISTRY = PLACE(PLATFORM_KUBERNETES, NODE_REGISTRY), /* the same on every platform */
};

struct yaml;
struct yaml_node;

/* What the file (its "spec") says that this platform cannot take. */
int platform_check(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err) MUST_USE;
/* Whether its nodes are members of a swarm of Docker engines. */
bool platform_is_swarm(enum platform_type p);
unsigned platform_place(enum platform_type p, enum node_role role);
unsigned place_of(const struct spec *s, const struct node *n); /* the same, and what the file makes of such nodes besides */
/* What kubelets or engines tell of themselves, once they have come to what the file says. */
const char *platform_node_version(const struct spec *s);
/* "1.36.3", of MKE "3.9.2 with engine 29.4.1": for people, and for what has to be told apart.  The caller frees. */
char *platform_release(enum platform_type p, const char *version, const char *engine) MUST_USE;
const char *platform_name(enum platform_type p);  /* the file's word: "kubernetes" */
const char *platform_title(enum platform_type p); /* for people: "Kubernetes" */
