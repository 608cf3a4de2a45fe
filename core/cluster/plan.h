/*
 * plan: what the file wants, computed from the file and from the addresses that nodes already have; no I/O, so that it is
 * tested against golden files and shown by `davit plan`.
 *
 * Names: everything of cluster "demo" is called "demo" or "demo-…"; nodes demo-cp-1, demo-POOL-1, demo-registry, demo-bastion.
 * Addresses: network+1 is the gateway, +4 the registry, +5 the bastion, +6 the API's load balancer, +7 its shared address (api.endpoint), +10… the control planes, +20… the workers in the order they were made,
 * all in the lower three quarters of the CIDR; DHCP and the router take from the upper quarter.
 *
 * Members of a pool are found by members.h.  Of more than the file wants those with the lowest numbers stay, as long as nobody has
 * chosen others (`excess`).
 *
 * In a network that is not ours, the cloud chooses: addresses may be given to others there, and on a shared network nobody but
 * its owner may choose one.  Nodes have no address in the plan then until they are known (see provision_reserve()).
 */
#pragma once
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"

struct plan_rule {
	const char *group;     /* "node", "control-plane", "registry", "bastion", "msr" */
	const char *protocol;  /* "tcp", "udp", "icmp", NULL: any */
	int port_min, port_max; /* 0: any */
	const char *from_group; /* one of the groups, or NULL */
	char *from_cidr;	/* or NULL */
	const char *why;	/* one phrase for people */
};

/* A volume for data: made in cinder, attached, formatted where it is empty, and mounted. */
struct plan_volume {
	char *name;		 /* "demo-w-1-var-lib-data" */
	struct volume_spec spec; /* strings are the file's */
	const char *file_system; /* "ext4" */
	char *label;		 /* of the file system, 12 characters at most where it is xfs */
	const char *options;	 /* of mount */
	char *mount;
};

struct plan_node {
	struct node node; /* name, role, pool, address; the floating IP that it has already, be it wanted or not */
	const char *flavor, *image;
	const char *zone; /* NULL: any */
	struct volume_spec root;
	struct plan_volume *volumes; /* by mount: what is mounted in another one comes after it */
	size_t n_volumes;
	bool floating_ip; /* it is to have one */
	struct strv groups;	  /* security groups: "node", … */
	char *server_group; /* name of one of the plan's, or NULL */
	const struct pool_spec *pool; /* NULL: registry, bastion */
};

struct plan_server_group {
	char *name; /* the pool's, "control-plane", "workers"; the second one of a pool: "workers.2" */
	enum server_group_policy policy;
};

struct plan {
	const struct spec *spec; /* outlives the plan */
	bool own_network, own_router; /* made by davit; else there is one already, or none is wanted */
	char *gateway, *allocation_start, *allocation_end; /* NULL where the network is not ours */
	char *api_service_ip, *dns_service_ip; /* first and tenth of serviceCIDR */
	char *api_address;	/* of the control plane in the network; it and the next may be NULL where the network is not ours */
	char *api_inside;	/* of the load balancer, or the one that control planes hold in turn; NULL where the API has none of its own */
	char *api_outside;	/* the floating IP of that one; NULL: none, or it is not known yet */
	bool api_floating_ip;	/* it is to have one */
	char *registry_address; /* in the network; port 5000 */
	struct strv groups;	/* security groups in order of creation */
	struct plan_server_group *server_groups;
	size_t n_server_groups;
	struct plan_rule *rules;
	size_t n_rules;
	struct plan_node *nodes; /* bastion and registry first, then control planes, then pools in the file's order */
	size_t n_nodes;
	struct strv leaving; /* nodes that are there and that the file no longer wants: chosen, one too many, or of a pool that is gone */
	struct strv first; /* of those that leave: they are gone before anything is made; not of plan_make()'s */
	struct strv excess;  /* those among them that only their numbers have chosen */
};

/* Whether there are several control planes, between which clients of the API are balanced. */
bool plan_is_balanced(const struct plan *p);
/* Whether every node has its address. */
bool plan_is_addressed(const struct plan *p);
/* known: nodes that exist (they keep their addresses), or NULL.  ERROR_CONFIG where the network is too small. */
int plan_make(const struct spec *spec, struct inventory *known, struct plan **ret, struct error **err) MUST_USE;
void plan_free(struct plan *p);
void plan_free_ptr(struct plan **p);
#define CLEANUP_PLAN CLEANUP(plan_free_ptr)
const struct plan_node *plan_find(const struct plan *p, const char *node_name);
const struct plan_node *plan_first(const struct plan *p); /* control plane; every plan has one */

/* Where a node has the table of its volumes: lines "ID TYPE LABEL OPTIONS FOLDER". */
#define VOLUMES_FILE "/etc/davit/volumes"

/* The registry as nodes call it: a name of its own, mapped to its address by containerd's certs.d and curl's --resolve. */
#define REGISTRY_NAME "registry.davit.internal"
#define REGISTRY_PORT 5000
#define ENGINE_PORT 2376 /* of docker, with TLS */
#define PORTAINER_PORT 9443 /* of its page */
#define PORTAINER_FOLDER "/etc/davit/portainer" /* on managers: tls.crt, tls.key */
#define PORTAINER_SECRET "portainer-password" /* of the swarm */
#define REGISTRY_USER "davit"
#define REGISTRY_BLOBS "davit/artifacts" /* repository of the binaries' blobs */
