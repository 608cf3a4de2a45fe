/*
 * spec: the cluster file, checked and with all defaults filled in.  Strings are never NULL where a comment does not say so.
 * Errors are ERROR_CONFIG with file:line:column, what was found and what is allowed.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"

enum platform_type { PLATFORM_KUBERNETES, PLATFORM_SWARM, PLATFORM_MKE, PLATFORMS };
/* By what the API is reached from outside. */
enum api_endpoint {
	API_FLOATING_IP, /* the first control plane's floating IP */
	API_INTERNAL,	 /* nothing: davit tunnel */
	API_VIP,	 /* an address of its own in the servers' network, which a control plane that is well holds */
	API_OCTAVIA,	 /* a load balancer of the cloud's */
};


/* How the host key of a server is known when it is reached for the first time; afterwards it is in the state. */
enum host_keys {
	HOST_KEYS_SEEDED,    /* made for it beforehand, in its user-data */
	HOST_KEYS_CONSOLE,   /* from its console log */
	HOST_KEYS_FIRST_USE, /* it is not: whichever is shown first is kept */
	HOST_KEYS_FILE	     /* from access.known_hosts */
};

/* The way to the servers. */
enum bastion_choice {
	BASTION_CONTROL_PLANE, /* the first control plane has a floating IP, all others are reached through it */
	BASTION_SERVER,	       /* the same with a server of its own, NAME-bastion */
	BASTION_FLOATING_IPS,  /* every server has a floating IP */
	BASTION_NONE,	       /* this machine reaches their addresses */
	BASTION_HOST	       /* a host that is there already: access.jump */
};

/* Of the private keys of certificates, by kubeadm's words (encryptionAlgorithm). */
enum key_algorithm { KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_RSA_2048, KEY_RSA_3072, KEY_RSA_4096 };

enum pod_security { POD_SECURITY_PRIVILEGED, POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED };
enum recovery_choice { RECOVERY_CONTROL_PLANE, RECOVERY_NONE };
enum server_group_policy { SERVER_GROUP_SOFT_APART, SERVER_GROUP_APART, SERVER_GROUP_SOFT_TOGETHER, SERVER_GROUP_TOGETHER, SERVER_GROUP_NONE };

struct volume_spec {
	int64_t size_gib; /* 0: none (root disk on the hypervisor, from the image) */
	char *type;	  /* NULL: the cloud's default */
	char *zone;	  /* of cinder; NULL: the server's, where cinder has one of that name */
};

enum file_system { FILE_SYSTEM_EXT4, FILE_SYSTEM_XFS };

struct data_volume_spec {
	struct volume_spec volume;
	char *mount; /* absolute, of letters, digits, - _ . */
	enum file_system file_system;
};

struct pool_spec {
	char *name;  /* "control-plane" for the control plane's */
	int count;
	char *flavor;
	char *image; /* NULL: openstack.image */
	struct volume_spec volume; /* the root volume */
	struct data_volume_spec *volumes; /* more, for data */
	size_t n_volumes;
	struct strv labels;	   /* "key=value" */
	struct strv annotations;   /* "key=value" */
	struct strv taints;	   /* "key=value:Effect" or "key:Effect" */
	struct json_object *kubelet; /* over the cluster's own kubelet settings; NULL: none */
	struct strv security_groups; /* names or ids of those that are there, besides davit's own */
	struct strv networks;	   /* names or ids of those that are there, besides the cluster's own: a port in each */
	struct strv zones;	   /* availability zones, spread over in order; empty: the cloud's choice */
	enum server_group_policy server_group;
	int server_group_size; /* servers in one group at most */
	/* of pools of workers only: */
	int max_surge, max_unavailable; /* while nodes are replaced: how many more than count, how many fewer; not both 0 */
	bool surge_said;		/* the file says one of the two */
	int64_t repair_after;		/* ms that a node may be not Ready; INT64_MAX: it is not repaired */
	int max_unhealthy;		/* repaired at the same time */
};

/* A file of the operator's that becomes part of the bundle. */
struct own_file {
	char *path;   /* beside the cluster file */
	char *sha256; /* 64 hexadecimal digits */
};

struct stack_spec {
	char *name, *file; /* file: a Compose file */
};

struct yaml;

enum { CONTROL_PLANES_MAX = 5 };

struct spec {
	char *path;    /* of the file */
	struct yaml *source; /* what was read, for places in it */
	char *name;    /* metadata.name: RFC 1123 label, at most 40 characters */
	enum platform_type platform;
	char *version; /* "1.36.3", "29.9.3", "3.9.2" */
	struct {
		char *cloud; /* NULL: OS_CLOUD or the environment */
		char *image, *external_network;
		struct {
			struct strv roles; /* empty: the cluster gets none */
		} application_credential;
		bool config_drive;
		struct strv metadata; /* "key=value", of servers and volumes */
	} openstack;
	struct {
		char *cidr, *pod_cidr, *service_cidr, *domain;
		struct strv dns;
		char *plugin; /* "flannel" or "none" */
		struct {
			char *network, *subnet, *router; /* names or ids; NULL: made by davit */
		} existing;
	} network;
	struct {
		enum api_endpoint endpoint;
		/* of API_VIP and API_OCTAVIA: */
		char *address;	  /* in the servers' network; NULL: the plan's choice, in a network of ours */
		bool floating_ip; /* it has one */
		char *provider;	  /* of Octavia; NULL: the cloud's default */
		struct strv allowed_cidrs, extra_sans;
	} api;
	struct {
		char *schedule; /* of systemd's, "daily"; NULL: none are made */
		int keep;
	} etcd_snapshots;
	struct {
		char *user;
		struct strv allowed_cidrs;
		char *host_keys_text; /* the word or path of the file */
		enum host_keys host_keys;
		char *known_hosts; /* of HOST_KEYS_FILE, else NULL */
		enum bastion_choice bastion;
		struct {
			char *flavor;
			struct volume_spec volume; /* its root volume */
		} server;			   /* of BASTION_SERVER */
		struct {
			char *host, *user, *key_file;
			int port;
			char *host_key;	   /* "ssh-ed25519 AAAA…", or NULL: it is in */
			char *known_hosts; /* this file */
		} jump;			   /* of BASTION_HOST */
		struct strv authorized_keys; /* lines, or paths of files that hold some */
		enum recovery_choice recovery;
	} access;
	struct pool_spec control_plane;
	struct pool_spec *pools;
	size_t n_pools;
	struct {
		char *flavor;
		char *image; /* NULL: openstack.image */
		struct volume_spec volume; /* its data volume: always there */
	} registry;
	struct {
		char *bundle; /* folder of the bundle, NULL: made in the cache as needed */
		char *mirror; /* URL in front of every upstream address, NULL: the upstream sites */
		struct strv images; /* more images for the registry, "registry.k8s.io/e2e-test-images/agnhost:2.63.0" */
	} artifacts;
	struct {
		char *http, *https; /* http(s)://[USER:PASSWORD@]HOST:PORT, or NULL; for davit and for containerd */
		struct strv no;	    /* hosts, domains and CIDRs that are reached without */
	} proxy;
	enum pod_security pod_security;
	struct {
		enum key_algorithm algorithm;
		struct {
			char *certificate;     /* path of the chain, the site's intermediate authority first; NULL: the cluster's authorities are roots */
			char *key;	       /* path; NULL: davit makes it, and asks for the certificate */
			char *passphrase_file; /* of the key; NULL: there is none, or it is asked for */
		} ca;
		struct strv renewed_on_nodes; /* authorities ("cluster") whose certificates nodes renew by themselves */
	} pki;
	struct {
		struct strv address_pools; /* CIDRs that overlay networks are cut out of … */
		int mask_length;	   /* … as large as this */
		int64_t cert_expiry;	   /* ms: how long the certificates last that nodes renew among themselves */
		bool autolock;		   /* managers that were restarted are locked, until somebody has the key */
		struct strv api_cidrs;	   /* who may connect to the managers' engines by TLS; none: the port is closed, and nothing listens */
		struct strv api_sans;	   /* more names and addresses in those engines' certificates */
		struct {
			char *version; /* of Portainer CE; NULL: there is none */
			struct strv cidrs, sans; /* as of the api */
			char *password_file; /* of its administrator */
		} portainer;
	} swarm;
	struct {
		struct own_file images; /* MKE's, as the vendor packs them */
		struct {
			char *version; /* of Mirantis Container Runtime */
			struct own_file *packages; /* NAME_VERSION_ARCH.deb */
			size_t n_packages;
		} engine;
		char *license, *user, *password_file; /* license NULL: none */
		struct {
			char *version; /* of Mirantis Secure Registry; NULL: there is none */
			struct own_file images;
			char *pool; /* of workers, each of which has a replica */
			char *host; /* the name by which clients reach it, at port 443 */
			struct strv sans, cidrs; /* as of the api */
			char *nfs, *volume; /* where images lie; both NULL: a volume that it makes */
		} msr;
	} mke;
	struct stack_spec *stacks; /* of a swarm */
	size_t n_stacks;
	/* Settings of the operator merged over what is rendered; JSON objects, NULL where there are none. */
	struct json_object *kubelet, *kube_proxy, *containerd, *daemon;
};

/* Whether the API has an address that is none of the servers' (vip, octavia); whether its load balancer keeps the clients' addresses. */
bool spec_api_has_address(const struct spec *s);
bool spec_is_ovn(const struct spec *s);
bool spec_renews(const struct spec *s); /* whether nodes renew certificates by themselves */
int spec_load(const char *path, struct spec **ret, struct error **err) MUST_USE;
/* Its text alone; of a file that is missing the same error is told. */
int spec_read(const char *path, struct buf *ret, struct error **err) MUST_USE;
int spec_parse(const char *path, const char *text, size_t len, struct spec **ret, struct error **err) MUST_USE;
void spec_free(struct spec *s);
void spec_free_ptr(struct spec **s);
#define CLEANUP_SPEC CLEANUP(spec_free_ptr)
/* "cluster.yaml:7:12", where the file says that of spec ("network.podCIDR"); where it does not, what it would stand in.  The caller frees. */
char *spec_place(const struct spec *s, const char *key) MUST_USE;
const char *file_system_name(enum file_system f); /* "ext4" */
const char *key_algorithm_name(enum key_algorithm a); /* "ECDSA-P256" */
const char *pod_security_name(enum pod_security p); /* "baseline" */
const char *server_group_policy(enum server_group_policy p); /* as nova calls it: "soft-anti-affinity" */
/* The lines of access.authorizedKeys, read from their files, each checked: "ssh-ed25519 AAAA… comment". */
int spec_authorized_keys(const struct spec *s, struct strv *ret, struct error **err) MUST_USE;
/* The JSON Schema (draft 2020-12) of the file, from the same table that checks it; the caller puts. */
struct json_object *spec_schema(void);
